"""One filter, and where in a network it stands."""

from dataclasses import dataclass
from typing import get_args

from blurnet.errors import BlurnetError
from blurnet.filters import STARTS, Padding, kernel

INPUT = "input"
"""Written in ``after`` for a filter of the images themselves."""


@dataclass(frozen=True)
class Blur:
    """A depthwise low-pass filter in a network.

    Args:
        kernel: a key of ``blurnet.filters.KERNELS``; for a trainable filter where its kernels
            start, one of ``blurnet.filters.STARTS``.
        size: the kernel's width in pixels of what it filters, odd.
        after: what it filters: the dotted name of a layer, as ``blurnet inspect`` lists them; the
            name and ``+activation`` for what the network's code computes from the layer's output
            by a function such as ``F.relu``; "input" for the images; None for the first
            convolution.
        padding: what lies beyond the border: "zeros", "reflect" or "replicate".
        trainable: whether each channel has a kernel of its own that is learned with the network.

    Raises:
        BlurnetError: for an unknown kernel or padding, a size that is not odd and positive, or a
            trainable filter of the input.

    Examples:
        >>> blur = blurnet.Blur("binomial", 5, after="relu1", padding="reflect")
        >>> net = blurnet.harden(model, blur)

    """

    kernel: str = "box"
    size: int = 5
    after: str | None = None
    padding: Padding = "zeros"
    trainable: bool = False

    def __post_init__(self) -> None:
        if self.trainable and self.kernel in STARTS:
            kernel("box", self.size)
        else:
            kernel(self.kernel, self.size)
        if self.padding not in get_args(Padding):
            raise BlurnetError(
                f"no padding {self.padding!r}; there are: {', '.join(get_args(Padding))}"
            )
        if self.trainable and self.after == INPUT:
            raise BlurnetError("a filter of the input is fixed; put a trainable one after a layer")
