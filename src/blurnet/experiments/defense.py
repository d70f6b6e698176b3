"""How a defended network is described, and made from an undefended one."""

from collections.abc import Sequence

from torch import Tensor, nn

from blurnet.filters import DepthwiseFilter, Padding, insert_after, insert_before, kernel

from .settings import Settings


class FilterDescription(Settings):
    """One fixed filter and where it stands.

    Args:
        kernel: a kernel's name, as ``blurnet list kernels`` gives it.
        size: its width in pixels of what it filters, odd.
        after: the dotted name of the layer whose output is filtered, or "input" for the image.
        padding: what lies beyond the border; zeros unless the experiment says otherwise.

    """

    kernel: str = "box"
    size: int
    after: str
    padding: Padding | None = None


def defend(model: nn.Module, filters: Sequence[FilterDescription], *, example: Tensor) -> nn.Module:
    """Give a copy of a network with filters put in.

    Args:
        model: the undefended network; left as it is.
        filters: what to put where; none gives the network itself.
        example: an input that the network takes.

    Raises:
        BlurnetError: if a filter makes no sense where it is to stand; the message says what would.

    """
    for_layers = [description for description in filters if description.after != "input"]
    for_input = [description for description in filters if description.after == "input"]
    for description in for_layers:
        model = insert_after(model, description.after, _layer(description), example=example)
    for description in for_input:
        layer = _layer(description)
        layer.check(tuple(example.shape))
        model = insert_before(model, layer)
    return model


def _layer(description: FilterDescription) -> DepthwiseFilter:
    weights = kernel(description.kernel, description.size)
    return DepthwiseFilter(weights, padding=description.padding or "zeros")
