"""Networks: blurnet's own, and any other as a ``Classifier``; images in [0, 1] in, logits out."""

from blurnet.models.builders import MODELS as MODELS
from blurnet.models.builders import build as build
from blurnet.models.checking import check_network as check_network
from blurnet.models.classifier import Classifier as Classifier
from blurnet.models.classifier import as_classifier as as_classifier
from blurnet.models.classifier import network_of as network_of
from blurnet.models.copying import copy_of as copy_of
from blurnet.models.copying import uncompiled as uncompiled
from blurnet.models.exported import as_module as as_module
from blurnet.models.grey_resnet import GreyResNet as GreyResNet
from blurnet.models.importing import build_named as build_named
from blurnet.models.importing import built as built
from blurnet.models.importing import import_model as import_model
from blurnet.models.inputs import find_input as find_input
from blurnet.models.lisa_cnn import LisaCNN as LisaCNN
from blurnet.models.modes import evaluating as evaluating
from blurnet.models.small_resnet import SmallResNet as SmallResNet
from blurnet.models.weights import Network as Network
from blurnet.models.weights import load_weights as load_weights
from blurnet.models.weights import read_network as read_network
from blurnet.models.weights import write_network as write_network
