"""What hardens a network: filters, penalties and how it is trained, described and applied."""

from blurnet.filters import Layer as Layer
from blurnet.filters import layers as layers

from .blur import Blur as Blur
from .defense import Defense as Defense
from .harden import defense_of as defense_of
from .harden import harden as harden
from .loading import load as load
from .loading import save as save
from .recipe import Recipe as Recipe
from .train import train as train
