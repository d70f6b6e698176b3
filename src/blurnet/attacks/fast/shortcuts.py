"""Convolutions computed otherwise: the same sums, sooner, for gradients of the images alone.

Only in an attack's own copy of a network. Three cases, each of a plain ``nn.Conv2d``, whose hooks,
such as a filter of its maps, go on acting before and after:

- its input is little larger than its kernel (LISA-CNN's conv3): one matrix product;
- it is strided and takes few channels (a first layer): its input's gradient as a convolution of
  stride 1 and a pixel shuffle, since the library's own is slow there;
- it gets the attacked photographs themselves, and the mask is small: conv(x) is computed once, and
  conv(x_adv) = conv(x) + (x_adv − x) · W, a product with the rows of the covered inputs alone. The
  difference is the one after clipping, so it is exact for any placement.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blurnet.attacks.fast.gradients import covered_product, product, shuffled

LARGEST_MATRIX = 2**23
"""Elements of a convolution's matrix, at most: 32 MiB in float32."""

LARGEST_CACHE = 2**24
"""Elements of the photographs' first maps, at most: 64 MiB in float32."""


class FirstMaps:
    """The first convolution of attacked photographs, which differ from the clean ones in a mask.

    Args:
        conv: the convolution.
        photographs: x, float32, V × C × H × W.
        inputs: which of the C · H · W values the mask covers, int64.
        dtype: in which the maps are computed and kept.

    """

    def __init__(
        self, conv: nn.Conv2d, photographs: Tensor, inputs: Tensor, dtype: torch.dtype
    ) -> None:
        with torch.no_grad():
            maps = torch.cat([_plainly(conv, part) for part in torch.split(photographs, 64)])
            self.clean = _channels_last_rows(maps).to(dtype)
            self.matrix = _matrix(conv, photographs[0], inputs).to(dtype)
        self.plain, self.shape = copy(conv), maps.shape[1:]
        self.inputs, self.pixels = inputs, photographs.flatten(1)[:, inputs]
        self.attacked: Tensor | None = None
        self.view = slice(0)

    def expect(self, attacked: Tensor, view: slice) -> None:
        """Say what comes next: images N × C × H × W, over and over these photographs."""
        self.attacked, self.view = attacked, view

    def __call__(self, input: Tensor) -> Tensor:
        """Give the convolution's maps of what was announced; of all else, in the plain way."""
        if input is not self.attacked:
            return _plainly(self.plain, input)
        rows = covered_product(
            input, self.pixels[self.view], self.clean[self.view], self.matrix, self.inputs
        )
        return _maps(rows, self.shape)


def first_maps(
    network: nn.Module, photographs: Tensor, mask: Tensor, dtype: torch.dtype
) -> FirstMaps | None:
    """Rearrange the convolution that gets the photographs themselves, if the mask is small.

    Args:
        network: an attack's own copy, float32, in evaluation mode; changed in place.
        photographs: float32, V × C × H × W.
        mask: H × W; it covers where it is above 0.
        dtype: in which the maps are to be computed.

    Returns:
        What has to be told of each batch before the network gets it; None where the plain way is
        left: no such convolution, a mask of more pixels than its kernel, or too much to keep.

    """
    example = photographs[:1].clone()
    found = [conv for conv, given in _inputs(network, example).items() if given is example]
    if len(found) != 1 or example._version:  # not what it was, where the network overwrites it
        return None
    (conv,) = found
    covered = (mask > 0).expand_as(photographs[0]).flatten().nonzero()[:, 0]
    with torch.no_grad():
        maps = _plainly(conv, example).numel()
    if (
        len(covered) > conv.weight[0].numel() * conv.groups
        or len(covered) * maps > LARGEST_MATRIX
        or len(photographs) * maps > LARGEST_CACHE
    ):
        return None
    first = FirstMaps(conv, photographs, covered, dtype)
    _replace(conv, first)
    return first


def rearrange(network: nn.Module, example: Tensor, dtype: torch.dtype) -> None:
    """Rearrange the convolutions for which a matrix product or a pixel shuffle is faster.

    Args:
        network: an attack's own copy, float32, in evaluation mode; changed in place.
        example: an input, float32, 1 × C × H × W.
        dtype: in which the network is to compute.

    """
    for conv, given in _inputs(network, example.clone()).items():
        height, width = given.shape[2:]
        kernel = conv.weight[0, 0].numel()
        with torch.no_grad():
            matrix_size = given.numel() * _plainly(conv, given).numel()
        if 2 * height * width * conv.groups <= 3 * kernel and matrix_size <= LARGEST_MATRIX:
            _replace(conv, _product_instead(conv, given, dtype))
        elif conv.stride[0] > 1 and conv.in_channels <= 4 and _shuffles(conv):
            _replace(conv, _shuffle_instead(conv, dtype))


