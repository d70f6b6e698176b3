"""Suites: which attacks an evaluation runs."""

from blurnet.attacks import RandomSearchSettings, RP2Settings
from blurnet.errors import BlurnetError

from .suite import Suite, SuiteAttack

STRONGEST = RP2Settings(
    steps=200,
    lam=0,
    placement="paste",
    loss="margin",
    goal="untargeted",
    scope="per_image",
    restarts=2,
    precision="auto",
)
"""The strongest gradient attack here, the same as in ``blurnet run whitebox``."""


def _suite(
    name: str, describes: str, published: RP2Settings, strongest: RP2Settings, queries: int
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
                name="strongest gradient",
                describes="An opaque sticker for each image, made with the network's gradient: "
                f"margin loss, {strongest.steps} steps, {strongest.restarts} restart"
                f"{'s' if strongest.restarts > 1 else ''}.",
                rp2=strongest,
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
            STRONGEST,
            RandomSearchSettings().queries,
        ),
        _suite(
            "quick",
            "A first look, with too few steps to quote a figure from: run the standard suite.",
            RP2Settings(steps=20, precision="auto"),
            RP2Settings(
                steps=20,
                lam=0,
                placement="paste",
                loss="margin",
                goal="untargeted",
                scope="per_image",
                precision="auto",
            ),
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
