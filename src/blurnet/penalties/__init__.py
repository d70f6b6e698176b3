"""Penalties: terms of the training loss, each a small function that reads like its formula."""

from blurnet.penalties.l_infinity import l_infinity as l_infinity
from blurnet.penalties.penalty import PENALTIES as PENALTIES
from blurnet.penalties.penalty import Penalty as Penalty
from blurnet.penalties.penalty import penalty_terms as penalty_terms
from blurnet.penalties.penalty import penalty_values as penalty_values
from blurnet.penalties.tikhonov import difference_energy as difference_energy
from blurnet.penalties.tikhonov import high_pass_energy as high_pass_energy
from blurnet.penalties.tikhonov import identity_energy as identity_energy
from blurnet.penalties.total_variation import total_variation as total_variation
