"""What the tables of defenses say, and how their rows are called."""

from collections.abc import Sequence

from blurnet.experiments.brackets import Covered
from blurnet.experiments.defenses import Defenses
from blurnet.experiments.results import AttackedScene, DefenseRow, Published, Results
from blurnet.report.pairs import seeds_words
from blurnet.report.provenance import NEEDED, is_own
from blurnet.report.words import CEILING, STRONGEST, Measure, between, counted, defense_words, short

DefenseResults = Results[Defenses, DefenseRow]

TEST_ACCURACY = Measure(
    "test accuracy",
    "held-out signs classified as their class; the mean over training seeds, with an interval from "
    "runs of frames that err together and from the seeds",
)
CALLED = Measure(
    "called …",
    "signs of other classes taken for the attacked class: a network that calls everything so "
    "cannot be fooled on it",
)
VARIATION = Measure(
    "variation",
    "Σ |differences of neighbours| of a map over the root of its energy: how rough the maps of the "
    "measured layer are, whatever their scale",
)
LOW_PASS = Measure(
    "low-pass",
    "of learned kernels: low frequencies' share of the mean response; 50 % passes all alike, above "
    "it is a low-pass filter",
)
SPREAD = Measure(
    "spread",
    "of learned kernels: the standard deviation of a kernel's weights over their mean size; 0 for "
    "a box",
)
CLEAN_MEASURES = (TEST_ACCURACY, CALLED, VARIATION, LOW_PASS, SPREAD)

ACCURACY = Measure("accuracy", "clean views classified as their true class")
MEAN = Measure(
    "mean success",
    "attacked views not classified as their true class, the mean over targets and seeds",
)
WORST = Measure(
    "worst target", "the same for the target with the highest success, the mean over seeds"
)
REACHED = Measure("target reached", "attacked views classified as the attack's target")
CONTROL = Measure(
    "control",
    "views not classified as their true class under opaque stickers of random colours in the same "
    "mask, the mean over ten",
)
AGAINST = Measure(
    "against undefended",
    "the difference of the mean success, in points, to the undefended network that was trained "
    "exactly so and with the same seed, on the same images, with an interval over images and "
    "seeds; where each image is fooled or not, the exact McNemar test",
)
ATTACK_MEASURES = (ACCURACY, MEAN, WORST, REACHED, CONTROL, STRONGEST, CEILING, AGAINST)

PUBLISHED_NETWORK = "lisa_cnn"
"""The architecture of the networks that the talk's Table 2 is about."""

PUBLISHED_OTHERWISE = (
    "What the talk published is left out: it is about RP2's formula as published (λ 0.02, Adam "
    "0.1, 300 steps or more, an added sticker) on RP2's 40 photographs, and no attack here is."
)


def name_of(row: DefenseRow) -> str:
    """Call a row by its label, its α, epochs where there are several, and seeds if some lack."""
    epochs = "" if row.epochs is None else f", {counted(row.epochs, 'epoch')}"
    name, there = f"{family_of(row)}{epochs}", len(row.networks)
    if not row.seeds_lacking:
        return name
    return f"{name} ({there} of {counted(there + row.seeds_lacking, 'seed')})"


def family_of(row: DefenseRow) -> str:
    """Call what a row has in common with rows that were trained longer or shorter."""
    return row.label if row.alpha is None else f"{row.label}, α {short(row.alpha)}"


def seeds_of(rows: Sequence[DefenseRow]) -> str:
    """Say over how many seeds the means of rows are."""
    counts = sorted({len(row.networks) for row in rows})
    if len(counts) == 1:
        return seeds_words(counts[0])
    return f"{counts[0]} to {counted(counts[-1], 'seed')}"


def row_words(row: DefenseRow, model: str) -> str:
    """Describe how a row's networks were made; name the architecture if it is not ``model``."""
    words = defense_words(row.defense, warm_start=row.warm_start)
    return words if row.model == model else f"{row.model.rpartition('/')[2]}; {words}"


def seeds_span(row: DefenseRow) -> str:
    """Give the lowest and the highest test accuracy over the seeds, in percent."""
    accuracies = [network.test_accuracy for network in row.networks]
    return between(min(accuracies), max(accuracies))


def scene_title(attack: str, scenes: Sequence[AttackedScene], seeds: str) -> str:
    """Say what a table of attacks is about: the same scene, attacked on each row's networks."""
    scene, tried = scenes[0], sorted({each.targets_tried for each in scenes})
    aims = f"{' or '.join(map(str, tried))} targets" if tried[-1] else "untargeted"
    seen = f"{scene.images} views of {scene.scene}"
    return f"{attack} on {seen}, {aims}, {seeds}"


def published_attack(results: DefenseResults) -> str | None:
    """Name the attack that is the published one, on RP2's photographs, if there is one."""
    settings = results.settings
    if not is_own(results, *NEEDED):
        return None
    same = (name for name, attack in settings.attacks.items() if attack.settings.published)
    return next(same, None)


def published(
    results: DefenseResults, row: DefenseRow, attack: str | None = None, place: int = 0
) -> Published | None:
    """Give what was published about a row, where it is comparable.

    Args:
        results: the row's.
        row: one of them.
        attack: the attack that it is to stand beside; None for the accuracy on clean signs.
        place: of the attacked scene.

    """
    same = published_attack(results)
    if same is None or row.model != PUBLISHED_NETWORK or place:
        return None
    comparable = results.settings.data is not None if attack is None else attack == same
    return row.published if comparable else None


def left_out(results: DefenseResults) -> str:
    """Say why nothing that was published stands beside the rows, if that is so."""
    given = any(row.published for row in results.rows) and any(row.attacks for row in results.rows)
    return PUBLISHED_OTHERWISE if given and published_attack(results) is None else ""


def matched(rows: Sequence[DefenseRow], row: DefenseRow) -> DefenseRow | None:
    """Find the undefended network that was trained exactly as a defended one, with the same seeds.

    None where there is none: what a defense does cannot then be told from what other training does.
    """
    if not row.defense or not row.trained_as:
        return None
    seeds = [network.seed for network in row.networks]
    return next(
        (
            each
            for each in rows
            if not each.defense
            and each.trained_as == row.trained_as
            and [network.seed for network in each.networks] == seeds
        ),
        None,
    )


def scene_of(row: DefenseRow | None, attack: str, place: int = 0) -> AttackedScene | None:
    """Give what an attack did on one scene; None if it was not tried there."""
    scenes = () if row is None else row.attacks.get(attack, ())
    return scenes[place] if place < len(scenes) else None


def covered_at(row: DefenseRow, place: int) -> Covered | None:
    """Give the control and the ceiling of a row on one scene."""
    return row.brackets[place].covered if place < len(row.brackets) else None


def undefended(
    rows: Sequence[DefenseRow], model: str, epochs: int | None = None
) -> DefenseRow | None:
    """Find a network without a defense, trained as long: trained here, or else given."""
    found = [row for row in rows if not row.defense and row.model == model and row.epochs == epochs]
    return next((row for row in found if row.networks[0].train), next(iter(found), None))
