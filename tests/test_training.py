"""The training loop: learns, repeats, goes on after a kill, stops when it should."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from blurnet import BlurnetError
from blurnet.data import SignSet
from blurnet.evaluation import predict
from blurnet.models import build
from blurnet.penalties import Penalty
from blurnet.training import Checkpoint, FitSettings, fit


def colored_signs(count=60):
    labels = torch.arange(count) % 3
    images = torch.zeros(count, 3, 32, 32, dtype=torch.uint8)
    images[torch.arange(count), labels] = 200
    return SignSet(images, labels, ("red", "green", "blue"))


@pytest.fixture
def signs():
    return colored_signs()


def train(signs, seed=0, model=None, settings=None, **more):
    model, steps = model or build("lisa_cnn", 3, seed=0), []
    history = fit(
        model,
        signs,
        settings=FitSettings(**{"epochs": 4, "batch_size": 25} | (settings or {})),
        generator=torch.Generator().manual_seed(seed),
        on_step=lambda done, total, note: steps.append((done, total, note)),
        **more,
    )
    return model, history, steps


def same_weights(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_learns_and_says_how_far_it_is(signs):
    model, history, steps = train(signs)
    assert history[-1].loss < history[0].loss
    assert history[-1].accuracy > history[0].accuracy
    assert [step[:2] for step in steps] == [(done, 12) for done in range(1, 13)]
    assert "accuracy" in steps[0][2]
    assert "images/s" in steps[0][2]
    assert not model.training
    assert torch.equal(predict(model, signs.images).classes, signs.labels)


def test_plain_training_equals_a_loop_by_hand(signs):
    trained, *_ = train(signs)
    model, generator = build("lisa_cnn", 3, seed=0), torch.Generator().manual_seed(0)
    torch.randint(2**62, (), generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)
    for _ in range(4):
        for batch in torch.randperm(60, generator=generator).split(25):
            optimizer.zero_grad()
            logits = model(signs.images[batch].float() / 255)
            nn.functional.cross_entropy(logits, signs.labels[batch]).backward()
            optimizer.step()
            schedule.step()
    for mine, by_hand in zip(trained.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine, by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_same_seed_same_bits(signs, optimizer):
    settings = {"optimizer": optimizer, "lr": 0.01, "weight_decay": 0.01, "warmup_epochs": 1}
    (first, *_), (again, *_), (other, *_) = (
        train(signs, seed, settings=settings) for seed in (0, 0, 1)
    )
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_the_step_size_warms_up_and_falls_to_nothing():
    settings = FitSettings(epochs=10, lr=2.0, warmup_epochs=2)
    sizes = [settings.lr_after(epoch / 10, 0.1) for epoch in range(100)]
    assert sizes[0] == pytest.approx(0.1)
    assert max(sizes) <= 2
    assert sizes.index(max(sizes)) in range(15, 25)
    assert sizes[-1] < 0.01


def test_penalties_are_paid_and_hooks_are_gone(signs):
    penalty = Penalty("total_variation", 1e-2, ("relu1",))
    (plain, *_), (smooth, *_) = train(signs), train(signs, penalties=[penalty])
    images = torch.rand(8, 3, 32, 32)
    assert penalty.term(smooth.relu1(smooth.conv1(images))) < penalty.term(
        plain.relu1(plain.conv1(images))
    )
    assert not any(layer._forward_hooks for layer in smooth.modules())


def test_augment_and_harden_see_their_batches_and_count_in_no_penalty(signs):
    seen = []

    def augment(images, generator):
        seen.append(("augment", len(images)))
        return images.flip(0)

    def harden(model, images, labels, generator):
        model(torch.zeros(7, 3, 32, 32))
        seen.append(("harden", len(labels)))
        return images.flip(0)

    penalty = Penalty("tikhonov_identity", 1e-3, ("conv1",))
    settings = {"epochs": 1}
    (changed, *_), (plain, *_) = (
        train(signs, settings=settings, penalties=[penalty], **more)
        for more in ({"augment": augment, "harden": harden}, {})
    )
    assert seen == [("augment", 25), ("harden", 25)] * 2 + [("augment", 10), ("harden", 10)]
    assert same_weights(changed, plain)


def test_keeps_the_weights_of_the_best_epoch_and_stops_when_tired(signs):
    blank = torch.zeros(6, 3, 32, 32, dtype=torch.uint8)
    validation = SignSet(blank, torch.full((6,), 2), signs.classes)
    settings = {"epochs": 9, "patience": 2, "lr": 1e-3}
    model, history, _ = train(signs, validation=validation, settings=settings)
    scores = [epoch.validation_accuracy for epoch in history]
    best = scores.index(max(scores))
    assert len(history) == min(9, best + 3)
    assert float((predict(model, blank).classes == 2).float().mean()) == max(scores)


class WithDropout(nn.Module):
    """A network that draws from the process's generator and keeps running statistics."""

    def __init__(self):
        super().__init__()
        self.network = build("small_resnet", 3, seed=0)
        self.dropout = nn.Dropout(0.2)

    def forward(self, images):
        return self.network(self.dropout(images))


