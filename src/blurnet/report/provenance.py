"""What of an experiment's inputs is RP2's own, in words: by content, not by where it lies."""

from blurnet.experiments.results import AnyResults

NEEDED = ("photographs", "mask")
"""What published figures of attacks made here are about, besides the networks."""


def is_own(results: AnyResults, *parts: str) -> bool:
    """Say whether these parts of the folder ``rp2`` were compared with RP2's own and are the same.

    Args:
        results: of a run.
        parts: keys of ``blurnet.data.rp2.PUBLISHED``; all of them without any.

    """
    differs = results.rp2_differs
    if differs is None or results.settings.rp2 is None:
        return False
    return not any(part in differs for part in parts) if parts else not differs


def photographs_words(results: AnyResults, count: int) -> str:
    """Say which photographs a run with ``rp2`` attacked."""
    where = f"{count} photographs of “{results.true_class}”"
    if results.rp2_differs is None:
        return (
            f"{where} ({results.settings.rp2}; whether they are RP2's own was not compared: run "
            "the experiment again with --replace, which reads the records)"
        )
    if is_own(results, "photographs"):
        return f"{where}, published with RP2 ({results.settings.rp2})"
    return f"{where} ({results.settings.rp2}; not those that RP2 published)"


def differs_words(results: AnyResults) -> str:
    """Say what of the folder ``rp2`` is not RP2's own; "" if all is, or there is none."""
    if results.settings.rp2 is None or is_own(results):
        return ""
    if results.rp2_differs is None:
        return f"whether {results.settings.rp2} holds RP2's own artifacts was not compared."
    return (
        f"{results.settings.rp2} does not hold what RP2 published: by their content (SHA-256) "
        f"these differ: {', '.join(results.rp2_differs)}. Nothing that was published stands beside "
        "these figures."
    )
