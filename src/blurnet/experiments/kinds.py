"""The kinds of experiments: each is registered here, and nowhere else."""

from .blackbox import Blackbox
from .defenses import Defenses
from .inputs import Inputs
from .matrix import Matrix
from .spectra import Spectra

KINDS: dict[str, type[Inputs]] = {
    "blackbox": Blackbox,
    "defenses": Defenses,
    "matrix": Matrix,
    "spectra": Spectra,
}
"""By ``kind`` of a YAML file and of results: the settings, whose ``row`` is what results hold."""
