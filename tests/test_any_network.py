"""Networks that blurnet has never seen: hardened, penalised, saved, loaded and exported."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS
from torch import nn

from blurnet.defenses import Blur, defense_of, harden, layers, load, save
from blurnet.models import (
    as_classifier,
    as_module,
    check_network,
    copy_of,
    find_input,
    network_of,
    uncompiled,
)
from blurnet.penalties import Penalty, penalty_terms, penalty_values

FIRST = {
    "vgg": "0.0",
    "residual": "conv1",
    "vit": "patches",
    "separable": "0.0",
    "logits_output": "conv",
    "spatial_transformer": "look.0",
    "keeps_maps": "conv",
    "in_place": "conv",
    "tuple_output": "features.0",
    "dict_output": "backbone.0",
    "used_twice": "stem",
    "compiled": "0",
    "exported": "stem.0",
    "transformers_resnet": "resnet.embedder.embedder.convolution",
    "transformers_vit": "vit.embeddings.patch_embeddings.projection",
}
"""The first convolutions that are not called conv1."""

ANOTHER = {
    "vgg": "0.2",
    "residual": "layer1.0",
    "vit": "patches",
    "separable": "1",
    "grey": "relu",
    "functional": "conv1+activation",
    "tuple_output": "features",
    "dict_output": "backbone.1",
    "logits_output": "act",
    "spatial_transformer": "classify.1",
    "flattened": "conv2",
    "used_twice": "second",
    "keeps_maps": "relu",
    "in_place": "relu",
    "by_keyword": "relu",
    "compiled": "1",
    "exported": "stem+activation",
    "transformers_resnet": "resnet.encoder.stages.0",
    "transformers_vit": "vit.embeddings.patch_embeddings.projection",
}


@pytest.fixture(params=NETWORKS)
def name(request):
    return request.param


@pytest.fixture
def network(name):
    torch.manual_seed(0)
    build, _ = NETWORKS[name]
    return build()


def images(name, count=5):
    _, shape = NETWORKS[name]
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))


def logits(model, batch):
    return as_classifier(model).eval()(batch)


def keys(model):
    return list(uncompiled(as_module(model)).state_dict())


def test_it_is_a_classifier(name, network):
    batch = images(name)
    kept = batch.clone()
    count = check_network(network, batch)
    assert logits(network, batch).shape == (5, count)
    assert torch.equal(batch, kept)
    assert find_input(as_classifier(network)).shape[1] == batch.shape[1]


def test_copies_share_nothing(name, network):
    batch = images(name)
    logits(network, batch).sum().backward()
    before = logits(network, batch).detach()
    copy = copy_of(network)
    torch.testing.assert_close(logits(copy, batch), before, rtol=0, atol=0)
    with torch.no_grad():
        for weight in copy.parameters():
            weight.zero_()
    torch.testing.assert_close(logits(network, batch), before, rtol=0, atol=0)


def test_hardened_by_default_after_the_first_convolution(name, network):
    batch = images(name)
    before = logits(network, batch)
    net = harden(network, Blur("box", 3), example=batch[:1])
    (blur,) = defense_of(net).filters
    assert blur.after == FIRST.get(name, "conv1")
    assert keys(net) == keys(network)
    torch.testing.assert_close(logits(network, batch), before, rtol=0, atol=0)
    assert (logits(net, batch) - before).abs().max() > 1e-6
    assert "blur 3×3, zeros, fixed" in str(net)
    kept = copy_of(net)
    torch.testing.assert_close(logits(kept, batch), logits(net, batch), rtol=0, atol=0)


def test_hardened_where_it_is_named(name, network):
    batch = images(name)
    net = harden(network, Blur("gaussian", 3, after=ANOTHER[name], padding="reflect"))
    assert defense_of(net).filters[0].after == ANOTHER[name]
    assert keys(net) == keys(network)
    assert (logits(net, batch) - logits(network, batch)).abs().max() > 1e-7


def test_blur_of_size_one_changes_nothing(name, network):
    batch = images(name)
    net = harden(
        network, Blur("box", 1), Blur("box", 1, after=ANOTHER[name]), Blur("box", 1, "input")
    )
    torch.testing.assert_close(logits(net, batch), logits(network, batch), rtol=0, atol=1e-6)


def test_weights_go_both_ways(name, network):
    batch = images(name)
    net = harden(network, Blur("box", 3), example=batch[:1])
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(1.1)
    plain = copy_of(network)
    plain.load_state_dict(net.state_dict())
    again = harden(plain, Blur("box", 3), example=batch[:1])
    torch.testing.assert_close(logits(again, batch), logits(net, batch), rtol=0, atol=0)
    assert (logits(plain, batch) - logits(net, batch)).abs().max() > 1e-7
    net.load_state_dict(copy_of(network).state_dict())
    first = harden(network, Blur("box", 3), example=batch[:1])
    torch.testing.assert_close(logits(net, batch), logits(first, batch), rtol=0, atol=0)


def test_a_training_loop_by_hand(name, network):
    batch, labels = images(name), torch.tensor([0, 1, 2, 1, 0])
    where = ANOTHER[name]
    net = harden(
        network, Blur("box", 3, trainable=True), Penalty("total_variation", 1e-3, (where,))
    )
    penalties = [*defense_of(net).penalties, Penalty("l_infinity", 0.1)]
    classifier = as_classifier(net).train()
    optimizer = torch.optim.SGD(classifier.parameters(), 0.1)
    with penalty_terms(classifier, penalties) as penalty:
        loss = F.cross_entropy(classifier(batch), labels) + penalty()
    loss.backward()
    gradients = {n: p.grad for n, p in network_of(net).named_parameters() if p.grad is not None}
    kernel = next(grad for n, grad in gradients.items() if n.endswith("blur_kernel"))
    assert kernel.abs().sum() > 0
    assert gradients[next(iter(gradients))].abs().sum() > 0
    before = [weight.detach().clone() for weight in net.parameters()]
    optimizer.step()
    assert any(not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    tv, _ = penalty_values(net, penalties, batch)
    assert tv > 0


def test_saved_and_loaded(name, network, tmp_path):
    batch = images(name)
    parts = (Blur("box", 3), Blur("identity", 3, ANOTHER[name], trainable=True))
    net = harden(network, *parts, Penalty("tikhonov_identity", 0.1, (ANOTHER[name],)))
    names = [f"class {place}" for place in range(check_network(net, batch))]
    save(net, tmp_path, classes=names)
    build, _ = NETWORKS[name]
    torch.manual_seed(7)
    loaded = load(tmp_path, build)
    torch.testing.assert_close(loaded(batch), logits(net, batch), rtol=0, atol=0)
    assert defense_of(loaded) == defense_of(net)
    assert loaded.classes == tuple(names)
    assert not loaded.training


@pytest.mark.parametrize("place", [None, "named"])
def test_exported_when_hardened(name, network, place):
    batch = images(name, 4)
    net = as_classifier(harden(network, Blur("box", 3, ANOTHER[name] if place else None))).eval()
    expected = net(batch).detach()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(net, (batch,))
    torch.testing.assert_close(program.module()(batch), expected, rtol=1e-4, atol=1e-5)


def test_inspected(name, network):
    batch = images(name, 1)
    found = layers(network, batch)
    (first,) = [layer for layer in found if layer.first_convolution]
    assert first.filterable
    assert first.name == FIRST.get(name, "conv1")
    plain = ANOTHER[name].removesuffix("+activation")
    chosen = next((each for each in found if each.name == plain), None)
    assert plain == "second" or chosen.filterable
    if plain != ANOTHER[name]:
        assert chosen.activation == "relu"
    assert not any(module._forward_hooks for module in as_module(network).modules())


def test_each_use_of_a_module_is_filtered():
    torch.manual_seed(0)
    network, batch = NETWORKS["used_twice"][0]().eval(), images("used_twice")
    for after in ("first", "second"):
        net = harden(network, Blur("box", 3, after=after))
        blur = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        with torch.no_grad():
            blur.weight.fill_(1 / 9)
        maps = network.relu(network.stem(batch))
        for _ in range(2):
            maps = network.relu(blur(network.first(maps)))
        torch.testing.assert_close(net(batch), network.fc(maps.mean((2, 3))))
