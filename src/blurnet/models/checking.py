"""Whether a network is a classifier, found out on an example."""

from torch import Tensor, nn


def check_network(model: nn.Module, example: Tensor) -> int:
    """Give the number of logits.

    Args:
        model: any network; run once in evaluation mode, and left as it was.
        example: images that it is to take, float32 in [0, 1], N × C × H × W.

    Raises:
        BlurnetError: in one line, if the network raises an error on images of this shape, gives
            something else than N × K logits, or logits that are not finite.

    Warns:
        BlurnetWarning: once, if its outputs look like probabilities.

    """
    raise NotImplementedError
