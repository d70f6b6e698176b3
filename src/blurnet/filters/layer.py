"""The filter as a layer: one kernel for each channel, every channel for itself."""

from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.errors import BlurnetError

Padding = Literal["zeros", "reflect", "replicate"]

_PAD_MODE = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}


def blurred(maps: Tensor, kernels: Tensor, padding: Padding) -> Tensor:
    """Filter each channel with its kernel.

    Args:
        maps: N × C × H × W.
        kernels: C × 1 × k × k, k odd.
        padding: what lies beyond the border.

    Returns:
        The filtered maps, of the same shape.

    """
    kernels = kernels.to(maps.dtype)
    reach = kernels.shape[-1] // 2
    if padding == "zeros":
        return F.conv2d(maps, kernels, padding=reach, groups=len(kernels))
    return F.conv2d(
        F.pad(maps, (reach,) * 4, mode=_PAD_MODE[padding]), kernels, groups=len(kernels)
    )


class DepthwiseFilter(nn.Module):
    """A depthwise k × k convolution that keeps the size of its maps (Raju and Lipasti, 1908.02256).

    Args:
        kernel: k × k, k odd. Every channel starts with it.
        padding: what lies beyond the map's border: zeros, the map mirrored at its outermost
            pixels (reflect), or the outermost pixels repeated (replicate).
        channels: the number of channels of a trainable filter, which then has a kernel of its own
            for each; None for a fixed filter, which fits any number.

    Raises:
        BlurnetError: if the kernel is not square and odd, or the padding unknown.

    """

    def __init__(
        self, kernel: Tensor, *, padding: Padding = "zeros", channels: int | None = None
    ) -> None:
        super().__init__()
        if kernel.dim() != 2 or kernel.shape[0] != kernel.shape[1] or kernel.shape[0] % 2 == 0:
            raise BlurnetError(
                f"a filter's kernel is k × k with an odd k; found {tuple(kernel.shape)}"
            )
        if padding not in get_args(Padding):
            raise BlurnetError(f"no padding {padding!r}; there are: {', '.join(get_args(Padding))}")
        self.size = kernel.shape[0]
        self.padding = padding
        self.kernel: Tensor
        if channels is None:
            self.register_buffer("kernel", kernel.clone()[None, None])
        else:
            self.kernel = nn.Parameter(kernel.repeat(channels, 1, 1, 1))

    @property
    def trainable(self) -> bool:
        """Whether the kernels are parameters, one for each channel."""
        return isinstance(self.kernel, nn.Parameter)

    def forward(self, maps: Tensor) -> Tensor:
        """Filter each channel.

        Args:
            maps: N × C × H × W.

        Returns:
            The filtered maps, of the same shape.

        Raises:
            BlurnetError: if the maps are of another shape than N × C × H × W, have another number
                of channels than a trainable filter, or are too small to be mirrored that far.

        """
        self.check(tuple(maps.shape))
        return blurred(maps, self.kernel.expand(maps.shape[1], -1, -1, -1), self.padding)

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise a BlurnetError if maps of ``shape`` cannot be filtered."""
        if len(shape) != 4:
            raise BlurnetError(
                f"a filter takes maps of shape N × C × H × W; found {' × '.join(map(str, shape))}"
            )
        if self.trainable and shape[1] != len(self.kernel):
            raise BlurnetError(
                f"this trainable filter has kernels for {len(self.kernel)} channels; "
                f"the maps have {shape[1]}"
            )
        reach, smallest = self.size // 2, min(shape[2:])
        if self.padding == "reflect" and reach >= smallest:
            raise BlurnetError(
                f"a {self.size}×{self.size} filter with reflect padding needs maps of at least "
                f"{reach + 1} × {reach + 1} pixels; found {shape[2]} × {shape[3]}: take a kernel "
                f"of at most {2 * smallest - 1}, or padding zeros or replicate"
            )

    def extra_repr(self) -> str:
        """Say the size, padding and kind."""
        kind = f"{len(self.kernel)} trainable kernels" if self.trainable else "fixed"
        return f"{self.size}×{self.size}, {self.padding}, {kind}"
