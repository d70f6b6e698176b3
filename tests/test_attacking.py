"""An attack of one scene: large photographs, down to what the network takes."""

import torch

from blurnet.attacks import RP2Settings, view
from blurnet.data.scene import Scene
from blurnet.evaluation import l2_dissimilarity
from blurnet.evaluation.attack import attack_scene, with_found_mask
from blurnet.models import Network, build

CLASSES = ("left", "right", "stop")


def large_scene():
    images = torch.randint(256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(64, 64)
    mask[20:40, 10:50] = 1
    return Scene(images.byte(), mask, "stop", ("a", "b", "c"))


def attack(scene, views, **settings):
    network = Network(build("lisa_cnn", 3, seed=0), CLASSES)
    given = RP2Settings(steps=2, **settings)
    return attack_scene(network, scene, "left", given, seed=0, views=views)[0][0], network


def test_a_sticker_at_full_resolution():
    scene, resize = large_scene(), view("resize")
    for scope in ("universal", "per_image"):
        found, network = attack(scene, [resize], scope=scope)
        small = resize(scene.floats, torch.empty(3, 0))
        with torch.no_grad():
            answers = network.model.eval()(small).argmax(1).tolist()
        assert found.clean == [CLASSES[answer] for answer in answers]
        assert found.noise.shape[-3:] == (3, 64, 64)
        assert found.images.shape == (3, 3, 32, 32)
        assert found.rates["l2_dissimilarity"] == l2_dissimilarity(small, found.images)
    found, _ = attack(scene, [view("brightness"), resize])
    assert found.rates["l2_dissimilarity"] is None, "light changes images too"


def test_a_mask_found_at_full_resolution():
    network = Network(build("lisa_cnn", 3, seed=0), CLASSES)
    scene, boxes = with_found_mask(
        network,
        large_scene(),
        "all",
        RP2Settings(steps=2, placement="paste", scope="per_image", p=2),
        seed=0,
        outline="octagon",
        count=2,
        area=0.02,
        views=[view("resize")],
    )
    assert scene.mask.shape == (64, 64)
    assert len(boxes) == 2
    assert 60 < scene.mask.sum() <= 82
