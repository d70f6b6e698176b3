"""What spectra say in plain words; every word follows from the figures."""

from collections.abc import Callable, Iterator, Sequence

from blurnet.evaluation import Rate
from blurnet.experiments.results import LayerSpectra, SpectraRow, TransferRates
from blurnet.report.spectra.words import (
    band,
    change,
    layers_of,
    points,
    ratio,
    undefended,
    views_of,
)
from blurnet.report.words import ABSENT, percent
from blurnet.spectra import INPUT

UNKNOWN = "That cannot be told here: too few views, or a view whose maps are constant."
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def verdicts(rows: Sequence[SpectraRow], cutoff: float) -> dict[str, str]:
    """Answer the talk's claims about spectra; question → answer.

    Args:
        rows: at least one.
        cutoff: where high frequencies begin, in cycles per pixel of the map.

    """
    plain = undefended(rows) or rows[0]
    views = views_of(plain)
    about = f"On “{plain.label}”: " if plain.defense else ""
    on_input = about + _on_input(plain.layers[INPUT], views)
    answers = {"Does the sticker show in the input's spectra?": on_input}
    for place, layer in enumerate(layers_of(plain)):
        question = (
            f"Does the sticker add high frequencies to the {ORDINALS[place]} layer's maps?"
            if place < len(ORDINALS)
            else f"Does the sticker add high frequencies to {layer}'s maps?"
        )
        talk = "The talk says yes. " if place == 0 else ""
        answers[question] = about + talk + added(plain.layers[layer], layer, cutoff, views)
    return answers


def added(measured: LayerSpectra, layer: str, cutoff: float, views: int) -> str:
    """Say whether an attack added high frequencies to one layer's maps, as the figures have it.

    Args:
        measured: the layer's.
        layer: its name.
        cutoff: where high frequencies begin, in cycles per pixel of the map.
        views: how many the figures are means over.

    """
    over_clean = change(measured.attacked_minus_clean)
    over_random = change(measured.attacked_minus_control)
    if over_clean is None:
        return UNKNOWN
    if over_clean == "lower":
        opening = "Here it does not: their share falls"
    elif over_clean == "no difference seen":
        opening = "Here that is not seen"
    else:
        opening = {
            "higher": "Here it does, and more than random colours in the same mask",
            "lower": "Here it does, but random colours in the same mask add more",
            "no difference seen": "Here it does, but no more than random colours in the same mask",
            None: "Here it does",
        }[over_random]
    sentences = [f"{opening}. {_shares(measured, layer)} ({views} views)."]
    if change(measured.energy_over_clean, 1) == "higher" and over_clean != "higher":
        sentences.append(
            f"The energy above {cutoff:g} cycles per pixel does rise, to "
            f"{ratio(measured.energy_over_clean)} times the clean views'; more still is added "
            "below."
        )
    return " ".join([*sentences, _most_added(measured, cutoff), *_in_the_talks_terms(measured)])


def _in_the_talks_terms(measured: LayerSpectra) -> Iterator[str]:
    by_state = {found.state: found for found in measured.raised}
    attack = by_state.pop("attacked", None)
    if attack is None or attack.ratio is None:
        return
    others = ", ".join(
        f"{state} in {found.raised} (× {found.ratio:.2f})"
        for state, found in by_state.items()
        if found.ratio is not None
    )
    as_many = [found for found in by_state.values() if 2 * found.raised > found.maps]
    specific = (
        " So the pictures show that something opaque lies there, and not that it attacks."
        if as_many
        else ""
    )
    yield (
        "In the talk's own terms, log magnitude stretched to [0, 1], the sticker raises high "
        f"frequencies in {attack.raised} of {attack.maps} maps (× {attack.ratio:.2f}); stickers "
        f"that need no search: {others}.{specific}"
    )


def smoothest(rows: Sequence[SpectraRow]) -> str:
    """Say which defense leaves the first layer's maps the fewest high frequencies, and its price.

    Args:
        rows: one group's, at least one with a defense.

    """
    plain, layer = undefended(rows), layers_of(rows[0])[0]
    known = [
        (row, share) for row in rows if row.defense and (share := _clean(row, layer)) is not None
    ]
    if not known:
        return UNKNOWN
    best, share = min(known, key=lambda each: each[1])
    rates, before = best.rates, None if plain is None else plain.rates
    tested = rates.test_accuracy is not None

    def told(read: Callable[[TransferRates], Rate | None]) -> str:
        found, undefended = read(rates), None if before is None else read(before)
        against = "" if undefended is None else f" (undefended: {percent(undefended.value)})"
        return ABSENT if found is None else percent(found.value) + against

    of_undefended = None if plain is None else _clean(plain, layer)
    without = "" if of_undefended is None else f" (undefended: {percent(of_undefended)})"
    return (
        f"Of {len(known)} defended {'network' if len(known) == 1 else 'networks'}, "
        f"“{best.label}” has the fewest high frequencies in {layer}'s maps: {percent(share)}"
        f"{without} of the energy. The attack succeeds on "
        f"{told(lambda of: of.attack_success_rate)} of the views, random colours on "
        f"{percent(rates.control_success_rate.value)}; "
        f"{told(lambda of: of.test_accuracy if tested else of.accuracy)} of the "
        f"{'test images' if tested else 'clean views'} are right."
    )


def _clean(row: SpectraRow, layer: str) -> float | None:
    return row.layers[layer].clean.mean


def _most_added(measured: LayerSpectra, cutoff: float) -> str:
    rings = [
        (ring.over_control.mean, ring)
        for ring in measured.rings or ()
        if change(ring.over_control, 1) == "higher" and ring.over_control.mean is not None
    ]
    if not rings:
        return "At no frequency does it add more than random colours do."
    _, most = max(rings, key=lambda each: each[0])
    return (
        f"Beyond random colours it adds most at {most.frequency:.2g} cycles per pixel of the map, "
        f"among the {band(most.frequency, cutoff)} frequencies: {ratio(most.over_control)} times "
        "their power."
    )


def _shares(measured: LayerSpectra, layer: str) -> str:
    text = (
        f"Of {layer}'s energy, {_percent(measured.clean.mean)} are high frequencies in clean "
        f"views and {_percent(measured.attacked.mean)} in attacked ones, a difference of "
        f"{points(measured.attacked_minus_clean)} points"
    )
    if change(measured.attacked_minus_control) is None:
        return text
    return text + (
        f"; under random colours {_percent(measured.control.mean)}, attacked − random "
        f"{points(measured.attacked_minus_control)}"
    )


def _on_input(measured: LayerSpectra, views: int) -> str:
    found = change(measured.attacked_minus_clean)
    if found is None:
        return UNKNOWN
    seen = {
        "higher": "Measured, there is one: the share of high frequencies rises.",
        "lower": "Measured, there is one: the share of high frequencies falls.",
        "no difference seen": "Nor is one measured.",
    }[found]
    return (
        "The talk sees hardly any difference there. "
        f"{seen} {_shares(measured, 'the input')} ({views} views)."
    )


def _percent(share: float | None) -> str:
    return ABSENT if share is None else percent(share)
