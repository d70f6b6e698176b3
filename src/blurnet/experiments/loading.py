"""Read what a run or an evaluation left in a folder."""

import warnings
from pathlib import Path

from blurnet.errors import BlurnetError, BlurnetWarning
from blurnet.evaluation.evidence import Evidence
from blurnet.files import read_json
from blurnet.settings import check

from .kinds import KINDS
from .results import AnyResults, Results
from .unfinished import UNFINISHED

RESULTS = "results.json"
EVIDENCE = "evidence.json"
"""What ``blurnet evaluate`` leaves in its folder."""


def load_results(folder: str | Path) -> AnyResults | Evidence:
    """Read what a run or an evaluation left in a folder.

    Args:
        folder: of ``blurnet run``, with results.json, or of ``blurnet evaluate``, with
            evidence.json.

    Returns:
        The results, typed by their kind, or the evidence. Of an unfinished run the rows that are
        there, with a warning; ``results.lacking`` says which are not.

    Raises:
        BlurnetError: if there is neither, or it is not a file that this version wrote.

    Examples:
        >>> evidence = blurnet.evaluate(model, images, labels, mask, classes=classes, suite="quick")
        >>> folder = evidence.save("runs/mine")
        >>> blurnet.load_results(folder).worst == evidence.worst
        True

    """
    folder = Path(folder)
    if (folder / RESULTS).exists():
        return read_results(folder / RESULTS)
    if (folder / UNFINISHED).exists():
        results = load_unfinished(folder)
        warnings.warn(
            f"{folder}: an unfinished run: {len(results.rows)} rows, and "
            f"{len(results.lacking)} more (or more of their seeds) to come",
            BlurnetWarning,
            stacklevel=2,
        )
        return results
    if not (folder / EVIDENCE).exists():
        raise BlurnetError(
            f"{folder}: neither {RESULTS} (of blurnet run) nor {EVIDENCE} (of blurnet evaluate)"
        )
    return Evidence.load(folder)


def load_unfinished(folder: Path) -> AnyResults:
    """Read the rows that there are of an unfinished run; raises as ``load_results``."""
    return read_results(folder / UNFINISHED)


def read_results(path: Path) -> AnyResults:
    """Read results of any kind; raises as ``load_results``."""
    try:
        content = read_json(path)
    except BlurnetError as error:
        raise BlurnetError(
            f"{error}; remove that file, and the blurnet run that made it writes it again"
        ) from None
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise BlurnetError(
            f"{path}: not results that this version of blurnet wrote; run the experiment again in "
            "another folder"
        )
    asked = KINDS[kind]
    try:
        return check(Results[asked, asked.row], content)  # type: ignore[valid-type,name-defined]
    except BlurnetError as error:
        raise BlurnetError(f"{path}: {error}") from None
