"""Training: one loop."""

from .fit import FitSettings as FitSettings
from .fit import fit as fit
