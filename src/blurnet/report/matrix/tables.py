"""The matrix: a row for each defense, a column for each attack, between what makes it readable."""

from collections.abc import Iterator

from blurnet.experiments.results import MatrixAttack, MatrixRow, MatrixScene
from blurnet.report.blocks import Block, Definitions
from blurnet.report.cells import Struck
from blurnet.report.evidence.bracket import complement
from blurnet.report.matrix.words import (
    CEILING,
    CERTIFIED,
    CONTROL,
    STRUCK,
    SUCCESS,
    TEST_ACCURACY,
    WORST,
    MatrixResults,
    name_of,
    scene_words,
)
from blurnet.report.tables import (
    NOTHING,
    Cell,
    Column,
    Row,
    Table,
    Words,
    rate_cell,
)
from blurnet.report.words import counted, defense_words, percent

MEASURES = (TEST_ACCURACY, CONTROL, CEILING, SUCCESS, WORST, CERTIFIED, STRUCK)


def tables(results: MatrixResults) -> list[Block]:
    """Give what the terminal prints."""
    return [*matrices(results), *certificates(results), Definitions(MEASURES)]


def matrices(results: MatrixResults) -> Iterator[Table]:
    """Give the matrix of each scene."""
    rows = results.rows
    for place, scene in enumerate(rows[0].scenes):
        attacks = [attack.name for attack in scene.attacks]
        columns = (
            Column(TEST_ACCURACY.name, "test\naccuracy"),
            Column(CONTROL.name, "con-\ntrol", group="Not attacked"),
            Column(CEILING.name, "1 − cei-\nling", group="Not attacked"),
            *(Column(name, name.replace(" ", "\n", 1), group="Attacks") for name in attacks),
            Column(WORST.name, "worst\ncase", interval=True, style="bold"),
            Column("conditions that failed"),
        )
        yield Table(
            f"Defenses against attacks: {scene_words(scene)}",
            columns,
            tuple(_row(row, row.scenes[place]) for row in rows),
            caption="Images not classified as their class, the mean over training seeds. Small "
            "figures: 95\u00a0% interval.",
        )


def _row(row: MatrixRow, scene: MatrixScene) -> Row:
    networks = len(row.networks)
    failed: dict[str, int] = {}
    for network in scene.networks:
        for name in network.failed:
            failed[name] = failed.get(name, 0) + 1
    cells: tuple[Cell, ...] = (
        rate_cell(row.test_accuracy),
        rate_cell(scene.control),
        rate_cell(complement(scene.ceiling)),
        *(_attack(attack, networks) for attack in scene.attacks),
        rate_cell(scene.worst),
        Words(", ".join(f"{name} ({n} of {networks})" for name, n in failed.items()) or "none"),
    )
    return Row(
        name_of(row),
        cells,
        f"{defense_words(row.defense, warm_start=row.warm_start)}; {counted(networks, 'seed')}",
    )


def _attack(attack: MatrixAttack, networks: int) -> Cell:
    if not attack.struck:
        return rate_cell(attack.success)
    why = f"struck on {attack.struck} of {counted(networks, 'network')}"
    return Struck(rate_cell(attack.success, note=why), why)


def certificates(results: MatrixResults) -> Iterator[Table]:
    """Give what masking certifies on each scene, and what attacks leave of the masked networks."""
    rows = results.rows
    for place, scene in enumerate(rows[0].scenes):
        if not scene.masked:
            continue
        columns = tuple(
            column
            for family in scene.masked
            for column in (
                Column("accuracy", f"{family.family}\naccuracy", group=family.family),
                Column("certified", "certi-\nfied", group=family.family),
                Column("attacked", "at-\ntacked", group=family.family),
            )
        )
        yield Table(
            f"The same networks behind masking: {scene_words(scene)}",
            columns,
            tuple(
                Row(
                    name_of(row),
                    tuple(
                        cell
                        for each in row.scenes[place].masked
                        for cell in (
                            rate_cell(each.accuracy, interval=False),
                            rate_cell(each.certified, interval=False),
                            NOTHING if each.attacked is None else Words(percent(each.attacked)),
                        )
                    ),
                )
                for row in rows
            ),
            caption="Images classified as their class: without a sticker; whatever sticker of the "
            "family is put on (proven); under the stickers of the family that were tried.",
        )
