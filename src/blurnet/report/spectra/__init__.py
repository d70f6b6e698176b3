"""How spectra are shown: those of an experiment, and those of ``blurnet spectrum``."""

from .measures import measures as measures
from .sections import sections as sections
from .tables import tables as tables
