"""``blurnet.train``: whatever holds labelled images, and what the defense adds."""

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from blurnet import BlurnetError
from blurnet.data import synthetic
from blurnet.defenses import Blur, Defense, harden
from blurnet.defenses.train import classes_of, train
from blurnet.models import Classifier, build
from blurnet.penalties import Penalty
from blurnet.training import Checkpoints, FitSettings

CLASSES = ("stop", "stopAhead", "yield")
TWO = FitSettings(epochs=2, batch_size=8)


@pytest.fixture(scope="module")
def signs():
    return synthetic.draw(CLASSES, 7, seed=3)


def weights(net):
    return torch.cat([weight.detach().flatten() for weight in net.state_dict().values()])


def trained(data, **more):
    net = build("small_resnet", 3, seed=0)
    history = train(net, data, **{"settings": TWO, **more})
    return weights(net), history


def test_a_set_tensors_and_a_dataset_are_the_same_training(signs):
    as_set, history = trained(signs)
    assert len(history.losses) == 2
    for data in (
        (signs.images, signs.labels),
        (signs.floats, signs.labels),
        TensorDataset(signs.images, signs.labels),
    ):
        assert torch.equal(trained(data)[0], as_set)
    assert not torch.equal(trained(signs, seed=1)[0], as_set)


def test_batches_come_in_their_own_order(signs):
    loader = DataLoader(TensorDataset(signs.floats, signs.labels), batch_size=7)
    found, history = trained(loader)
    assert len(history.losses) == 2
    assert torch.equal(trained(list(loader))[0], found)


def test_validation_in_each_form(signs):
    part = signs.select(torch.arange(6))
    _, history = trained(signs, validation=part)
    _, again = trained(signs, validation=(part.floats, part.labels))
    assert history.validation == pytest.approx(again.validation)
    assert len(history.validation) == 2


def test_what_the_network_was_hardened_with_is_trained(signs):
    penalty = Penalty("total_variation", 0.1, ("relu1",))
    torch.manual_seed(0)
    plain = build("lisa_cnn", 3, seed=0)

    def weights_of(net, **more):
        train(net, signs, settings=TWO, **more)
        return weights(net)

    from_harden = weights_of(harden(plain, penalty))
    given = weights_of(harden(plain), defense=Defense(penalties=(penalty,)))
    none = weights_of(harden(plain, penalty), defense=Defense())
    assert torch.equal(from_harden, given)
    assert not torch.equal(from_harden, none)
    occluded = weights_of(harden(plain), defense=Defense(augmentation={"name": "occlusion"}))
    assert not torch.equal(occluded, none)
    attacked = Defense(adversarial={"name": "pgd", "steps": 1})
    assert not torch.equal(weights_of(harden(plain), defense=attacked), none)


def test_a_training_that_was_cut_off_goes_on_to_the_same_bits(signs, tmp_path):
    data = TensorDataset(signs.floats, signs.labels)
    whole = trained(data)[0]
    checkpoints = Checkpoints(tmp_path / "training.safetensors", every_steps=1)

    def stop(step, _steps):
        if step == 4:
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        trained(data, checkpoints=checkpoints, on_step=stop)
    assert torch.equal(trained(data, checkpoints=checkpoints)[0], whole)


def test_the_network_learns_what_its_classes_are_called(signs):
    net = build("small_resnet", 3, seed=0)
    assert classes_of(net) is None
    train(net, signs, settings=TWO)
    assert classes_of(net) == CLASSES
    assert classes_of(harden(net, Blur("box", 3))) == CLASSES
    named = Classifier(build("small_resnet", 3, seed=0), classes=("a", "b", "c"))
    with pytest.raises(BlurnetError, match="same, in the same order"):
        train(named, signs, settings=TWO)


def test_refused_in_one_line(signs):
    def refused(match, data, **more):
        with pytest.raises(BlurnetError, match=match) as refusal:
            trained(data, **more)
        assert "\n" not in str(refusal.value)

    images, labels = signs.floats, signs.labels
    refused("labels are 0…3, and the network has 3 outputs", (images, labels + (labels == 2)))
    refused("labels are int64, one for each of 21 images", (images, labels[:3]))
    refused(r"images lie in \[0, 1\]", (2 * images, labels))
    refused("float32 in", (images.double(), labels))
    refused("no images", (images[:0], labels[:0]))
    refused("give data.train", (signs, signs))
    refused("an ImageSet, or a pair of tensors", signs, validation=[1])
    refused("put them in first", signs, defense=Defense(filters=(Blur("box", 3),)))
    refused("does not take images", (torch.rand(4, 1, 32, 32), labels[:4]))
    refused("with the image a tensor", NoTensors())


class NoTensors(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, place):
        return "a picture", place % 3
