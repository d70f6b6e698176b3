"""RP2 (Eykholt et al., arXiv 1707.08945): its search and the parts of its formula."""

from blurnet.attacks.rp2.health import dead_gradient_share as dead_gradient_share
from blurnet.attacks.rp2.printability import non_printability_score as non_printability_score
from blurnet.attacks.rp2.printability import read_colors as read_colors
from blurnet.attacks.rp2.search import RP2Result as RP2Result
from blurnet.attacks.rp2.search import rp2 as rp2
from blurnet.attacks.rp2.settings import RP2Settings as RP2Settings
from blurnet.attacks.rp2.two_stage import (
    most_affected_rectangles as most_affected_rectangles,
)
from blurnet.attacks.rp2.two_stage import two_stage_rectangles as two_stage_rectangles
