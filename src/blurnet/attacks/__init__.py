"""Attacks: plain functions from a network, images, classes and a mask to a result object."""

from blurnet.attacks.control import random_colors as random_colors
from blurnet.attacks.masks import bars as bars
from blurnet.attacks.masks import octagon as octagon
from blurnet.attacks.masks import rectangles as rectangles
from blurnet.attacks.masks import sign_outline as sign_outline
from blurnet.attacks.pgd import PGDSettings as PGDSettings
from blurnet.attacks.pgd import pgd as pgd
from blurnet.attacks.random_search import RandomSearchResult as RandomSearchResult
from blurnet.attacks.random_search import RandomSearchSettings as RandomSearchSettings
from blurnet.attacks.random_search import random_search as random_search
from blurnet.attacks.rectangle import RectangleResult as RectangleResult
from blurnet.attacks.rectangle import RectangleSettings as RectangleSettings
from blurnet.attacks.rectangle import rectangle_attack as rectangle_attack
from blurnet.attacks.rp2 import RP2Result as RP2Result
from blurnet.attacks.rp2 import RP2Settings as RP2Settings
from blurnet.attacks.rp2 import dead_gradient_share as dead_gradient_share
from blurnet.attacks.rp2 import most_affected_rectangles as most_affected_rectangles
from blurnet.attacks.rp2 import non_printability_score as non_printability_score
from blurnet.attacks.rp2 import read_colors as read_colors
from blurnet.attacks.rp2 import rp2 as rp2
from blurnet.attacks.rp2 import two_stage_rectangles as two_stage_rectangles
from blurnet.attacks.transforms import TRANSFORMS as TRANSFORMS
from blurnet.attacks.transforms import Transform as Transform
from blurnet.attacks.transforms import apply_transforms as apply_transforms
from blurnet.attacks.transforms import draw_transforms as draw_transforms
from blurnet.attacks.transforms import transform as transform
