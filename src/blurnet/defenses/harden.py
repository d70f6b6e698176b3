"""Harden any network: put filters in, and write down what was done."""

import logging
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.filters import (
    INPUT,
    DepthwiseFilter,
    filtered_maps,
    first_convolution,
    kernel,
    put,
    submodule,
    trace,
    trainable_filter,
)
from blurnet.filters.hooks import ACTIVATION
from blurnet.models import as_module, copy_of, find_input, network_of
from blurnet.penalties import Penalty

from .blur import Blur
from .defense import Defense

Model = TypeVar("Model", bound=nn.Module)

_log = logging.getLogger("blurnet.harden")

_WRITTEN = "_blurnet_defense"
"""The attribute of a hardened network that holds its ``Defense``."""


def harden(
    model: Model,
    *parts: Blur | Penalty | Defense,
    example: Tensor | None = None,
    seed: int = 0,
) -> Model:
    """Give a copy of a network with filters in it.

    ::

        net = blurnet.harden(model, blurnet.Blur("box", 5))

    Weights keep their names: those of the network load into the hardened one, and, unless a filter
    is trainable, the other way round. What ``torch.compile`` made of the network is taken off:
    compile what is given back. Where each filter stands is logged, as ``print`` and ``defense_of``
    say it too.

    Args:
        model: any network, left as it is; a Classifier stays a Classifier. May be hardened already.
        parts: blurs, put in here; penalties, which are written down for training; or whole
            defenses.
        example: images that the network takes, N × C × H × W; None: some are found.
        seed: where the random start of a trainable filter is drawn from.

    Raises:
        BlurnetError: if a part is something else, or a filter makes no sense where it is to stand;
            the message says what would.

    """
    asked = _joined(parts)
    before = defense_of(as_module(model))
    model = copy_of(model)
    network = network_of(model)
    generator = torch.Generator().manual_seed(seed)
    placed = []
    for blur in asked.filters:
        if example is None:
            example = find_input(model)
        placed.append(_put_in(model, blur, example, generator))
    for penalty in asked.penalties:
        for layer in penalty.layers:
            submodule(network, layer.removesuffix(ACTIVATION))
    told = asked.model_copy(update={"filters": tuple(placed)})
    setattr(network, _WRITTEN, _added(before, told))
    return model


def defense_of(model: nn.Module) -> Defense:
    """Give what a network was hardened with, every place filled in; an empty defense for none.

    Args:
        model: a network that ``harden`` or ``load`` gave, or one that such a network is a part of;
            layers are then named as that one names them.

    """
    model = network_of(model)
    for name, part in model.named_modules():
        found = vars(part).get(_WRITTEN)
        if isinstance(found, Defense):
            return _named_from(f"{name}." if name else "", found)
    return Defense()


def _put_in(model: nn.Module, blur: Blur, example: Tensor, generator: torch.Generator) -> Blur:
    """Put one filter in, in place, and give it with its place filled in."""
    seen = trace(model, example)
    if blur.after is None:
        first = first_convolution(seen)
        blur = replace(blur, after=first.name)
    place = blur.after
    assert place is not None
    maps = filtered_maps(seen, place)
    if blur.trainable:
        filter = trainable_filter(
            blur.kernel, blur.size, maps.shape[1], padding=blur.padding, generator=generator
        )
    else:
        filter = DepthwiseFilter(kernel(blur.kernel, blur.size), padding=blur.padding)
    put(model, place, filter, seen)
    where = "of the input" if place == INPUT else f"after {place}"
    kind = "trainable, starts as " if blur.trainable else ""
    _log.info(
        "blur %s%s %d×%d %s, on %s maps",
        kind, blur.kernel, blur.size, blur.size, where, " × ".join(map(str, maps.shape[1:])),
    )  # fmt: skip
    return blur


def _joined(parts: tuple[object, ...]) -> Defense:
    whole = Defense()
    for part in parts:
        if isinstance(part, Blur):
            whole = _added(whole, Defense(filters=(part,)))
        elif isinstance(part, Penalty):
            whole = _added(whole, Defense(penalties=(part,)))
        elif isinstance(part, Defense):
            whole = _added(whole, part)
        else:
            found = f"a {type(part).__name__}"
            if isinstance(part, Tensor):
                found = f"a kernel, {' × '.join(map(str, part.shape))}"
            raise BlurnetError(
                f"harden takes filters, Blur('box', 5), penalties, and defenses, not {found}"
            )
    return whole


def _added(first: Defense, second: Defense) -> Defense:
    """Give both defenses as one; of augmentation and attack there can be only one each."""
    one = {}
    for name in ("augmentation", "adversarial"):
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours and theirs and ours != theirs:
            raise BlurnetError(f"harden: two kinds of {name} training: {ours} and {theirs}")
        one[name] = theirs or ours
    return Defense(
        filters=first.filters + second.filters, penalties=first.penalties + second.penalties, **one
    )


def _named_from(prefix: str, defense: Defense) -> Defense:
    if not prefix:
        return defense
    return defense.model_copy(
        update={
            "filters": tuple(
                blur if blur.after in (None, INPUT) else replace(blur, after=prefix + blur.after)
                for blur in defense.filters
            ),
            "penalties": tuple(
                replace(each, layers=tuple(prefix + layer for layer in each.layers))
                for each in defense.penalties
            ),
        }
    )
