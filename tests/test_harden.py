"""Where a blur goes: functional activations, containers, compiled networks, and what is refused."""

import logging
from copy import deepcopy
from io import BytesIO

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS
from torch import nn

from blurnet.defenses import Blur, Defense, defense_of, harden, layers
from blurnet.errors import BlurnetError
from blurnet.filters import (
    DepthwiseFilter,
    filters_of,
    insert_after,
    insert_before,
    is_blur_hook,
    kernel,
    watch,
)
from blurnet.models import Classifier, build, copy_of, find_input, network_of
from blurnet.penalties import Penalty, penalty_values, total_variation

CALLS = {
    "F.relu": F.relu,
    "torch.relu": torch.relu,
    "x.relu()": lambda x: x.relu(),
    "F.relu(inplace)": lambda x: F.relu(x, inplace=True),
    "F.relu(keyword)": lambda x: F.relu(input=x),
    "torch.relu_": torch.relu_,
    "x.relu_()": lambda x: x.relu_(),
    "x.relu_(), x": lambda x: (x.relu_(), x)[1],
    "F.silu": F.silu,
    "F.gelu": lambda x: F.gelu(x, approximate="tanh"),
    "F.hardswish": F.hardswish,
    "F.leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "torch.tanh": torch.tanh,
    "F.tanh": F.tanh,
    "torch.sigmoid": torch.sigmoid,
    "F.sigmoid": F.sigmoid,
    "F.relu6": F.relu6,
    "F.elu": F.elu,
    "F.mish": F.mish,
    "F.softplus": F.softplus,
    "torch.clamp": lambda x: torch.clamp(x, min=0),
    "x.clamp": lambda x: x.clamp(min=0),
    "nn.ReLU": nn.ReLU(),
    "nn.PReLU": nn.PReLU(),
    "if shape": lambda x: F.relu(x) if x.shape[1] == 8 and x.dim() == 4 else x,
}


class Calls(nn.Module):
    """A network that does something with what its convolution gives."""

    def __init__(self, way):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(8, 4)
        self.way = way

    def forward(self, x):
        return self.head(self.way(self.conv(x)))

    def head(self, maps):
        maps = F.max_pool2d(maps, 2) if maps.dim() == 4 else maps
        return self.fc(F.adaptive_avg_pool1d(maps.flatten(1), 8))


def images(count=2, size=16):
    return torch.rand(count, 3, size, size)


@pytest.mark.parametrize("call", CALLS)
def test_after_a_functional_activation(call):
    net, batch = Calls(CALLS[call]), images()
    hardened = harden(net, Blur("box", 3, after="conv+activation"))
    blur = DepthwiseFilter(kernel("box", 3))
    with torch.no_grad():
        maps = blur(CALLS[call](net.conv(batch)))
        wanted = net.head(maps)
        torch.testing.assert_close(hardened(batch), wanted)
        exported = torch.export.export(hardened.eval(), (batch,)).module()
        torch.testing.assert_close(exported(batch), wanted)
        compiled = torch.compile(hardened, backend="eager")
        torch.testing.assert_close(compiled(batch), wanted)
    hardened(batch).sum().backward()
    assert hardened.conv.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("way", "use"),
    [
        (lambda x: x, "by max_pool2d,"),
        (lambda x: -x, "by neg,"),
        (lambda x: x + 1, "by add,"),
        (lambda x: 1 + x, "by radd,"),
        (lambda x: x[:, :4], "by getitem,"),
        (lambda x: x.flatten(1), "by flatten,"),
        (lambda x: x.mean((2, 3)), "by mean,"),
        (lambda x: torch.cat([x, x], 1), "by cat,"),
        (lambda x: F.batch_norm(x, torch.zeros(8), torch.ones(8)), "by batch_norm,"),
        (lambda x: x * torch.sigmoid(x), "by mul after its activation,"),
        (lambda x: F.relu(x) + F.relu(x), "by relu after its activation,"),
    ],
)
def test_what_comes_instead_of_an_activation_is_said(way, use):
    with pytest.raises(BlurnetError) as error:
        harden(Calls(way), Blur("box", 3, after="conv+activation"), example=images())
    assert f"conv+activation: the layer's output is used {use}" in str(error.value)
    assert "name the layer itself, 'conv'" in str(error.value)


