"""An image that a network takes, found by trying."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from blurnet.devices import device_of
from blurnet.errors import BlurnetError
from blurnet.models.classifier import Classifier, network_of
from blurnet.models.exported import ExportedNetwork
from blurnet.models.modes import evaluating

SIZES = (32, 64, 96, 224, 28, 48, 128, 256, 299, 384)
"""Heights and widths that are tried, in this order."""

Shape = tuple[int, int, int]


def find_input(model: nn.Module) -> Tensor:
    """Give an image that a network takes, of the first size that it does not refuse.

    Args:
        model: any network; run in evaluation mode and left as it was.

    Returns:
        Half grey, 1 × C × H × W.

    Raises:
        BlurnetError: if it takes none of the sizes tried; it says which they were.

    """
    tried: list[Shape] = []
    last: Exception | None = None
    device = device_of(model)
    for shape in dict.fromkeys(_shapes(model)):
        example = torch.full((1, *shape), 0.5, device=device)
        try:
            with torch.no_grad(), evaluating(model):
                model(example)
        except Exception as error:
            tried.append(shape)
            last = error
        else:
            return example
    if isinstance(last, BlurnetError):
        raise last
    said = "nothing" if last is None else one_line(last)
    sizes = ", ".join(" × ".join(map(str, shape)) for shape in tried)
    raise BlurnetError(
        f"the network took none of these images: {sizes}; of the last it said: {said}; give "
        "example=, one image that it takes, or Classifier(model, size=…)"
    )


def one_line(error: BaseException) -> str:
    """Give what an error said, in one line of at most 160 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else f"{text[:159]}…"


def _shapes(model: nn.Module) -> Iterator[Shape]:
    network = network_of(model)
    if isinstance(network, ExportedNetwork) and len(network.shape) == 4:
        channels, height, width = (length or 32 for length in network.shape[1:])
        yield channels, height, width
    fixed = model.size if isinstance(model, Classifier) else None
    for channels in _channels(network):
        if fixed is not None:
            yield channels, *fixed
            continue
        for config in (getattr(network, "config", None), network):
            size = getattr(config, "image_size", None)
            if isinstance(size, int):
                yield channels, size, size
        for size in SIZES:
            yield channels, size, size


def _channels(network: nn.Module) -> list[int]:
    told = getattr(getattr(network, "config", None), "num_channels", None)
    if isinstance(told, int):
        return [told]
    first = next((layer for layer in network.modules() if _tells(layer)), None)
    own = [] if not isinstance(first, nn.Conv2d) else [first.weight.shape[1] * first.groups]
    # 3 before the convolution's own: a network that makes its images grey itself may take 1 as well
    return list(dict.fromkeys([3, *own] if own else [3, 1]))


def _tells(layer: nn.Module) -> bool:
    """Whether a layer is a convolution that knows how many channels it takes."""
    return isinstance(layer, nn.Conv2d) and not is_lazy(layer.weight)
