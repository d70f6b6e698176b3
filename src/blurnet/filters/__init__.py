"""Low-pass filters, and how they get into a network."""

from blurnet.filters.hooks import ACTIVATION as ACTIVATION
from blurnet.filters.hooks import INPUT as INPUT
from blurnet.filters.hooks import Inserted as Inserted
from blurnet.filters.hooks import filters_of as filters_of
from blurnet.filters.hooks import is_blur_hook as is_blur_hook
from blurnet.filters.hooks import submodule as submodule
from blurnet.filters.hooks import watch as watch
from blurnet.filters.insert import filtered_maps as filtered_maps
from blurnet.filters.insert import first_convolution as first_convolution
from blurnet.filters.insert import insert_after as insert_after
from blurnet.filters.insert import insert_before as insert_before
from blurnet.filters.insert import put as put
from blurnet.filters.kernels import KERNELS as KERNELS
from blurnet.filters.kernels import kernel as kernel
from blurnet.filters.layer import DepthwiseFilter as DepthwiseFilter
from blurnet.filters.layer import Padding as Padding
from blurnet.filters.response import frequency_response as frequency_response
from blurnet.filters.response import low_pass_share as low_pass_share
from blurnet.filters.tracing import Layer as Layer
from blurnet.filters.tracing import layer_shapes as layer_shapes
from blurnet.filters.tracing import layers as layers
from blurnet.filters.tracing import trace as trace
from blurnet.filters.trainable import STARTS as STARTS
from blurnet.filters.trainable import insert_trainable as insert_trainable
from blurnet.filters.trainable import trainable_filter as trainable_filter