class Stop(Exception):
    """Ends training from outside, as a kill would."""


@pytest.mark.parametrize("stop_after", [1, 3, 5, 8])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_goes_on_with_the_same_bits(signs, tmp_path, stop_after, optimizer):
    more = {
        "settings": {"optimizer": optimizer},
        "validation": signs,
        "augment": lambda images, g: images + 0.1 * torch.rand(images.shape, generator=g),
        "penalties": [Penalty("total_variation", 1e-4, ("network.relu1",))],
    }
    whole, history, _ = train(signs, model=WithDropout(), **more)
    checkpoint = Checkpoint(tmp_path / "state", {"of": "this"}, seconds=0)
    steps = []

    def stop(images, generator):
        if len(steps) == stop_after:
            raise Stop
        steps.append(1)
        return images + 0.1 * torch.rand(images.shape, generator=generator)

    with pytest.raises(Stop):
        train(signs, model=WithDropout(), checkpoint=checkpoint, **more | {"augment": stop})
    model, resumed, left = train(signs, model=WithDropout(), checkpoint=checkpoint, **more)
    assert len(left) == 12 - stop_after
    assert resumed == history
    assert same_weights(model, whole)


RUN = """
    import sys
    from pathlib import Path
    import torch
    from safetensors.torch import save_file
    from blurnet.models import build
    from blurnet.training import Checkpoint, FitSettings, fit
    sys.path.insert(0, sys.argv[2])
    from test_training import colored_signs

    folder = Path(sys.argv[1])
    model = build("lisa_cnn", 3, seed=0)
    fit(
        model,
        colored_signs(),
        settings=FitSettings(epochs=60, batch_size=10),
        generator=torch.Generator().manual_seed(0),
        checkpoint=Checkpoint(folder / "state", {}, seconds=0.05),
    )
    save_file(model.state_dict(), folder / "weights")
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path, ending):
    def command(folder):
        folder.mkdir(exist_ok=True)
        code = textwrap.dedent(RUN)
        return [sys.executable, "-c", code, str(folder), os.path.dirname(__file__)]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    with subprocess.Popen(command(killed), stderr=subprocess.DEVNULL) as process:
        while not (killed / "state").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(ending)
    assert process.returncode != 0
    assert not (killed / "weights").exists()
    for folder in (killed, whole):
        subprocess.run(command(folder), check=True)
    assert (killed / "weights").read_bytes() == (whole / "weights").read_bytes()


def test_checkpoints_that_are_none_of_this_run(signs, tmp_path):
    path = tmp_path / "state"
    train(signs, checkpoint=Checkpoint(path, {"seed": 0, "data": "a"}, seconds=0))
    with pytest.raises(BlurnetError, match="another training run; it differs in data, model"):
        train(signs, checkpoint=Checkpoint(path, {"seed": 0, "data": "b", "model": "x"}))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BlurnetError, match="not a whole safetensors file"):
        train(signs, checkpoint=Checkpoint(path, {"seed": 0, "data": "a"}))
    torch.save({}, path)
    with pytest.raises(BlurnetError, match="pickle"):
        train(signs, checkpoint=Checkpoint(path, {}))
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(BlurnetError, match="not a checkpoint of a blurnet training run"):
        train(signs, checkpoint=Checkpoint(path, {}))


def test_loss_that_explodes_stops_with_advice(signs, tmp_path):
    with pytest.raises(BlurnetError, match=r"try an lr below 1e\+30.*no checkpoint was written"):
        train(signs, settings={"lr": 1e30})
    checkpoint = Checkpoint(tmp_path / "state", {}, seconds=0)
    with pytest.raises(BlurnetError, match=r"the last checkpoint is .*state"):
        train(signs, settings={"lr": 1e30}, checkpoint=checkpoint)


def test_wrong_input(signs):
    with pytest.raises(BlurnetError, match="no images to train on"):
        train(signs.select(torch.zeros(60, dtype=torch.bool)))
    with pytest.raises(BlurnetError, match="no validation images"):
        train(signs, validation=signs.select(torch.zeros(60, dtype=torch.bool)))
    with pytest.raises(BlurnetError, match=r"epochs is at least 1, not 0; no optimizer 'lion'"):
        FitSettings(epochs=0, optimizer="lion")
