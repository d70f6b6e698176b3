"""How defenses side by side are shown."""

from .measures import measures as measures
from .sections import sections as sections
from .tables import tables as tables
