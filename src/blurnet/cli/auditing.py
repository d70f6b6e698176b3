"""What ``blurnet audit`` does, from its options to its checks."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blurnet.cli.inputs import RP2_NETWORK, NetworkAsked, numbers_of, read_inputs
from blurnet.cli.mask_input import read_mask
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from blurnet.cli.evaluation import EvaluateAsked
    from blurnet.evaluation.evidence import AuditCheck
    from blurnet.models import Classifier

EVIDENCE = "evidence.json"

NAMED = "named.json"
"""How the network was named that an evaluation's folder is about."""


def is_evaluation(file: Path | None) -> bool:
    """Say whether a folder holds what ``blurnet evaluate`` wrote."""
    return file is not None and (file / EVIDENCE).is_file()


def remember(folder: Path, network: NetworkAsked, rp2: Path | None) -> None:
    """Write how a network was named, so that ``blurnet audit`` finds it again."""
    from blurnet.files import to_json, write_whole

    told = asdict(network) | {"rp2": rp2}
    plain = {
        name: str(value.absolute()) if isinstance(value, Path) else value
        for name, value in told.items()
    }
    write_whole(folder / NAMED, to_json(plain))


def audit_folder(
    asked: "EvaluateAsked", *, quiet: bool
) -> "tuple[str, tuple[AuditCheck, ...], Path | None]":
    """Audit an evaluation's attacks again.

    Returns:
        What the network is called, the checks, and the page if it was written anew: where the
        network is the one that was evaluated.

    Raises:
        BlurnetError: if it kept no pictures, or its network is not found.

    """
    from blurnet.cli.progress import step_progress
    from blurnet.engine import Records
    from blurnet.evaluation import Evidence
    from blurnet.evaluation.audit import audit_again, weights_of
    from blurnet.report.page.page import REPORT, check_page

    folder = asked.network.file
    assert folder is not None
    given = asked.photographs
    if given.data or given.photographs or given.true_class or given.size or given.channels:
        raise BlurnetError(
            f"{folder}: an evaluation, which is audited on its own photographs; leave --data and "
            "the like out"
        )
    if asked.mask is not None:
        raise BlurnetError(f"{folder}: an evaluation, which has its own mask; leave --mask out")
    evidence = Evidence.load(folder)
    named, rp2 = replace(asked.network, file=None), given.rp2
    if named.model is None and rp2 is None:
        named, rp2 = _remembered(folder)
    model = _read(named, rp2, evidence.classes)
    check_page(folder / REPORT)
    with Records(folder).locked():
        with step_progress(f"audit of {evidence.network}", quiet=quiet, kept=False) as on_step:
            audited = audit_again(
                evidence,
                model,
                None if on_step is None else lambda done, total, _: on_step(done, total),
            )
        same = evidence.weights in ("", weights_of(model))
        if same:
            audited.save(folder)
    return evidence.network, audited.audit, folder / REPORT if same else None


def audit_named(asked: "EvaluateAsked", *, quiet: bool) -> "tuple[str, tuple[AuditCheck, ...]]":
    """Audit a suite's attacks on a network.

    Returns:
        What it is called, and the checks.

    Raises:
        BlurnetError: for inputs that do not fit.

    """
    from blurnet.cli.evaluation import with_remembered
    from blurnet.cli.progress import step_progress
    from blurnet.evaluation.audit import audit_network
    from blurnet.evaluation.suites import suite_of

    asked = with_remembered(asked)
    if asked.mask is None:
        raise BlurnetError("where may a sticker be? Give --mask: a picture, bars or octagon")
    suite_of(asked.suite)
    inputs = read_inputs(asked.network, asked.photographs)
    where, _ = read_mask(asked.mask, inputs, targets="none", seed=asked.seed)
    with step_progress(f"audit of {inputs.name}", quiet=quiet, kept=False) as on_step:
        checks = audit_network(
            inputs.network,
            inputs.photographs.floats,
            inputs.photographs.labels,
            where,
            classes=inputs.classes,
            suite=asked.suite,
            seed=asked.seed,
            on_step=on_step,
        )
    return inputs.name, checks


def _remembered(folder: Path) -> tuple[NetworkAsked, Path | None]:
    from blurnet.files import read_json

    if not (folder / NAMED).is_file():
        raise BlurnetError(
            f"{folder}: it does not say how its network was named; name it beside the folder: "
            "--model SPEC --weights FILE, or --rp2 DIR"
        )
    told: dict[str, Any] = read_json(folder / NAMED)
    paths = {name: told[name] and Path(told[name]) for name in ("file", "weights", "rp2")}
    plain = {name: told[name] for name in ("model", "classes", "mean", "std")}
    network = NetworkAsked(file=paths["file"], weights=paths["weights"], **plain)
    return network, paths["rp2"]


def _read(asked: NetworkAsked, rp2: Path | None, classes: Sequence[str]) -> "Classifier":
    """Read a network whose outputs are called so, unless its file says it itself."""
    from blurnet.defenses import load
    from blurnet.models import import_model

    if asked.file is None and asked.model is not None:
        return import_model(
            asked.model,
            weights=asked.weights,
            classes=classes,
            mean=numbers_of("--mean", asked.mean),
            std=numbers_of("--std", asked.std),
        )
    if asked.file is not None:
        return load(asked.file, asked.model)
    assert rp2 is not None
    return load(rp2 / RP2_NETWORK, "lisa_cnn")
