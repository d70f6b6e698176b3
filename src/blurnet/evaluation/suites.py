"""Suites: which attacks an evaluation runs.

Chosen by ``benchmarks/union.py`` on validation signs: of eleven attacks, the cheapest whose union
fools as many signs as all of them together.
"""

from blurnet.attacks import APGDSettings, RandomSearchSettings, RP2Settings
from blurnet.errors import BlurnetError

from .suite import Suite, SuiteAttack


def _suite(
    name: str, describes: str, published: RP2Settings, gradient: APGDSettings, queries: int
) -> Suite:
    return Suite(
        name=name,
        describes=describes,
        attacks=(
            SuiteAttack(
                name="RP2's formula",
                describes="One perturbation for all images of a class, added and clipped, as RP2 "
                f"(Eykholt et al., arXiv 1707.08945) has it: {published.steps} steps at each "
                "target.",
                rp2=published,
                targets=10,
            ),
            SuiteAttack(
                name="APGD",
                describes="An opaque sticker for each image, made with the network's gradient "
                "(masked APGD after Croce and Hein, arXiv 2003.01690): cross-entropy, "
                f"{gradient.steps} steps, {gradient.restarts} "
                f"start{'s' if gradient.restarts > 1 else ''}.",
                apgd=gradient,
            ),
            SuiteAttack(
                name="random search",
                describes="An opaque sticker for each image, found by asking the network "
                f"{queries:,} times, without its gradient.",
                random_search=RandomSearchSettings(queries=queries),
                gradient=False,
            ),
        ),
    )


SUITES = {
    suite.name: suite
    for suite in (
        _suite(
            "standard",
            "What a figure is quoted from.",
            RP2Settings(),
            APGDSettings(),
            RandomSearchSettings().queries,
        ),
        _suite(
            "quick",
            "A first look, with too few steps to quote a figure from: run the standard suite.",
            RP2Settings(steps=20, precision="auto"),
            APGDSettings(steps=20, restarts=1),
            100,
        ),
    )
}
"""By name."""


def suite_of(suite: str | Suite) -> Suite:
    """Find a suite by its name.

    Raises:
        BlurnetError: for an unknown name; the message lists the choices.

    """
    if isinstance(suite, Suite):
        return suite
    if suite not in SUITES:
        raise BlurnetError(f"no suite {suite!r}; there are: {', '.join(SUITES)}")
    return SUITES[suite]
