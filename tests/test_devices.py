"""The network's device decides: everything public with a network elsewhere, and images here."""

from contextlib import nullcontext

import pytest
import torch
from elsewhere import ELSEWHERE, machine
from torch import nn

import blurnet
from blurnet.attacks import RectangleSettings, rectangle_attack
from blurnet.attacks.transforms import Rotation, SensorNoise
from blurnet.data import ImageSet
from blurnet.devices import VARIABLE, checked_device, choose_device, chosen_device, device_of
from blurnet.errors import BlurnetError
from blurnet.evaluation import predict
from blurnet.evaluation.evidence import Suite, SuiteAttack
from blurnet.penalties import penalty_values
from blurnet.spectra import compare_spectra, layer_maps, measure_spectra
from blurnet.training import FitSettings, SignAugmentation
from blurnet.training.checkpoint import Checkpoints, read_checkpoint

DEVICES = ["elsewhere", *(["cuda"] if torch.cuda.is_available() else [])]
CLASSES = ("stop", "yield", "merge")


class Net(nn.Module):
    """With what tells training from evaluation, and both kinds of activation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(8 * 49, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.relu1(self.norm(self.conv1(images)))
        maps = torch.relu(self.conv2(maps))
        logits: torch.Tensor = self.fc(self.drop(maps.flatten(1)))
        return logits * 4


def built() -> blurnet.Classifier:
    torch.manual_seed(3)
    return blurnet.Classifier(Net(), mean=0.5, std=(0.2, 0.3, 0.25), classes=CLASSES).eval()


@pytest.fixture(params=DEVICES)
def device(request):
    with machine() if request.param == "elsewhere" else nullcontext(torch.device("cuda")) as there:
        yield there


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def mask():
    mask = torch.zeros(16, 16)
    mask[4:9, 5:12] = 1
    return mask


SUITE = Suite(
    name="tiny",
    describes="For a test.",
    attacks=(
        SuiteAttack(
            name="formula", describes="Added.", rp2=blurnet.RP2Settings(steps=2), targets="all"
        ),
        SuiteAttack(
            name="search",
            describes="Without gradients.",
            random_search=blurnet.RandomSearchSettings(queries=5),
            gradient=False,
        ),
    ),
)
LABELS = torch.tensor([0, 1, 2, 0, 1])


def luck():
    return torch.Generator().manual_seed(7)


def found_by(name, net, images, mask):  # noqa: PLR0911, PLR0912 - one call each
    """What a public function finds, as tensors and plain values."""
    few = blurnet.RP2Settings(steps=4)
    if name == "logits":
        return net(images).detach()
    if name == "predict":
        return predict(net, images)
    if name == "rp2":
        found = blurnet.rp2(net, images, torch.tensor([1, 2]), mask, settings=few, generator=luck())
        return found.noise, found.loss, found.adversarial
    if name == "rp2 with transforms":
        settings = blurnet.RP2Settings(steps=3, placement="paste", draws=2, restarts=2)
        moved = (Rotation(degrees=10), SensorNoise(0.02))
        found = blurnet.rp2(
            net, images, torch.tensor([1]), mask, settings=settings, generator=luck(),
            transforms=moved,
        )  # fmt: skip
        return found.noise, found.loss
    if name == "pgd":
        return blurnet.pgd(net, images, LABELS, generator=luck())
    if name == "rectangle":
        settings = RectangleSettings(height=4, width=4, steps=3, candidates=3)
        return tuple(
            vars(
                rectangle_attack(net, images, LABELS, settings=settings, generator=luck())
            ).values()
        )
    if name == "random search":
        settings = blurnet.RandomSearchSettings(queries=12)
        found = blurnet.random_search(
            net, images, LABELS, mask, settings=settings, generator=luck()
        )
        return found.adversarial, found.margin
    if name == "attack":
        found = blurnet.attack(net, images, mask, true=LABELS, settings=few)
        return found.answers, found.confidence, found.control_answers, found.noise
    if name == "evaluate":
        evidence = blurnet.evaluate(net, images, LABELS, mask, suite=SUITE, certify=(), audit=False)
        plain = evidence.model_dump(include={"clean", "control", "ceiling", "worst", "accuracy"})
        del plain["clean"]["confidence"]
        return repr(plain), *(each.worst.value for each in evidence.attacks)
    if name == "penalties":
        penalty = blurnet.Penalty("total_variation", 1, ("conv1",))
        return tuple(penalty_values(net, [penalty], images))
    if name == "maps":
        return tuple(layer_maps(net, images, ["conv1", "conv2+activation"]).values())
    if name == "spectra":
        spectra = measure_spectra(net, images, images.flip(3), ["conv1"])
        compared = compare_spectra(
            net, images, images.flip(3), ["conv1"], controls=[images.flip(2)]
        )
        return repr(compared), *spectra["conv1"].mean.values()
    if name == "harden":
        blurs = (blurnet.Blur("box", 3), blurnet.Blur("box", 3, after="conv2", trainable=True))
        hard = blurnet.harden(net, *blurs, example=images)
        assert {each.device for each in hard.model.state_dict().values()} == {device_of(net)}
        return hard(images).detach()
    raise AssertionError(name)


NAMES = (
    "logits", "predict", "rp2", "rp2 with transforms", "pgd", "rectangle", "random search",
    "attack", "evaluate", "penalties", "maps", "spectra", "harden",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_network_elsewhere_finds_the_same_and_gives_it_back_here(name, device, images, mask):
    here = found_by(name, built(), images, mask)
    there = found_by(name, built().to(device), images, mask)
    for one, other in zip(_listed(here), _listed(there), strict=True):
        if isinstance(one, torch.Tensor):
            assert other.device == images.device
            close = 1e-5 if device == ELSEWHERE else 1e-2
            torch.testing.assert_close(other, one, atol=close, rtol=close, equal_nan=True)
        elif device == ELSEWHERE:
            assert one == other


def _listed(found):
    return found if isinstance(found, tuple) else (found,)


def test_training_elsewhere(device, images, tmp_path):
    signs = ImageSet((images * 255).byte(), LABELS, CLASSES)
    settings = FitSettings(epochs=2, batch_size=2, optimizer="sgd")
    defense = blurnet.Defense(
        penalties=[blurnet.Penalty("total_variation", 1e-4, ("conv1",))],
        augmentation={"name": "occlusion", "share": 0.5},
        adversarial={"name": "pgd", "steps": 2},
    )
    path = tmp_path / "training.safetensors"
    losses = []
    for where in (torch.device("cpu"), device):
        net = built().to(where)
        path.unlink(missing_ok=True)
        history = blurnet.train(
            net,
            signs,
            defense=defense,
            settings=settings,
            augmentation=SignAugmentation(),
            validation=signs,
            checkpoints=Checkpoints(path, every_steps=1, every_seconds=0),
        )
        losses.append(history.losses)
        assert device_of(net) == where
        assert read_checkpoint(path).progress["finished"]
    if device == ELSEWHERE:  # whose generator is the CPU's
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_training_goes_on_elsewhere(device, images, tmp_path):
    signs = ImageSet((images * 255).byte(), LABELS, CLASSES)
    settings = FitSettings(epochs=3, batch_size=2, optimizer="sgd")

    def trained(path, stop=None):
        def on_step(done, _total):
            if done == stop:
                raise InterruptedError

        net = built().to(device)
        kept = Checkpoints(path, every_steps=1, every_seconds=0)
        blurnet.train(net, signs, settings=settings, checkpoints=kept, on_step=on_step)
        return {name: tensor.cpu() for name, tensor in net.model.state_dict().items()}

    whole = trained(tmp_path / "whole.safetensors")
    with pytest.raises(InterruptedError):
        trained(tmp_path / "cut.safetensors", stop=4)
    assert ("cuda_generator" in read_checkpoint(tmp_path / "cut.safetensors").tensors) == (
        device.type == "cuda"
    )
    again = trained(tmp_path / "cut.safetensors")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_other_device_refuses_what_a_gpu_refuses():
    with machine() as there:
        away = torch.rand(3, device=there)
        with pytest.raises(RuntimeError, match="one device"):
            away + torch.rand(3)
        with pytest.raises((RuntimeError, TypeError)):
            away.numpy()
        with pytest.raises(RuntimeError, match="generator"):
            torch.rand(3, device=there, generator=torch.Generator())
        assert torch.equal((away * 2).cpu(), away.cpu() * 2)


def test_what_can_be_chosen(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen_device() == torch.device("cpu")
    there = torch.cuda.is_available()
    assert choose_device("auto") == torch.device("cuda" if there else "cpu") == chosen_device()
    assert checked_device("cpu") == torch.device("cpu")
    for wrong in ("tpu", "cuda:99", "meta", ""):
        with pytest.raises(BlurnetError, match=r"device"):
            checked_device(wrong)
    monkeypatch.setenv(VARIABLE, "cpu")


def test_the_flag_is_the_same_everywhere(blurnet, monkeypatch):
    monkeypatch.setenv(VARIABLE, "cpu")
    commands = ["run", "train", "harden", "attack rp2", "evaluate", "spectrum", "certify", "audit"]
    for command in commands:
        status, _, err = blurnet(*command.split(), "--device", "cuda:99")
        assert status == 2
        assert err.startswith("blurnet: device cuda:99: this machine has")