def _product_instead(
    conv: nn.Conv2d, example: Tensor, dtype: torch.dtype
) -> Callable[[Tensor], Tensor]:
    with torch.no_grad():
        shape = _plainly(conv, example).shape[1:]
        matrix = _whole_matrix(conv, example, shape).to(dtype)
        bias = torch.zeros_like(matrix[0, : shape[0]]) if conv.bias is None else conv.bias.to(dtype)
        bias = bias.repeat(shape[1] * shape[2])
    plain, expected = copy(conv), example.shape[1:]

    def forward(input: Tensor) -> Tensor:
        if input.shape[1:] != expected:
            return _plainly(plain, input)
        rows = product(_channels_last_rows(input).to(dtype), matrix)
        return _maps(rows + bias, shape)

    return forward


def _shuffle_instead(conv: nn.Conv2d, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    assert isinstance(conv.padding, tuple)
    stride, padding = conv.stride[0], (conv.padding[0], conv.padding[1])
    height, width = (-(-size // stride) for size in conv.kernel_size)
    with torch.no_grad():
        weight = conv.weight.to(dtype).contiguous(memory_format=torch.channels_last)
        bias = None if conv.bias is None else conv.bias.to(dtype)
        # input s·i + a takes from output i − m, by the kernel's row s·m + a
        padded = F.pad(
            conv.weight,
            (0, width * stride - conv.kernel_size[1], 0, height * stride - conv.kernel_size[0]),
        )
        phases = padded.view(*padded.shape[:2], height, stride, width, stride)
        phases = phases.permute(1, 3, 5, 0, 2, 4).flatten(0, 2).flip(2, 3)
        phases = phases.to(dtype).contiguous(memory_format=torch.channels_last)

    def forward(input: Tensor) -> Tensor:
        return shuffled(input.to(dtype), weight, bias, phases, stride, padding)

    return forward


def _shuffles(conv: nn.Conv2d) -> bool:
    return (
        conv.stride[0] == conv.stride[1]
        and conv.groups == 1
        and conv.dilation == (1, 1)
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
    )


def _inputs(network: nn.Module, example: Tensor) -> dict[nn.Conv2d, Tensor]:
    """Give what each plain convolution gets that runs only once, after its hooks."""
    inputs: dict[nn.Conv2d, list[Tensor]] = {}

    def keep(conv: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        assert isinstance(conv, nn.Conv2d)
        inputs.setdefault(conv, []).append(args[0] if args else kwargs["input"])

    plain = [
        layer
        for layer in network.modules()
        if type(layer) is nn.Conv2d and "forward" not in vars(layer)
    ]
    handles = [conv.register_forward_pre_hook(keep, with_kwargs=True) for conv in plain]
    try:
        with torch.no_grad():
            network(example)
    finally:
        for handle in handles:
            handle.remove()
    return {
        conv: given[0] for conv, given in inputs.items() if len(given) == 1 and given[0].dim() == 4
    }


def _replace(conv: nn.Conv2d, forward: Callable[[Tensor], Tensor]) -> None:
    conv.forward = forward  # type: ignore[method-assign, assignment]


def _plainly(conv: nn.Conv2d, given: Tensor) -> Tensor:
    maps: Tensor = conv._conv_forward(given, conv.weight, conv.bias)
    return maps


def _matrix(conv: nn.Conv2d, example: Tensor, inputs: Tensor) -> Tensor:
    """Give what each of these inputs, in C · H · W order, adds to the maps, in H · W · C order."""
    rows = []
    for part in torch.split(inputs, 256):
        unit = example.new_zeros(len(part), example.numel())
        unit[torch.arange(len(part), device=part.device), part] = 1
        maps = conv._conv_forward(unit.view(-1, *example.shape), conv.weight, None)
        rows.append(_channels_last_rows(maps))
    return torch.cat(rows)


def _whole_matrix(conv: nn.Conv2d, example: Tensor, shape: torch.Size) -> Tensor:
    """Give what each input adds to each value of the maps, both in H · W · C order.

    By the gradient of each of the maps' values, which are fewer than the inputs.
    """
    columns = []
    for part in torch.split(torch.eye(shape.numel()).to(example), 256):
        given = example.new_zeros(len(part), *example.shape[1:]).requires_grad_()
        with torch.enable_grad():
            maps = conv._conv_forward(given, conv.weight, None)
        (gradient,) = torch.autograd.grad(maps, given, _maps(part, shape))
        columns.append(_channels_last_rows(gradient))
    return torch.cat(columns).t().contiguous()


def _channels_last_rows(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).flatten(1)


def _maps(rows: Tensor, shape: torch.Size) -> Tensor:
    channels, height, width = shape
    return rows.view(-1, height, width, channels).permute(0, 3, 1, 2)
