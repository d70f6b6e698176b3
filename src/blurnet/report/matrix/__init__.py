"""How defenses against attacks are shown: one matrix, a bracket for each row."""

from .measures import measures as measures
from .sections import sections as sections
from .tables import tables as tables
