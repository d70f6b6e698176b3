"""Low-pass filters, and how they get into a network."""

from blurnet.filters.insert import insert_after as insert_after
from blurnet.filters.insert import insert_before as insert_before
from blurnet.filters.insert import layer_shapes as layer_shapes
from blurnet.filters.kernels import KERNELS as KERNELS
from blurnet.filters.kernels import kernel as kernel
from blurnet.filters.layer import DepthwiseFilter as DepthwiseFilter
from blurnet.filters.layer import Padding as Padding
from blurnet.filters.response import frequency_response as frequency_response
from blurnet.filters.response import low_pass_share as low_pass_share
from blurnet.filters.tracing import Layer as Layer
from blurnet.filters.tracing import layers as layers
from blurnet.filters.trainable import STARTS as STARTS
from blurnet.filters.trainable import insert_trainable as insert_trainable
from blurnet.filters.trainable import trainable_filter as trainable_filter
