"""How a defended network is described, and made from an undefended one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.experiments.settings import Settings
from blurnet.filters import (
    DepthwiseFilter,
    Padding,
    insert_after,
    insert_before,
    insert_trainable,
    kernel,
)


class FilterDescription(Settings):
    """One filter and where it stands.

    Args:
        kernel: a kernel's name, as ``blurnet list kernels`` gives it; for a trainable filter where
            its kernels start, "identity" and "random" included.
        size: its width in pixels of what it filters, odd.
        after: the dotted name of the layer whose output is filtered, or "input" for the image.
        padding: what lies beyond the border; zeros unless the experiment says otherwise.
        trainable: whether each channel has a kernel of its own that is learned with the network.

    """

    kernel: str = "box"
    size: int
    after: str
    padding: Padding | None = None
    trainable: bool = False


def defend(
    model: nn.Module,
    filters: Sequence[FilterDescription],
    *,
    example: Tensor,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Give a copy of a network with filters put in.

    Args:
        model: the undefended network; left as it is.
        filters: what to put where; none gives the network itself.
        example: an input that the network takes.
        generator: where the random start of a trainable filter is drawn from.

    Raises:
        BlurnetError: if a filter makes no sense where it is to stand; the message says what would.

    """
    for_layers = [description for description in filters if description.after != "input"]
    for_input = [description for description in filters if description.after == "input"]
    for it in for_layers:
        padding = it.padding or "zeros"
        if it.trainable:
            model = insert_trainable(
                model,
                it.after,
                it.kernel,
                it.size,
                example=example,
                padding=padding,
                generator=generator,
            )
        else:
            fixed = DepthwiseFilter(kernel(it.kernel, it.size), padding=padding)
            model = insert_after(model, it.after, fixed, example=example)
    for it in for_input:
        if it.trainable:
            raise BlurnetError("a filter of the input is fixed; put a trainable one after a layer")
        fixed = DepthwiseFilter(kernel(it.kernel, it.size), padding=it.padding or "zeros")
        fixed.check(tuple(example.shape))
        model = insert_before(model, fixed)
    return model
