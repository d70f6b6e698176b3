"""Training: one loop, its augmentation, and its checkpoints."""

from blurnet.training.augment import SignAugmentation as SignAugmentation
from blurnet.training.batches import Batches as Batches
from blurnet.training.batches import Labelled as Labelled
from blurnet.training.batches import Source as Source
from blurnet.training.checkpoint import Checkpoint as Checkpoint
from blurnet.training.checkpoint import Checkpoints as Checkpoints
from blurnet.training.checkpoint import read_checkpoint as read_checkpoint
from blurnet.training.checkpoint import set_aside_broken as set_aside_broken
from blurnet.training.checkpoint import write_checkpoint as write_checkpoint
from blurnet.training.double_cutout import DoubleCutout as DoubleCutout
from blurnet.training.fit import Augment as Augment
from blurnet.training.fit import Harden as Harden
from blurnet.training.fit import History as History
from blurnet.training.fit import Progress as Progress
from blurnet.training.fit import fit as fit
from blurnet.training.noise import GaussianNoise as GaussianNoise
from blurnet.training.occlusion import RandomOcclusion as RandomOcclusion
from blurnet.training.settings import FitSettings as FitSettings
