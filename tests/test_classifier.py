"""The adapter: normalisation, sizes, outputs, and what is refused in one line."""

import warnings
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS
from networks.exported import Original, program
from torch import nn

from blurnet.errors import BlurnetError, BlurnetWarning
from blurnet.models import (
    Classifier,
    as_classifier,
    as_module,
    build,
    check_network,
    copy_of,
    evaluating,
    find_input,
    network_of,
)


class Pooled(nn.Module):
    """Takes images of any size: its logits are linear in their mean."""

    def __init__(self, channels=3, classes=4):
        super().__init__()
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(x.mean((2, 3)))


class Gives(nn.Module):
    """Gives what a function makes of a network's logits."""

    def __init__(self, change):
        super().__init__()
        self.inner, self.change = Pooled(), change

    def forward(self, x):
        return self.change(self.inner(x))


@dataclass
class Output:
    scores: torch.Tensor


def images(*shape):
    return torch.rand(*(shape or (3, 3, 8, 8)))


def test_normalises_inside():
    net, batch = Pooled(), images()
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    by_hand = (batch - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(Classifier(net, mean=mean, std=std)(batch), net(by_hand))
    torch.testing.assert_close(
        Classifier(net, mean=0.5, std=0.25)(batch), net((batch - 0.5) / 0.25)
    )
    torch.testing.assert_close(Classifier(net, std=2)(batch), net(batch / 2))
    assert list(Classifier(net, mean=0.5).state_dict()) == ["model.fc.weight", "model.fc.bias"]


def test_normalisation_for_another_number_of_channels():
    with pytest.raises(BlurnetError, match="mean is for 3 channels, the images have 1"):
        Classifier(Pooled(1), mean=(0.1, 0.2, 0.3))(images(2, 1, 8, 8))
    with pytest.raises(BlurnetError, match="std is above 0"):
        Classifier(Pooled(), std=(1, 0, 1))


def test_resizes_by_the_stated_rule_and_can_be_differentiated():
    seen = []
    net = Pooled()
    net.register_forward_pre_hook(lambda _net, args: seen.append(args[0]))
    batch = images(2, 3, 40, 24).requires_grad_()
    Classifier(net, size=(16, 12))(batch).sum().backward()
    wanted = F.interpolate(batch, (16, 12), mode="bilinear", antialias=True)
    torch.testing.assert_close(seen[0], wanted)
    assert batch.grad.abs().sum() > 0
    same = images(2, 3, 16, 16)
    torch.testing.assert_close(Classifier(net, size=16)(same), net(same))
    with pytest.raises(BlurnetError, match="at least 1 pixel"):
        Classifier(net, size=0)


@pytest.mark.parametrize(
    ("change", "logits"),
    [
        (lambda out: out, None),
        (lambda out: (out, "more"), None),
        (lambda out: [out], None),
        (lambda out: {"logits": out}, None),
        (lambda out: {"out": out, "aux": 2 * out}, "out"),
        (lambda out: ("more", out), 1),
        (lambda out: ("more", out), -1),
        (Output, "scores"),
        (lambda out: out[..., None, None], lambda out: out.flatten(1)),
    ],
)
def test_finds_the_logits(change, logits):
    net, batch = Gives(change), images()
    torch.testing.assert_close(Classifier(net, logits=logits)(batch), net.inner(batch))


@pytest.mark.parametrize(
    ("change", "logits", "message"),
    [
        (
            lambda out: {"out": out, "aux": out},
            None,
            "a dict of out, aux, where no logits.*logits='out'",
        ),
        (Output, "wrong", "a Output, where no logits are found by logits='wrong'"),
        (lambda out: (out,), 3, "a tuple of 1, where"),
        (lambda out: "text", None, "a str, where"),
    ],
)
def test_says_what_the_output_is_where_no_logits_are_found(change, logits, message):
    with pytest.raises(BlurnetError, match=message):
        Classifier(Gives(change), logits=logits)(images())


def test_as_classifier_is_itself():
    net = Pooled()
    classifier = as_classifier(net, classes="abcd")
    assert as_classifier(classifier) is classifier
    assert as_classifier(classifier, classes="abcd") is classifier
    other = as_classifier(classifier, classes="efgh")
    assert (other.classes, classifier.classes) == (tuple("efgh"), tuple("abcd"))
    assert network_of(other) is net
    with pytest.raises(BlurnetError, match=r"an nn\.Module or an exported program, not a list"):
        as_classifier([net])


@pytest.mark.parametrize("training", [True, False])
def test_images_are_never_overwritten(training):
    net = as_classifier(NETWORKS["in_place"][0]()).train(training)
    batch = images(4, 3, 32, 32)
    kept = batch.clone()
    first, again = net(batch), net(batch)
    torch.testing.assert_close(first, again)
    assert torch.equal(batch, kept)
    variable = batch.requires_grad_()
    net(variable).sum().backward()
    assert variable.grad.abs().sum() > 0


def test_a_network_that_leaves_its_input_gets_the_images_themselves():
    seen, net = [], Pooled()
    net.register_forward_pre_hook(lambda _net, args: seen.append(args[0]))
    classifier, batch = Classifier(net), images()
    classifier(batch)
    classifier(batch)
    assert seen[1] is batch


def test_check_gives_the_number_of_logits_and_leaves_the_network():
    net = build("small_resnet", 7, seed=0).train()
    before = net.norm1.running_mean.clone()
    assert check_network(net, images(2, 3, 32, 32)) == 7
    assert net.training
    assert torch.equal(net.norm1.running_mean, before)


def test_refused_in_one_line():
    batch = images(2, 3, 32, 32)
    cases = {
        "logits are not finite": Gives(lambda out: out * float("nan")),
        "4 of 8 logits are not finite": Gives(lambda out: out / torch.tensor([1, 0, 1, 0])),
        "gives 8: say what": Gives(lambda out: out.flatten()),
        "gives 2 × 1": Gives(lambda out: out[:, :1]),
        "gives a scalar": Gives(lambda out: out.sum()),
        "5 classes are named, the network has 4": Classifier(Pooled(), classes="abcde"),
    }
    for message, net in cases.items():
        with pytest.raises(BlurnetError, match=message) as error:
            check_network(net, batch)
        assert "\n" not in str(error.value)


def test_photographs_of_another_size_than_the_network_takes():
    with pytest.raises(BlurnetError) as error:
        check_network(build("lisa_cnn", 5, seed=0), images(2, 3, 256, 256))
    said = str(error.value)
    assert "does not take images of 3 × 256 × 256: it said: mat1 and mat2" in said
    assert "it takes images of 3 × 32 × 32" in said
    assert "Classifier(model, size=32) (--size 32)" in said
    assert "\n" not in said
    with pytest.raises(BlurnetError, match="it takes images of 1 × 28 × 28: of 1 channels"):
        check_network(NETWORKS["grey"][0](), images(2, 3, 28, 28))
    with pytest.raises(BlurnetError, match="N × C × H × W, not uint8, 2 × 3 × 8 × 8"):
        check_network(Pooled(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8))


def test_probabilities_are_warned_of_once():
    net = Gives(lambda out: out.softmax(1))
    with pytest.warns(BlurnetWarning, match="outputs are probabilities.*take it off"):
        check_network(net, images())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_network(as_classifier(net), images())
        check_network(Gives(lambda out: out.log_softmax(1)), images())


def test_an_input_is_found():
    assert find_input(build("lisa_cnn", 3, seed=0)).shape == (1, 3, 32, 32)
    assert find_input(NETWORKS["vgg"][0]()).shape == (1, 3, 64, 64)
    assert find_input(NETWORKS["grey"][0]()).shape == (1, 1, 28, 28)
    assert find_input(Classifier(Pooled(), size=(20, 10))).shape == (1, 3, 20, 10)
    refuses = nn.Sequential(nn.Flatten(), nn.Linear(11, 2))
    with pytest.raises(BlurnetError, match=r"took none of these images: 3 × 32 × 32, .* example="):
        find_input(refuses)


def test_an_exported_program_in_any_number_of_images():
    torch.manual_seed(0)
    original = Original().eval()
    exported = torch.export.export(original, (torch.zeros(4, 3, 32, 32),))
    varying = torch.export.export(
        original, (torch.zeros(4, 3, 32, 32),), dynamic_shapes=({0: torch.export.Dim.AUTO},)
    )
    pooled = torch.export.export(  # in which the number of images stays open
        nn.Sequential(original.stem, nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Flatten(1)),
        (torch.zeros(4, 3, 32, 32),),
        dynamic_shapes=({0: torch.export.Dim.AUTO},),
    )
    assert [as_module(given).shape[0] for given in (exported, varying, pooled)] == [4, 4, None]
    assert as_module(pooled.module())(images(7, 3, 32, 32)).shape == (7, 8)
    for given in (exported, exported.module(), varying, varying.module()):
        net = as_classifier(given)
        with evaluating(net):
            for count in (1, 4, 7):
                batch = images(count, 3, 32, 32)
                torch.testing.assert_close(net(batch), original(batch))
        variable = images(5, 3, 32, 32).requires_grad_()
        (gradient,) = torch.autograd.grad(net(variable).sum(), variable)
        (wanted,) = torch.autograd.grad(original(variable).sum(), variable)
        torch.testing.assert_close(gradient, wanted)
    with pytest.raises(BlurnetError, match="exported for images of 3 × 32 × 32, not 3 × 64 × 64"):
        check_network(exported, images(2, 3, 64, 64))


def test_an_exported_program_of_two_inputs_is_no_classifier():
    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    exported = torch.export.export(Two(), (torch.zeros(2, 3), torch.zeros(2, 3)))
    with pytest.raises(BlurnetError, match="takes one tensor, the images; this program takes 2"):
        as_classifier(exported)


def test_evaluating_gives_every_mode_back():
    model = nn.Sequential(build("small_resnet", 3, seed=0), nn.Dropout()).train()
    model[0].norm1.eval()
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert model.training
    assert not model[0].norm1.training
    holds = nn.Sequential(nn.Dropout(), program().module()).train  # an exported part refuses modes
    with pytest.raises(NotImplementedError):
        holds()
    model = nn.Sequential(nn.Dropout(), program().module())
    with evaluating(model):
        assert not model[0].training
    assert model[0].training


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, of the old weight_norm and in compiling
def test_copies_of_what_deepcopy_refuses():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.utils.weight_norm(nn.Linear(3, 2))
            self.compiled = torch.compile(nn.Linear(2, 2), backend="eager")

        def forward(self, x):
            self.kept = {"maps": [self.fc(x.mean((2, 3)))]}
            return self.compiled(self.kept["maps"][0])

    net = Odd()
    batch = images()
    wanted = net(batch)
    copy = copy_of(net)
    torch.testing.assert_close(copy(batch), wanted)
    assert list(copy.state_dict()) == [name.replace("_orig_mod.", "") for name in net.state_dict()]
    assert net.kept["maps"][0].grad_fn is not None


def test_a_network_that_cannot_be_copied():
    net = Pooled()
    net.reader = (number for number in range(3))
    with pytest.raises(BlurnetError, match="a Pooled, cannot be copied: cannot pickle 'generator'"):
        copy_of(net)
