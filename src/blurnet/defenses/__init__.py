"""What hardens a network: filters, penalties and how it is trained, described and applied."""

from .blur import Blur as Blur
from .defense import Defense as Defense
from .harden import harden as harden