def test_filters_of_one_layer_before_and_after_its_activation():
    net, batch = Calls(F.relu), images()
    blur = DepthwiseFilter(kernel("box", 3))
    maps = blur(blur(F.relu(blur(net.conv(batch)))))
    wanted = net.head(maps)
    after = Blur("box", 3, after="conv+activation")
    both = harden(net, after, Blur("box", 3, after="conv"), after)
    torch.testing.assert_close(both(batch), wanted)
    assert [each.place for each in filters_of(both)] == [
        "conv+activation",
        "conv",
        "conv+activation",
    ]
    assert len(defense_of(both).filters) == 3
    assert [name for name, _ in both.named_buffers()] == [
        "conv.blur_kernel",
        "conv.blur_kernel_2",
        "conv.blur_kernel_3",
    ]


def test_penalties_see_the_maps_of_a_functional_activation():
    net, batch = Calls(F.relu), images()
    places = [Penalty("total_variation", 1.0, (place,)) for place in ("conv", "conv+activation")]
    maps = net.conv(batch).detach()
    wanted = [float(total_variation(maps)), float(total_variation(maps.relu()))]
    assert penalty_values(net, places, batch) == pytest.approx(wanted)
    filtered = harden(net, Blur("box", 3, after="conv+activation"))
    blurred = DepthwiseFilter(kernel("box", 3))(maps.relu())
    wanted[1] = float(total_variation(blurred))
    assert penalty_values(filtered, places, batch) == pytest.approx(wanted, rel=1e-5)
    assert not [hook for hook in filtered.conv._forward_hooks.values() if not is_blur_hook(hook)]


def test_watch_sees_what_goes_on():
    net, batch, seen = Calls(torch.tanh), images(), []
    handles = [watch(net, place, seen.append) for place in ("conv+activation", "conv", "fc")]
    out = net(batch)
    for handle in handles:
        handle.remove()
    torch.testing.assert_close(seen[0], net.conv(batch))
    torch.testing.assert_close(seen[1], net.conv(batch).tanh())
    torch.testing.assert_close(seen[2], out)


