"""What to run: typed descriptions of experiments, and the cells they expand into."""

from collections.abc import Mapping, Sequence
from typing import Any

from blurnet.errors import BlurnetError
from blurnet.experiments.blackbox import Blackbox as Blackbox
from blurnet.experiments.defenses import Defenses as Defenses
from blurnet.experiments.settings import change, check, read_experiment
from blurnet.experiments.settings import shipped as shipped
from blurnet.experiments.spectra import Spectra as Spectra

Experiment = Blackbox | Defenses | Spectra

EXPERIMENTS: dict[str, type[Experiment]] = {
    "blackbox": Blackbox,
    "train-defenses": Defenses,
    "alphas": Defenses,
    "whitebox": Defenses,
    "spectra": Spectra,
    "deeper": Spectra,
}


def load(
    name_or_file: str, assignments: Sequence[str] = (), changes: Mapping[str, Any] | None = None
) -> Experiment:
    """Read an experiment, change it, and check it.

    Args:
        name_or_file: the name of a shipped experiment, or the path of a YAML file.
        assignments: ``key=value`` settings that replace the file's, as ``--set`` takes them.
        changes: settings that replace the file's, by name.

    Raises:
        BlurnetError: if it does not exist, is not YAML, or has a wrong setting.

    """
    content = change(read_experiment(name_or_file), assignments) | dict(changes or {})
    kind = content.get("experiment")
    if kind not in EXPERIMENTS:
        raise BlurnetError(
            f"{name_or_file}: experiment: {kind!r} is not one of: {', '.join(EXPERIMENTS)}"
        )
    try:
        return check(EXPERIMENTS[kind], content)
    except BlurnetError as error:
        if name_or_file in shipped():
            raise
        raise BlurnetError(f"{name_or_file}: {error}") from None
