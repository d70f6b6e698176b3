"""The bracket in one picture: certified ≤ truth ≤ attacked, between what makes it readable."""

import textwrap
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from blurnet.evaluation import Rate
from blurnet.evaluation.evidence import Evidence
from blurnet.report.evidence.audit import struck_words, worst_struck
from blurnet.report.figures.drawings import Drawing
from blurnet.report.figures.images import interval_bar
from blurnet.report.figures.plots import STYLE
from blurnet.report.words import percent

Kind = Literal["reference", "attack", "worst"]

COLOURS: dict[Kind, str] = {"reference": "#0b5cad", "attack": "#c2500a", "worst": "#7d2b00"}


@dataclass(frozen=True)
class Rung:
    """One accuracy of the bracket.

    Args:
        name: under what it was measured.
        note: what that is, in a few words.
        accuracy: images classified as their class.
        kind: what its colour says.
        struck: why an audit strikes it through; "" if it does not.

    """

    name: str
    note: str
    accuracy: Rate
    kind: Kind
    struck: str = ""

    @property
    def bar(self) -> Markup:
        """The accuracy as a bar with its interval."""
        return interval_bar(f"{self.name}, accuracy", self.accuracy.value, self.accuracy)


@dataclass(frozen=True)
class Bracket:
    """The accuracies from the easiest to the hardest, and where the true one lies.

    Args:
        rungs: from the top.
        upper: the accuracy under the worst case over attacks.
        lower: the certified accuracy of this very network; None if there is none, as of every
            bare one: see ``masking``.

    """

    rungs: tuple[Rung, ...]
    upper: Rate
    lower: Rate | None

    @property
    def words(self) -> str:
        """Where the true robust accuracy lies."""
        low = "0\u00a0%" if self.lower is None else percent(self.lower.value)
        return f"{low} to {percent(self.upper.value)}"

    @property
    def range_bar(self) -> Markup:
        """The bracket itself as a bar from its lower to its upper end."""
        low = 0.0 if self.lower is None else 100 * self.lower.value
        high = 100 * self.upper.value
        return Markup(
            '<svg class="bar" role="img" aria-label="true robust accuracy: {}" width="100%" '
            'height="22"><rect class="track" width="100%" height="12" y="5"/>'
            '<rect class="value" x="{:.2f}%" width="{:.2f}%" height="12" y="5"/>'
            '<g class="whisker"><line x1="{:.2f}%" x2="{:.2f}%" y1="2" y2="20"/>'
            '<line x1="{:.2f}%" x2="{:.2f}%" y1="2" y2="20"/></g></svg>'
        ).format(self.words, low, max(high - low, 0.4), low, low, high, high)

    @cached_property
    def drawing(self) -> Drawing:
        """The same as a figure for papers."""
        alt = "Accuracy from clean images to the worst attack, and where the true one lies"
        return Drawing("bracket", alt, self._figure)

    def _figure(self) -> Figure:
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(6.2, 1 + 0.36 * (len(self.rungs) + 1)), layout="constrained")
            axes = figure.subplots()
            low = 0.0 if self.lower is None else 100 * self.lower.value
            axes.axvspan(low, 100 * self.upper.value, color=COLOURS["worst"], alpha=0.12)
            for place, rung in enumerate(self.rungs):
                rate, colour = rung.accuracy, COLOURS[rung.kind]
                axes.barh(place, 100 * rate.value, color=colour, alpha=0.65, height=0.6)
                axes.plot([100 * rate.low, 100 * rate.high], [place] * 2, color="#1a1d23", lw=1.3)
            last = len(self.rungs)
            axes.plot([low, 100 * self.upper.value], [last] * 2, color=COLOURS["worst"], lw=5)
            names = [_called(rung) for rung in self.rungs] + ["the truth lies here"]
            axes.set_yticks(range(last + 1), [textwrap.fill(name, 30) for name in names])
            axes.set(xlabel="accuracy in %", xlim=(0, 100), ylim=(last + 0.6, -0.6))
            axes.grid(visible=False, axis="y")
            return figure


def bracket_of(evidence: Evidence) -> Bracket:
    """Give the bracket of the bare network."""
    found = evidence.attacks
    rungs = (
        Rung("Clean images", "no sticker", evidence.accuracy, "reference"),
        Rung(
            "Random colours",
            f"the control: the mean over {len(evidence.control.answers)} opaque stickers",
            complement(evidence.control.success),
            "reference",
        ),
        *_strongest(evidence),
        Rung(
            "The sticker's place known",
            f"the ceiling: its pixels filled in ({evidence.ceiling.best})",
            evidence.ceiling.accuracy,
            "reference",
        ),
        *(
            Rung(
                each.attack.name,
                "with the worst of its targets for each image" if len(each.targets) > 1 else "",
                complement(each.any_target),
                "attack",
                struck_words(evidence.struck(each.attack.name)),
            )
            for each in found
        ),
        Rung(
            "Worst case over all attacks",
            "for each image the attack that fools it, if one does",
            evidence.worst.accuracy,
            "worst",
            worst_struck(evidence),
        ),
    )
    return Bracket(rungs, evidence.worst.accuracy, None)


def _called(rung: Rung) -> str:
    return f"{rung.name} (struck through)" if rung.struck else rung.name


def _strongest(evidence: Evidence) -> tuple[Rung, ...]:
    control = evidence.control
    if control.strongest is None:
        return ()
    note = f"the control at its strongest: one opaque sticker, {control.strongest_by}"
    accuracy = complement(control.strongest)
    return (Rung("Strongest sticker nobody searched for", note, accuracy, "reference"),)


def complement(rate: Rate) -> Rate:
    """Give the rate of what was not counted."""
    return replace(
        rate,
        value=1 - rate.value,
        low=1 - rate.high,
        high=1 - rate.low,
        count=rate.total - rate.count,
    )
