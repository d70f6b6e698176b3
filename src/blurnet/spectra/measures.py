"""Spectra of clean, attacked and control images, in one pass and in bounded memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import length_hint
from types import MappingProxyType

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models import as_module
from blurnet.models.memory import images_at_once
from blurnet.spectra.layers import layer_maps
from blurnet.spectra.measured import Measured, Spectra
from blurnet.spectra.share import CUTOFF, high_frequency_energy
from blurnet.spectra.stretched import stretched_high
from blurnet.spectra.transform import Window, log_magnitude, power_spectrum, radial_profile

PIECE = 256 * 2**20
"""Bytes that the transforms of one layer's maps may take at once."""

BYTES = 64
"""What a value of a map takes while it is transformed: itself, in float64 and in complex128."""

DRAWN = ("clean", "attacked", "control")
"""The states whose power over frequencies is kept."""

OnStep = Callable[[int, int], None]


def high_frequency_measures(
    model: nn.Module | None,
    clean: Tensor,
    attacked: Tensor | None,
    layers: Sequence[str],
    *,
    controls: Iterable[Tensor] = (),
    others: Mapping[str, Tensor] = MappingProxyType({}),
    cutoff: float = CUTOFF,
    window: Window | None = None,
    on_step: OnStep | None = None,
) -> dict[str, dict[str, Measured]]:
    """Measure high frequencies in clean, attacked and control images, one number for each image.

    Args:
        model: as for ``layer_maps``; None if only the images are asked for.
        clean: float32 in [0, 1], N × C × H × W, at least one.
        attacked: the same images attacked, in the same order; None without an attack.
        layers: as for ``layer_maps``.
        controls: the same images under other stickers in the attack's mask, such as
            ``blurnet.random_colors`` gives; each N × C × H × W. Gone through once, one at a time.
        others: further states → the same images in them, such as under a plain sticker.
        cutoff: as for ``high_frequency_energy``.
        window: as for ``power_spectrum``.
        on_step: called after each set of images with the sets done and the sets in all, as far as
            the controls' number is known.

    Returns:
        Layer → ``clean``, ``attacked``, the others by name and, with controls, ``control``: the
        mean over the control stickers.

    Raises:
        BlurnetError: if the images are not as many and as large as each other, and as
            ``layer_maps`` and ``high_frequency_energy``.

    """
    look = _Look(cutoff, window, None)
    found = dict(_states(model, clean, attacked, layers, controls, others, look, on_step))
    return {layer: {state: _measured(of[layer]) for state, of in found.items()} for layer in layers}


def measure_spectra(
    model: nn.Module | None,
    clean: Tensor,
    attacked: Tensor | None,
    layers: Sequence[str],
    *,
    controls: Iterable[Tensor] = (),
    others: Mapping[str, Tensor] = MappingProxyType({}),
    cutoff: float = CUTOFF,
    window: Window | None = None,
    maps_shown: int = 16,
    on_step: OnStep | None = None,
) -> dict[str, Spectra]:
    """Measure all that a table and the figures of spectra show, in one pass over the images.

    Args:
        model: as for ``high_frequency_measures``, and so are those not named here.
        clean: the images.
        attacked: the same attacked; None without an attack.
        layers: where to look.
        controls: the same images under other stickers.
        others: further states of the images.
        cutoff: where high frequencies begin.
        window: the window's name.
        maps_shown: of a layer with more maps, so many are kept for the eye.
        on_step: called after each set of images.

    Raises:
        BlurnetError: as ``high_frequency_measures``.

    """
    look = _Look(cutoff, window, maps_shown)
    found = dict(_states(model, clean, attacked, layers, controls, others, look, on_step))
    first = {"clean": layer_maps(model, clean[:1], layers)}
    if attacked is not None:
        first["attacked"] = layer_maps(model, attacked[:1], layers)
        first["difference"] = {n: x - first["attacked"][n] for n, x in first["clean"].items()}
    return {
        layer: _spectra(
            {state: of[layer] for state, of in found.items()},
            {state: of[layer] for state, of in first.items()},
            look,
            len(clean),
        )
        for layer in layers
    }


@dataclass(frozen=True)
class _Look:
    """What is measured; ``shown`` is None where nothing is kept for the eye."""

    cutoff: float
    window: Window | None
    shown: int | None

    def places(self, maps: Tensor) -> list[int]:
        """Choose the maps that are kept, at even distances."""
        count = maps.shape[1]
        chosen = torch.linspace(0, count - 1, min(count, self.shown or 0)).round().long()
        places: list[int] = chosen.tolist()
        return places


@dataclass(frozen=True)
class _Layer:
    """What one set of images shows in one layer.

    Args:
        each: by name, an entry for each image.
        sums: by name, the sum over images.

    """

    each: dict[str, Tensor]
    sums: dict[str, Tensor]


