"""What ``blurnet evaluate`` does, from its options to the files that it leaves."""

import hashlib
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from blurnet.cli.auditing import remember
from blurnet.cli.fingerprints import content_of, fingerprint_of
from blurnet.cli.inputs import Inputs, NetworkAsked, read_inputs
from blurnet.cli.mask_input import is_searched, read_mask
from blurnet.cli.outputs import claimed
from blurnet.cli.photographs import PhotographsAsked
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.evaluation import Evidence

EVIDENCE = "evidence.json"

_log = logging.getLogger("blurnet")


@dataclass(frozen=True)
class EvaluateAsked:
    """What a command line asks for.

    Args:
        network: which.
        photographs: which.
        mask: where a sticker may be.
        suite: which attacks.
        max_success: of the worst case, demanded.
        min_accuracy: without a sticker, demanded.
        seed: of all chance.
        audit: whether the attacks' figures are audited.
        certify: families of stickers; None for the usual ones, ("none",) for none.

    """

    network: NetworkAsked
    photographs: PhotographsAsked
    mask: str | None
    suite: str
    max_success: float | None
    min_accuracy: float | None
    seed: int
    audit: bool = True
    certify: tuple[str, ...] | None = None

    @property
    def families(self) -> tuple[str, ...] | None:
        """What ``evaluate`` is to certify against."""
        return () if self.certify == ("none",) else self.certify


def evaluate_network(asked: EvaluateAsked, out: Path, *, replace: bool, quiet: bool) -> "Evidence":
    """Evaluate a network and write the evidence to a folder.

    Args:
        asked: what.
        out: the folder, which gets ``evidence.json``, ``tensors.safetensors`` and ``report.html``.
        replace: whether other evidence there may be replaced.
        quiet: whether no progress is shown.

    Raises:
        BlurnetError: for inputs that do not fit, and if something else is in the folder.

    """
    from blurnet.cli.progress import step_progress
    from blurnet.evaluation import Evidence, evaluate
    from blurnet.evaluation.asked_certificates import asked_certificates
    from blurnet.report.page.page import REPORT, check_page

    asked = with_remembered(asked)
    if asked.mask is None:
        raise BlurnetError(
            "where may a sticker be? Give --mask: a picture (white where it may be), a folder of "
            "them, bars, octagon, quiet, sensitive or two-stage"
        )
    _check_demands(asked)
    inputs = read_inputs(asked.network, asked.photographs)
    check_page(out / REPORT)
    found = None if is_searched(asked.mask) else read_mask(asked.mask, inputs)[0]
    if found is not None:  # what does not fit is refused before the folder is claimed
        asked_certificates(asked.families, inputs.photographs.floats, found)
    with claimed(out, _question(asked, inputs, found), EVIDENCE, replace=replace) as answered:
        if answered:
            return Evidence.load(out)
        title = f"{asked.suite} suite on {len(inputs.photographs)} images"
        if found is None:
            with step_progress("L1 attack, for the mask", quiet=quiet, kept=False) as on_step:
                found, _ = read_mask(
                    asked.mask, inputs, targets="none", seed=asked.seed, on_step=on_step
                )
        with step_progress(title, quiet=quiet, kept=False) as on_step:
            evidence = evaluate(
                inputs.network,
                inputs.photographs.floats,
                inputs.photographs.labels,
                found,
                classes=inputs.classes,
                suite=asked.suite,
                seed=asked.seed,
                names=inputs.names,
                network=inputs.name,
                on_step=on_step,
                max_success=asked.max_success,
                min_accuracy=asked.min_accuracy,
                audit=asked.audit,
                certify=asked.families,
            )
        evidence.save(out)
        remember(out, asked.network, asked.photographs.rp2)
    return evidence


def with_remembered(asked: EvaluateAsked) -> EvaluateAsked:
    """Take what was not said from what the network was hardened on, and say it."""
    from blurnet.cli.hardening import HARDENED
    from blurnet.evaluation.hardened import Hardened
    from blurnet.files import read_json
    from blurnet.settings import check

    photographs = asked.photographs
    if photographs.rp2 is not None and asked.mask is None:
        asked = replace(asked, mask="sticker")
    file = asked.network.file
    if file is None:
        return asked
    told = (file if file.is_dir() else file.parent) / HARDENED
    if not told.is_file():
        return asked
    remembered = check(Hardened, read_json(told)).remembered
    said = []
    if photographs.rp2 is None and photographs.data is None and photographs.photographs is None:
        photographs = replace(photographs, data=remembered.data)
        said.append(f"data {remembered.data}")
    if photographs.rp2 is None and photographs.size is None and remembered.size is not None:
        photographs = replace(photographs, size=remembered.size)
        said.append(f"size {remembered.size}")
    if photographs.rp2 is None and photographs.channels is None and remembered.channels != 3:
        photographs = replace(photographs, channels=remembered.channels)
        said.append(f"{remembered.channels} channel")
    mask = asked.mask
    if mask is None and remembered.mask is not None:
        mask = remembered.mask
        said.append(f"mask {mask}")
    if said:
        _log.info("as %s was hardened: %s", file, ", ".join(said))
    return replace(asked, photographs=photographs, mask=mask)


def _check_demands(asked: EvaluateAsked) -> None:
    from blurnet.evaluation.suites import suite_of

    suite_of(asked.suite)
    for option, share in (
        ("--max-success", asked.max_success),
        ("--min-accuracy", asked.min_accuracy),
    ):
        if share is not None and not 0 <= share <= 1:
            raise BlurnetError(f"{option} is a share of the images, in 0…1; found {share:g}")


def _question(asked: EvaluateAsked, inputs: Inputs, mask: "Tensor | None") -> dict[str, object]:
    where = asked.mask if mask is None else hashlib.sha256(content_of(mask)).hexdigest()
    return {
        "command": "evaluate",
        "network": fingerprint_of(inputs.network, asked.network),
        "photographs": inputs.photographs.fingerprint(),
        "names": list(inputs.names),
        "mask": where,
        "suite": asked.suite,
        "max_success": asked.max_success,
        "min_accuracy": asked.min_accuracy,
        "seed": asked.seed,
        "audit": asked.audit,
        "certify": None if asked.certify is None else list(asked.certify),
    }
