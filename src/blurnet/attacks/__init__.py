"""Attacks: plain functions from model, views, targets and mask to a result object."""

from .gradient_health import dead_gradient_share as dead_gradient_share
from .masks import octagon as octagon
from .masks import rectangles as rectangles
from .masks import sign_outline as sign_outline
from .pgd import PGDSettings as PGDSettings
from .pgd import pgd as pgd
from .printability import non_printability_score as non_printability_score
from .printability import read_colors as read_colors
from .random_search import RandomSearchResult as RandomSearchResult
from .random_search import RandomSearchSettings as RandomSearchSettings
from .random_search import random_search as random_search
from .rectangle import RectangleResult as RectangleResult
from .rectangle import RectangleSettings as RectangleSettings
from .rectangle import rectangle_attack as rectangle_attack
from .rp2 import RP2Result as RP2Result
from .rp2 import rp2 as rp2
from .rp2_settings import RP2Settings as RP2Settings
from .two_stage import most_affected_rectangles as most_affected_rectangles
from .two_stage import two_stage_rectangles as two_stage_rectangles
from .views import VIEWS as VIEWS
from .views import View as View
from .views import apply_views as apply_views
from .views import draw_views as draw_views
from .views import view as view
