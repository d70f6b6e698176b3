"""A penalty described, and the terms that penalties add to the loss of any network."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.filters import ACTIVATION, filters_of, kernel, submodule, watch
from blurnet.models import as_classifier, evaluating, network_of
from blurnet.models.memory import Pieces, images_at_once
from blurnet.penalties.l_infinity import l_infinity
from blurnet.penalties.tikhonov import difference_energy, high_pass_energy, identity_energy
from blurnet.penalties.total_variation import total_variation


class Kind(NamedTuple):
    """What is penalised, a layer's maps or its depthwise kernels, and how.

    With ``blurred``, ``term`` takes a blur kernel as its second argument.
    """

    of: Literal["maps", "kernels"]
    term: Callable[..., Tensor]
    blurred: bool = False


PENALTIES: dict[str, Kind] = {
    "l_infinity": Kind("kernels", l_infinity),
    "total_variation": Kind("maps", total_variation),
    "tikhonov_identity": Kind("maps", identity_energy),
    "tikhonov_difference": Kind("maps", difference_energy),
    "tikhonov_high_pass": Kind("maps", high_pass_energy, blurred=True),
}


@dataclass(frozen=True)
class Penalty:
    """One penalty: alpha times its term at each of its layers.

    Args:
        name: a key of ``PENALTIES``.
        alpha: α, its weight beside the cross-entropy, at least 0.
        layers: dotted names of layers, as ``blurnet inspect`` lists them; of a Classifier, those of
            the network in it; ``name+activation`` for the maps that the network's code computes
            from the layer's by a function such as ``F.relu``. Of kernels: layers that are
            depthwise, hold some that are, or are filtered; none for every trainable filter there
            is.
        kernel: of a penalty built from a blur: its kernel, a key of ``KERNELS``.
        size: and the kernel's width in pixels of the map, odd.

    Raises:
        BlurnetError: for an unknown name, an alpha below 0, maps of no layer, or a wrong kernel.

    Examples:
        >>> penalty = blurnet.Penalty("total_variation", 1e-4, ("relu1",))
        >>> history = blurnet.train(
        ...     model, (images, labels), defense=blurnet.Defense(penalties=[penalty])
        ... )

    """

    name: str
    alpha: float
    layers: tuple[str, ...] = ()
    kernel: str = "box"
    size: int = 5

    def __post_init__(self) -> None:
        if self.name not in PENALTIES:
            raise BlurnetError(
                f"no penalty {self.name!r}; there are: {', '.join(sorted(PENALTIES))}"
            )
        if not 0 <= self.alpha < float("inf"):
            raise BlurnetError(f"{self.name}: alpha is at least 0 and finite, not {self.alpha}")
        if isinstance(self.layers, str):
            raise BlurnetError(f"{self.name}: layers is a sequence of names, not {self.layers!r}")
        if self.kind.of == "maps" and not self.layers:
            raise BlurnetError(f"{self.name}: name the layers whose maps it is for, such as conv1")
        if self.kind.blurred:
            kernel(self.kernel, self.size)

    @property
    def kind(self) -> Kind:
        """What it penalises, and how."""
        return PENALTIES[self.name]

    def term(self, penalised: Tensor) -> Tensor:
        """Give its term, a scalar without α, of N × K × H × W maps or K × 1 × k × k kernels."""
        if self.kind.blurred:
            return self.kind.term(penalised, kernel(self.kernel, self.size))
        return self.kind.term(penalised)


@contextmanager
def penalty_terms(
    model: nn.Module, penalties: Sequence[Penalty]
) -> Iterator[Callable[[], Tensor | float]]:
    """Watch a network's layers, and give what the penalties add to the loss.

    ::

        with penalty_terms(model, penalties) as penalty:
            loss = F.cross_entropy(model(images), labels) + penalty()

    Args:
        model: any network. It is watched through forward hooks, which are gone after the block,
            however it is left.
        penalties: any number, on any layers; each counts by itself.

    Yields:
        ``penalty()``: Σ α · term over penalties and layers, a scalar that can be differentiated, of
        what the layers gave since the last call (a layer that ran twice counts twice), and of the
        kernels as they are; 0.0 if there are no penalties.

    Raises:
        BlurnetError: if there is no such layer, a layer's output is not N × K × H × W, or there is
            no depthwise kernel to penalise; the message lists what there is. From ``penalty()``: if
            a layer has not run.

    """
    with _watch(model, penalties) as terms:

        def penalty() -> Tensor | float:
            return sum(penalties[place].alpha * term for place, term in terms())

        yield penalty


def penalty_values(
    model: nn.Module, penalties: Sequence[Penalty], images: Tensor, *, piece: int | None = None
) -> list[float]:
    """Measure the penalties' terms, without their weights.

    Args:
        model: any network; run in evaluation mode and left as it was.
        penalties: what to measure.
        images: float32 in [0, 1], N × C × H × W, at least one.
        piece: how many images go through the network at once; None: as many as their bytes allow,
            measured.

    Returns:
        For each penalty, its term summed over its layers, the mean over the images.

    Raises:
        BlurnetError: as ``penalty_terms``.

    """
    values = [0.0] * len(penalties)
    model = as_classifier(model)
    piece = images_at_once(model, images, gradients=False) if piece is None else piece

    def measured(part: slice) -> list[tuple[int, float]]:
        with _watch(model, penalties) as terms:
            model(images[part])
            return [(place, float(term)) for place, term in terms()]

    with torch.no_grad(), evaluating(model):
        for part, found in Pieces(piece).run(len(images), measured):
            for place, term in found:
                values[place] += term * (part.stop - part.start) / len(images)
    return values


Terms = list[tuple[int, Tensor]]
"""The place of a penalty, and its term at one of its layers."""


@contextmanager
def _watch(model: nn.Module, penalties: Sequence[Penalty]) -> Iterator[Callable[[], Terms]]:
    model = network_of(model)
    for penalty in penalties:
        for layer in penalty.layers:
            try:
                submodule(model, layer.removesuffix(ACTIVATION))
            except BlurnetError as error:
                raise BlurnetError(f"{penalty.name}: {error}") from None
    of_maps: Terms = []
    kernels = [
        (place, weights)
        for place, penalty in enumerate(penalties)
        if penalty.kind.of == "kernels"
        for weights in _kernels(model, penalty)
    ]
    handles = [
        watch(model, layer, partial(_keep, of_maps, place, penalty, layer))
        for place, penalty in enumerate(penalties)
        if penalty.kind.of == "maps"
        for layer in penalty.layers
    ]

    def terms() -> Terms:
        if handles and not of_maps:
            raise BlurnetError(
                "the penalised layers have not run: run the network first; if torch.compile made "
                "it, give the network that was compiled"
            )
        found = of_maps + [(place, penalties[place].term(weights)) for place, weights in kernels]
        of_maps.clear()
        return found

    try:
        yield terms
    finally:
        for handle in handles:
            handle.remove()


def _keep(terms: Terms, place: int, penalty: Penalty, layer: str, maps: Any) -> None:
    if not isinstance(maps, Tensor) or maps.dim() != 4:
        found = " × ".join(map(str, maps.shape)) if isinstance(maps, Tensor) else "no tensor"
        raise BlurnetError(
            f"{penalty.name}: the output of layer {layer!r} is {found}; "
            "a penalty of maps needs N × K × H × W"
        )
    terms.append((place, penalty.term(maps)))


def _kernels(model: nn.Module, penalty: Penalty) -> list[Tensor]:
    named = [submodule(model, layer) for layer in penalty.layers]
    inside = {layer for each in named or [model] for layer in each.modules()}
    kernels = [
        each.kernels for each in filters_of(model) if each.trainable and each.layer in inside
    ]
    if penalty.layers:
        kernels += [
            module.weight
            for module in model.modules()
            if module in inside
            and isinstance(module, nn.Conv2d)
            and module.groups == module.in_channels > 1
        ]
    if not kernels:
        where = f"in {', '.join(penalty.layers)}" if penalty.layers else "in the network"
        raise BlurnetError(
            f"{penalty.name}: no trainable depthwise filter {where}; put one in first, "
            "harden(model, Blur('box', 5, trainable=True))"
        )
    return kernels
