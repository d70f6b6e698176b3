"""Attacks: plain functions from model, images and what they aim at to attacked images."""

from .pgd import pgd as pgd
from .rectangle import rectangle as rectangle
from .rp2 import RP2Result as RP2Result
from .rp2 import RP2Settings as RP2Settings
from .rp2 import rp2 as rp2
