"""What a matrix says in plain words, and no more than its figures say."""

from collections.abc import Sequence

from blurnet.experiments.results import MatrixRow, MatrixScene
from blurnet.report.matrix.words import name_of
from blurnet.report.words import counted, percent, span

NOTE = (
    "The worst case is the upper end of what is known: a stronger attack may lower it further. "
    "Rows are compared at the same seeds; a lower test accuracy lowers attack success by itself."
)


def verdict(rows: Sequence[MatrixRow], place: int) -> str:
    """Say which row loses fewest images in the worst case, beside the undefended one.

    Args:
        rows: of the matrix.
        place: of the scene.

    """

    def scene(row: MatrixRow) -> MatrixScene:
        return row.scenes[place]

    told = []
    defended = [row for row in rows if row.defense]
    if defended:
        best = min(defended, key=lambda row: scene(row).worst.value)
        plain = [row for row in rows if not row.defense and row.model == best.model]
        worst = scene(best).worst
        told.append(
            f"Of {counted(len(defended), 'defense')}, “{name_of(best)}” loses fewest images in the "
            f"worst case: {percent(worst.value)} (95\u00a0% interval {span(worst)}) at a test "
            f"accuracy of {percent(best.test_accuracy.value)}."
        )
        told += [
            f"“{name_of(row)}”, undefended: {percent(scene(row).worst.value)} at "
            f"{percent(row.test_accuracy.value)}."
            for row in plain
        ]
        if worst.value <= scene(best).control.high:
            told.append(
                f"Stickers of random colours do {percent(scene(best).control.value)} there: "
                "the attacks do not stand out from mere covering."
            )
    struck = sorted({attack.name for row in rows for attack in scene(row).attacks if attack.struck})
    if struck:
        told.append(
            "The audit strikes figures through of: "
            + ", ".join(f"“{name}”" for name in struck)
            + ". Read the worst case in their place."
        )
    return " ".join(told) or "No defended network was tried."