def _states(
    model: nn.Module | None,
    clean: Tensor,
    attacked: Tensor | None,
    layers: Sequence[str],
    controls: Iterable[Tensor],
    others: Mapping[str, Tensor],
    look: _Look,
    on_step: OnStep | None,
) -> Iterator[tuple[str, dict[str, _Layer]]]:
    """Measure one state after the other; the control is the mean over its stickers."""
    known, done = 1 + (attacked is not None) + len(others) + length_hint(controls), 0
    model = None if model is None else as_module(model)
    example = layer_maps(model, clean[:1], layers)
    largest = max((maps.numel() for maps in example.values()), default=1)
    piece = max(1, PIECE // (BYTES * largest))
    if model is not None:
        piece = min(piece, images_at_once(model, clean, gradients=False))

    def measure(images: Tensor) -> dict[str, _Layer]:
        nonlocal done
        if images.shape != clean.shape:
            raise BlurnetError(
                f"clean, attacked and control images are paired, of one shape; "
                f"found {tuple(clean.shape)} and {tuple(images.shape)}"
            )
        parts = []
        for start in range(0, len(clean), piece):
            place = slice(start, start + piece)
            before = layer_maps(model, clean[place], layers, piece=piece)
            after = before
            if images is not clean:
                after = layer_maps(model, images[place], layers, piece=piece)
            parts.append({name: _look_at(after[name], before[name], look) for name in layers})
        done += 1
        if on_step is not None:
            on_step(done, max(done, known))
        return {name: _joined([part[name] for part in parts]) for name in layers}

    yield "clean", measure(clean)
    if attacked is not None:
        yield "attacked", measure(attacked)
    for name, images in others.items():
        yield name, measure(images)
    total: dict[str, _Layer] = {}
    before = done
    for control in controls:
        found = measure(control)
        total = {name: _added(total[name], found[name]) for name in layers} if total else found
    if total:
        yield "control", {name: _mean(of, done - before) for name, of in total.items()}


def _spectra(
    states: Mapping[str, _Layer], first: Mapping[str, Tensor], look: _Look, images: int
) -> Spectra:
    maps = first["clean"]
    places = look.places(maps)
    sums = {"clean": states["clean"].sums["maps"]}
    if "attacked" in states:
        sums |= {"attacked": states["attacked"].sums["maps"]}
        sums |= {"difference": states["attacked"].sums["change"]}
    return Spectra(
        maps=maps.shape[1],
        shown=tuple(places),
        frequencies=radial_profile(power_spectrum(maps[0, 0]))[0],
        measured={state: _measured(of) for state, of in states.items()},
        profiles={state: states[state].each["profile"] for state in DRAWN if state in states},
        mean={state: total / images for state, total in sums.items()},
        first={
            state: log_magnitude(of[0, places], window=look.window, normalised=False)
            for state, of in first.items()
        },
    )


def _look_at(maps: Tensor, clean: Tensor, look: _Look) -> _Layer:
    above, total = _pooled(maps, look)
    each = {"share": above / total, "log_energy": above.log()}
    each["stretched"] = stretched_high(maps, look.cutoff, window=look.window)
    if maps is clean:
        each["difference"] = torch.full_like(above, torch.nan)
    else:
        changed, all_changed = _pooled(maps - clean, look)
        each["difference"] = changed / all_changed
    if look.shown is None:
        return _Layer(each, {})
    each["profile"] = radial_profile(power_spectrum(maps, window=look.window))[1].mean(1)
    places = look.places(maps)
    sums = {
        name: log_magnitude(of[:, places], window=look.window, normalised=False).sum(0)
        for name, of in (("maps", maps), ("change", clean - maps))
    }
    return _Layer(each, sums)


def _pooled(maps: Tensor, look: _Look) -> tuple[Tensor, Tensor]:
    above, total = high_frequency_energy(maps, look.cutoff, window=look.window)
    return above.sum(1), total.sum(1)


def _joined(parts: Sequence[_Layer]) -> _Layer:
    first = parts[0]
    return _Layer(
        {name: torch.cat([part.each[name] for part in parts]) for name in first.each},
        {name: torch.stack([part.sums[name] for part in parts]).sum(0) for name in first.sums},
    )


def _added(one: _Layer, other: _Layer) -> _Layer:
    return _Layer({name: of + other.each[name] for name, of in one.each.items()}, {})


def _mean(total: _Layer, count: int) -> _Layer:
    return _Layer({name: of / count for name, of in total.each.items()}, {})


def _measured(layer: _Layer) -> Measured:
    each = layer.each
    return Measured(each["share"], each["log_energy"], each["difference"], each["stretched"])
