"""Attacks: plain functions from model, views, targets and mask to a result object."""

from .pgd import PGDSettings as PGDSettings
from .pgd import pgd as pgd
from .printability import non_printability_score as non_printability_score
from .printability import read_colors as read_colors
from .rectangle import RectangleResult as RectangleResult
from .rectangle import RectangleSettings as RectangleSettings
from .rectangle import rectangle_attack as rectangle_attack
from .rp2 import RP2Result as RP2Result
from .rp2 import RP2Settings as RP2Settings
from .rp2 import rp2 as rp2
from .views import VIEWS as VIEWS
from .views import View as View
from .views import apply_views as apply_views
from .views import draw_views as draw_views
from .views import view as view
