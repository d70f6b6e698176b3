"""Training: one loop, its augmentation, and its checkpoints."""

from .augment import SignAugmentation as SignAugmentation
from .batches import Batches as Batches
from .checkpoint import Checkpoint as Checkpoint
from .checkpoint import Checkpoints as Checkpoints
from .checkpoint import read_checkpoint as read_checkpoint
from .checkpoint import write_checkpoint as write_checkpoint
from .fit import Augment as Augment
from .fit import Harden as Harden
from .fit import History as History
from .fit import Progress as Progress
from .fit import fit as fit
from .noise import GaussianNoise as GaussianNoise
from .occlusion import RandomOcclusion as RandomOcclusion
from .settings import FitSettings as FitSettings
