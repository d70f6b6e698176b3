"""Training: one loop."""

from .augment import SignAugmentation as SignAugmentation
from .fit import FitSettings as FitSettings
from .fit import fit as fit
