"""Penalties: terms of the training loss, each a small function that reads like its formula."""

from .l_infinity import l_infinity as l_infinity
from .penalty import PENALTIES as PENALTIES
from .penalty import Penalty as Penalty
from .penalty import penalty_terms as penalty_terms
from .penalty import penalty_values as penalty_values
from .tikhonov import difference_energy as difference_energy
from .tikhonov import high_pass_energy as high_pass_energy
from .tikhonov import identity_energy as identity_energy
from .total_variation import total_variation as total_variation
