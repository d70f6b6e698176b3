"""Checkpoints: the same bits after a kill at any step, and nothing foreign is opened."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from blurnet import BlurnetError
from blurnet.data import ImageSet
from blurnet.penalties import Penalty
from blurnet.training import (
    Checkpoints,
    FitSettings,
    SignAugmentation,
    fit,
    read_checkpoint,
    write_checkpoint,
)

TRAINING = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from test_checkpoint import train
    def kill(done, total):
        if done == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
    train(Path({path!r}), kill)
""")


def signs():
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8, generator=generator)
    return ImageSet(images, torch.arange(40) % 3, ("red", "green", "blue"))


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.3), nn.Flatten(), nn.Linear(144, 3)
    )


def train(path=None, on_step=None, every_steps=1, optimizer="adam", seed=0, lr=1e-2):
    model = network()
    history = fit(
        model,
        signs(),
        settings=FitSettings(epochs=3, batch_size=16, lr=lr, optimizer=optimizer),
        generator=torch.Generator().manual_seed(seed),
        on_step=on_step,
        validation=signs(),
        penalties=[Penalty("total_variation", 1e-3, ("0",))],
        augment=SignAugmentation(),
        checkpoints=path and Checkpoints(path, {"architecture": "small"}, every_steps),
    )
    return model.state_dict(), history


def assert_same(found, wanted):
    assert all(torch.equal(found[0][name], wanted[0][name]) for name in wanted[0])
    assert found[1] == wanted[1]


@pytest.mark.parametrize("step", [3, 5])  # the end of an epoch, the middle of one
def test_killed_and_resumed_gives_the_same_bits(tmp_path, step):
    path = tmp_path / "training.safetensors"
    code = TRAINING.format(tests=os.path.dirname(__file__), step=step, path=str(path))
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert 0 < read_checkpoint(path).progress["step"] <= step
    assert_same(train(path), train())


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("step", range(1, 9))
def test_interrupted_at_any_step_leaves_a_checkpoint_of_that_step(tmp_path, optimizer, step):
    path = tmp_path / "new" / "training.safetensors"

    def interrupt(done, total):
        if done == step:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(path, interrupt, every_steps=0, optimizer=optimizer)
    assert signal.getsignal(signal.SIGINT) == before
    assert read_checkpoint(path).progress["step"] == step + 1  # the step under way is finished
    assert_same(train(path, optimizer=optimizer), train(optimizer=optimizer))


def test_checkpoints_change_nothing_and_a_finished_one_is_the_result(tmp_path):
    path, steps = tmp_path / "training.safetensors", []
    first = train(path)
    assert_same(first, train())
    assert_same(train(path, lambda *done: steps.append(done)), first)
    assert steps == []
    kept = read_checkpoint(path)
    assert kept.progress["finished"]
    assert kept.description["architecture"] == "small"
    assert kept.description["data"] == signs().fingerprint()
    assert all(torch.equal(kept.weights[name], first[0][name]) for name in first[0])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_process_generator_is_given_back():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model = network()
    torch.set_rng_state(before)
    fit(model, signs(), settings=FitSettings(epochs=1), generator=torch.Generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_truncated_foreign_and_other_files_are_refused(tmp_path):
    path = tmp_path / "training.safetensors"
    train(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BlurnetError, match="not a whole safetensors file"):
        train(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(BlurnetError, match="not a checkpoint of blurnet's"):
        train(path)
    torch.save({}, path)
    with pytest.raises(BlurnetError, match="pickle"):
        train(path)
    path.write_bytes(whole)
    with pytest.raises(BlurnetError, match=r"settings.lr is 0.01 there and 0.1 here"):
        train(path, lr=0.1)
    with pytest.raises(BlurnetError, match="no such file"):
        read_checkpoint(tmp_path / "none")


def test_a_full_disk_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    kept = tmp_path / "training.safetensors"
    train(kept)
    with pytest.raises(BlurnetError, match="cannot write there"):
        write_checkpoint(tmp_path / "file" / "x.safetensors", read_checkpoint(kept))


def test_an_exploding_loss_names_the_last_good_checkpoint(tmp_path):
    path = tmp_path / "training.safetensors"
    with pytest.raises(BlurnetError, match=r"at step 2 .*became .*no checkpoint was kept"):
        train(path, lr=1e30)
    assert not path.exists()  # the step before did harm, and was not kept

    def spoil(model, images, labels, generator):
        spoil.batches += 1
        return images * (float("inf") if spoil.batches == 5 else 1)

    spoil.batches = 0
    with pytest.raises(BlurnetError, match=rf"at step 5 .*checkpoint is {path}, after step 3"):
        fit(
            network(),
            signs(),
            settings=FitSettings(epochs=3, batch_size=16),
            generator=torch.Generator().manual_seed(0),
            harden=spoil,
            checkpoints=Checkpoints(path, every_steps=1),
        )
    kept = read_checkpoint(path)
    assert kept.progress["step"] == 3
    assert all(tensor.isfinite().all() for tensor in kept.weights.values())


def test_a_first_loss_that_is_infinite_stops_too():
    with pytest.raises(BlurnetError, match="at step 1 the training loss became"):
        fit(
            network(),
            signs(),
            settings=FitSettings(epochs=1),
            generator=torch.Generator(),
            augment=lambda images, generator: images * float("inf"),
        )
