"""Low-pass filters, and how they get into a network."""

from .insert import insert_after as insert_after
from .insert import insert_before as insert_before
from .insert import layer_shapes as layer_shapes
from .kernels import KERNELS as KERNELS
from .kernels import kernel as kernel
from .layer import DepthwiseFilter as DepthwiseFilter
from .layer import Padding as Padding
from .response import frequency_response as frequency_response
from .response import low_pass_share as low_pass_share
from .trainable import STARTS as STARTS
from .trainable import insert_trainable as insert_trainable
from .trainable import trainable_filter as trainable_filter
