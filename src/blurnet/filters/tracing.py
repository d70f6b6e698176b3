"""What a network runs: its layers, in order, and what follows each."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One layer of a network, as it ran on an example.

    Args:
        name: as ``Blur.after`` takes it.
        type: the class of its module.
        shape: of its output; () if that is no tensor.
        runs: how often it ran.
        activation: the activation that the network's code calls on its output, such as "relu";
            then ``name+activation`` is a place too. None if it calls none.
        filterable: whether its output is N × C × H × W.
        first_convolution: whether it is the first convolution, where a blur goes by default.

    """

    name: str
    type: str
    shape: tuple[int, ...]
    runs: int
    activation: str | None
    filterable: bool
    first_convolution: bool


def layers(model: nn.Module, example: Tensor) -> list[Layer]:
    """Give the layers that ran, in order.

    Args:
        model: any network; run once in evaluation mode and left as it was.
        example: an input that it takes.

    """
    raise NotImplementedError
