"""The rows of a black-box experiment, by what the attacker had."""

from collections.abc import Sequence

from blurnet.experiments.blackbox import Blackbox
from blurnet.experiments.results import BlackboxRow, Published, Results, Transfer
from blurnet.report.provenance import is_own

BlackboxResults = Results[Blackbox, BlackboxRow]

TRANSFERS: dict[Transfer, str] = {
    "same_weights": "The attacker had these very weights, without the filter",
    "surrogate": "The attacker had a network trained with another seed",
}
"""What the attacker knew."""


def unfiltered(rows: Sequence[BlackboxRow]) -> BlackboxRow | None:
    """Find the network without a filter among rows that share a sticker."""
    return next((row for row in rows if not row.filters), None)


def by_transfer(rows: Sequence[BlackboxRow]) -> dict[Transfer, list[BlackboxRow]]:
    """Part rows by what the attacker had; both orders are kept."""
    groups: dict[Transfer, list[BlackboxRow]] = {}
    for row in rows:
        groups.setdefault(row.transfer, []).append(row)
    return groups


def published(results: BlackboxResults, row: BlackboxRow) -> Published | None:
    """Give what was published about a row, where it is comparable.

    It is about RP2's own network, photographs and sticker, which come with ``rp2``, and about an
    attacker who had that network.
    """
    comparable = is_own(results) and row.transfer == "same_weights"
    return row.published if comparable else None


def published_words(results: BlackboxResults, rows: Sequence[BlackboxRow]) -> str:
    """Say what published numbers are about, or why those that there are do not stand here."""
    if not any(row.published for row in rows):
        return ""
    if not any(published(results, row) for row in rows):
        if results.settings.rp2 is not None and not is_own(results):
            return ""  # the page says what differs
        return (
            "What the talk published is not comparable and is left out: it is about RP2's own "
            "network on RP2's 40 photographs; this run trained its network and drew its signs."
        )
    return (
        "Published (the talk's Table 1): RP2's own network, 40 photographs and sticker, with a "
        "padding that is not stated."
    )