class Containers(nn.Module):
    """Goes through its children in every way that networks do."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        self.named = nn.ModuleDict({"a": nn.Conv2d(8, 8, 1), "b": nn.ReLU()})
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        assert len(self.stem) == 2
        for layer in self.stem.children():
            x = layer(x)
        x = self.stem[1](self.stem(x[:, :3]))
        for block in self.blocks:
            x = block(x)
        for layer in self.named.values():
            x = layer(x)
        return self.fc(x.mean((2, 3)))


@pytest.mark.parametrize("after", ["stem", "stem.0", "blocks.1", "named.a", "named.b"])
def test_containers_are_unharmed(after):
    net, batch = Containers(), images()
    hardened = harden(net, Blur("identity", 3, after=after, trainable=True))
    torch.testing.assert_close(hardened(batch), net(batch))
    assert [n for n, _ in hardened.named_modules()] == [n for n, _ in net.named_modules()]
    more = set(hardened.state_dict()) - set(net.state_dict())
    assert more == {f"{after}.blur_kernel"}
    assert (harden(net, Blur("box", 3, after=after))(batch) - net(batch)).abs().max() > 1e-6


def test_a_container_that_does_not_run_is_said():
    with pytest.raises(BlurnetError, match=r"'blocks' does not run as a module.*: stem.0, stem.1"):
        harden(Containers(), Blur("box", 3, after="blocks"))


def test_before_and_after_compiling():
    net, batch = Calls(F.relu), images()
    before = harden(torch.compile(net, backend="eager"), Blur("box", 3))
    assert type(before) is Calls
    after = torch.compile(harden(net, Blur("box", 3)), backend="eager")
    torch.testing.assert_close(after(batch), before(batch))
    in_place = Calls(F.relu)
    in_place.load_state_dict(net.state_dict())
    in_place.compile(backend="eager")
    torch.testing.assert_close(harden(in_place, Blur("box", 3))(batch), before(batch))
    assert [layer.name for layer in layers(in_place, batch)] == ["conv", "fc"]


def test_a_classifier_stays_one_and_its_layers_are_the_networks():
    net, batch = Calls(F.relu), images()
    classifier = Classifier(net, mean=0.5, std=0.25, classes="abcd", size=16)
    hardened = harden(classifier, Blur("box", 3), Penalty("total_variation", 0.1, ("conv",)))
    assert isinstance(hardened, Classifier)
    assert (hardened.classes, hardened.size) == (tuple("abcd"), (16, 16))
    by_hand = harden(net, Blur("box", 3, after="conv"))
    torch.testing.assert_close(hardened(batch), by_hand((batch - 0.5) / 0.25))
    assert defense_of(hardened) == defense_of(network_of(hardened))
    assert [layer.name for layer in layers(hardened, batch)] == ["conv", "fc"]
    assert penalty_values(hardened, defense_of(hardened).penalties, batch)[0] > 0
    inside = nn.Sequential(nn.Identity(), network_of(hardened))
    assert defense_of(inside).filters[0].after == "1.conv"
    assert defense_of(inside).penalties[0].layers == ("1.conv",)


def test_the_input_is_filtered_in_any_way_of_calling():
    net, batch = Calls(F.relu), images()
    blur = DepthwiseFilter(kernel("box", 3), padding="reflect")
    hardened = harden(net, Blur("box", 3, after="input", padding="reflect"))
    torch.testing.assert_close(hardened(batch), net(blur(batch)))
    torch.testing.assert_close(hardened(x=batch), net(blur(batch)))
    torch.testing.assert_close(insert_before(net, blur)(batch), net(blur(batch)))
    assert "before: blur 3×3, reflect, fixed" in repr(hardened)
    with pytest.raises(BlurnetError, match="of the input: a 41×41 filter with reflect padding"):
        harden(net, Blur("box", 41, after="input", padding="reflect"), example=batch)


def test_what_is_put_in_is_logged_and_written_down(caplog):
    parts = (Blur("box", 5), Penalty("total_variation", 0.1, ("conv+activation",)))
    more = Defense(augmentation={"name": "occlusion"}, filters=(Blur("binomial", 3),))
    with caplog.at_level(logging.INFO, "blurnet"):
        net = harden(harden(Calls(F.relu), *parts), more)
    assert caplog.messages == [
        "blur box 5×5 after conv, on 8 × 32 × 32 maps",
        "blur binomial 3×3 after conv, on 8 × 32 × 32 maps",
    ]
    assert defense_of(net) == Defense(
        filters=(Blur("box", 5, after="conv"), Blur("binomial", 3, after="conv")),
        penalties=parts[1:],
        augmentation={"name": "occlusion"},
    )
    assert defense_of(copy_of(net)) == defense_of(net)
    assert not defense_of(Calls(F.relu))
    assert "then: blur 5×5, zeros, fixed, then: blur 3×3, zeros, fixed" in str(net)
    with pytest.raises(BlurnetError, match="two kinds of augmentation"):
        harden(net, Defense(augmentation={"name": "gaussian_noise"}))


def test_the_seed_is_where_a_random_start_is_from():
    random = Blur("random", 3, trainable=True)
    drawn = [harden(Calls(F.relu), random, seed=seed).conv.blur_kernel for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert isinstance(drawn[0], nn.Parameter)


def test_casting_and_devices_take_the_kernel_along():
    net = harden(Calls(F.relu), Blur("box", 3)).double()
    assert net.conv.blur_kernel.dtype is torch.float64
    assert net(images().double()).dtype is torch.float64
    assert net.to("meta").conv.blur_kernel.device.type == "meta"


class ByFunction(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 3, 3))
        self.norm = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.norm(F.conv2d(x, self.weight)).mean((2, 3)))


class OwnConvolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 3, 3))

    def forward(self, x):
        return F.conv2d(x, self.weight - self.weight.mean())


def test_the_first_convolution_is_found_by_what_runs():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.unused = nn.Conv2d(8, 8, 3), nn.Conv2d(3, 8, 3)
            self.first, self.fc = OwnConvolution(), nn.Linear(8, 2)

        def forward(self, x):
            return self.fc(self.last(self.first(x)).mean((2, 3)))

    net = harden(Backwards(), Blur("box", 3))
    assert defense_of(net).filters[0].after == "first"
    with pytest.raises(BlurnetError, match="'unused' does not run as a module"):
        harden(net, Blur("box", 3, after="unused"))
    with pytest.raises(BlurnetError, match=r"by functions \(F.conv2d\); say after what: norm$"):
        harden(ByFunction(), Blur("box", 3))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    with pytest.raises(BlurnetError, match=r"has no convolution; say after what: input$"):
        harden(flat, Blur("box", 3))
    assert harden(flat, Blur("box", 3, after="input"))(images(2, 32)).shape == (2, 2)


def test_a_filtered_network_finds_its_first_convolution_again():
    net = harden(build("small_resnet", 3, seed=0), Blur("box", 3), Blur("box", 3, after="relu1"))
    found = {layer.name: layer for layer in layers(net, images())}
    assert [name for name, layer in found.items() if layer.first_convolution] == ["conv1"]
    assert found["conv1"].followed_by == "norm1"
    assert found["block1"].runs == 1


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_refused_in_one_line():
    net = Calls(F.relu)
    five = kernel("box", 5)
    cases = {
        "filters, Blur('box', 5), penalties, and defenses, not a kernel, 5 × 5": (
            lambda: harden(net, five)
        ),
        "not a DepthwiseFilter": lambda: harden(net, DepthwiseFilter(five)),
        "insert_after takes a filter, DepthwiseFilter(kernel), not the kernel itself (5 × 5)": (
            lambda: insert_after(net, "conv", five)
        ),
        "insert_before takes a filter, DepthwiseFilter(kernel), not a Conv2d": (
            lambda: insert_before(net, nn.Conv2d(3, 3, 3))
        ),
        "no layer 'conv9' in the network; there are: conv, fc": (
            lambda: harden(net, Blur("box", 5, after="conv9"))
        ),
        "no layer 'conv9' in the network": (
            lambda: harden(net, Penalty("total_variation", 1.0, ("conv9",)))
        ),
        "the output of layer 'fc' is 1 × 4; a filter needs N × C × H × W, which these give: conv": (
            lambda: harden(net, Blur("box", 5, after="fc"))
        ),
        "the network does not take images of 1 × 16 × 16: it said:": (
            lambda: harden(net, Blur("box", 5), example=torch.rand(1, 1, 16, 16))
        ),
        "the layers of a scripted network cannot be changed: give the nn.Module": (
            lambda: harden(torch.jit.trace(net, images()), Blur("box", 5), example=images())
        ),
    }
    for message, call in cases.items():
        with pytest.raises(BlurnetError) as error:
            call()
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_a_network_whose_input_has_another_number_of_channels_later():
    net = harden(NETWORKS["grey"][0](), Blur("box", 3, after="input"))
    with pytest.raises(
        BlurnetError, match=r"put in for maps N × 1 × H × W; it got 2 × 3 × 28 × 28"
    ):
        net(torch.rand(2, 3, 28, 28))


def test_an_input_is_found_for_a_network_whose_input_is_filtered():
    net = harden(NETWORKS["grey"][0](), Blur("box", 3, after="input"))
    assert find_input(net).shape == (1, 1, 28, 28)


def test_a_hardened_network_can_be_copied_pickled_and_exported_strictly():
    net, batch = (
        harden(Calls(F.relu), Blur("box", 3), Blur("box", 3, after="conv+activation")),
        images(),
    )
    net.way = nn.ReLU()  # which can be pickled
    expected = net(batch)
    copy = deepcopy(net)
    file = BytesIO()
    torch.save(copy, file)
    file.seek(0)
    program = torch.export.export(net.eval(), (batch,), strict=True)
    for again in (copy, torch.load(file, weights_only=False), program.module()):
        torch.testing.assert_close(again(batch), expected)
    with torch.no_grad():
        copy.conv.blur_kernel.zero_()
    assert "then: blur 3×3" in str(copy)
    torch.testing.assert_close(net(batch), expected, rtol=0, atol=0)


def test_lazy_layers():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    hardened = harden(net, Blur("box", 3))
    assert hardened[0].blur_kernel.shape == (4, 1, 3, 3)
