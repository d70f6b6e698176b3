"""Attacks: plain functions from model, views, targets and mask to a result object."""

from .pgd import PGDSettings as PGDSettings
from .pgd import pgd as pgd
from .rectangle import RectangleResult as RectangleResult
from .rectangle import RectangleSettings as RectangleSettings
from .rectangle import rectangle_attack as rectangle_attack
from .rp2 import RP2Result as RP2Result
from .rp2 import rp2 as rp2
from .rp2_settings import RP2Settings as RP2Settings
from .view import View as View
