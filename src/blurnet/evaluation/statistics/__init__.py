"""How sure a rate is, and whether two rates differ."""

from .blocks import block_rate as block_rate
from .blocks import runs_of as runs_of
from .detectable import detectable_pairs as detectable_pairs
from .detectable import detectable_rate as detectable_rate
from .detectable import fewest_settled as fewest_settled
from .detectable import power_apart as power_apart
from .detectable import power_pairs as power_pairs
from .paired import LEVEL as LEVEL
from .paired import Difference as Difference
from .paired import Paired as Paired
from .paired import difference as difference
from .paired import paired as paired
from .seeds import SEEDS as SEEDS
from .seeds import over_seeds as over_seeds
from .worst import mean_of_maxima as mean_of_maxima
from .worst import worst_rate as worst_rate
