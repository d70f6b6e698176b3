"""Training: one loop, its checkpoints, and what it hardens against."""

from .checkpoint import Checkpoint as Checkpoint
from .fit import Epoch as Epoch
from .fit import FitSettings as FitSettings
from .fit import Harden as Harden
from .fit import OnStep as OnStep
from .fit import fit as fit
