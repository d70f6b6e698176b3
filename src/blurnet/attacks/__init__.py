"""Attacks: plain functions from model, views, targets and mask to a result object."""

from .rp2 import RP2Result as RP2Result
from .rp2 import RP2Settings as RP2Settings
from .rp2 import rp2 as rp2
