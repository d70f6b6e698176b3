"""What tests of the audit share: small signs, a network that learns them at once, a suite."""

import torch
from torch import nn

from blurnet.attacks import APGDSettings, RandomSearchSettings, RP2Settings
from blurnet.evaluation import Suite, SuiteAttack, predict
from blurnet.evaluation.audit import CHECKS, Audited
from blurnet.evaluation.control import control_of
from blurnet.evaluation.inputs import understood
from blurnet.evaluation.suite_attacks import Given, run_attack

SIDE, CLASSES = 16, 4

PASTED = {
    "lam": 0,
    "placement": "paste",
    "loss": "margin",
    "goal": "untargeted",
    "scope": "per_image",
}


def signs(count, seed):
    """Coloured shapes under noise, N × 3 × 16 × 16, and their classes."""
    generator = torch.Generator().manual_seed(99)
    drawn = nn.functional.interpolate(torch.rand(CLASSES, 3, 4, 4, generator=generator), SIDE)
    generator.manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    noise = torch.rand(count, 3, SIDE, SIDE, generator=generator)
    light = 0.6 + 0.4 * torch.rand(count, 1, 1, 1, generator=generator)
    return (0.75 * light * drawn[labels] + 0.25 * noise).clamp(0, 1), labels


def mask():
    """Two bars, 36 of 256 pixels."""
    where = torch.zeros(SIDE, SIDE)
    where[3:5, 4:13] = 1
    where[11:13, 4:13] = 1
    return where


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(12, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.fc = nn.Linear(256, CLASSES)

    def forward(self, images):
        return self.fc(self.body(images))


def trained(seed=0, steps=120):
    """A network that is trained plainly."""
    torch.manual_seed(seed)
    network = Small()
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    images, labels = signs(256, seed + 1)
    for step in range(steps):
        part = torch.arange(32 * step, 32 * step + 32) % 256
        loss = nn.functional.cross_entropy(network(images[part]), labels[part])
        adam.zero_grad()
        loss.backward()
        adam.step()
    adam.zero_grad()
    return network.eval()


def pasted(steps=60, **changes):
    """A sticker for each image, by Adam."""
    settings = RP2Settings(steps=steps, **{**PASTED, **changes})
    return SuiteAttack(name="pasted", describes="", rp2=settings)


FORMULA = SuiteAttack(name="formula", describes="", rp2=RP2Settings(steps=60), targets=2)
APGD = SuiteAttack(name="apgd", describes="", apgd=APGDSettings(steps=20, restarts=1))
SEARCH = SuiteAttack(
    name="search",
    describes="",
    random_search=RandomSearchSettings(queries=300),
    gradient=False,
)


def suite(*attacks):
    """Some attacks; by default all four."""
    return Suite(name="small", attacks=attacks or (FORMULA, pasted(restarts=2), APGD, SEARCH))


def audited(network, *attacks, seed=0, count=16, source=None, **more):
    """Run attacks, and give what is to be audited."""
    images, labels = more.pop("images", None) or signs(count, seed + 500)
    tested = understood(network, images)
    made_on = tested if source is None else understood(source, images)
    clean = predict(network, images).classes
    where = more.pop("mask", mask())
    given = Given(made_on, images, labels, where, clean, seed, torch.arange(len(images)))
    found = [
        run_attack(given, attack, place, lambda _: None) for place, attack in enumerate(attacks)
    ]
    control = control_of(tested.model, images, labels, where).strongest.value
    every = torch.arange(len(images))
    return Audited(
        tested,
        images,
        labels,
        where,
        clean,
        tuple(found),
        control,
        seed,
        every,
        source=source,
        **more,
    )


def checked(name, given):
    """Run one check."""
    return CHECKS[name].run(given)


class Behind(nn.Module):
    """A network behind something."""

    def __init__(self, network, front, back=None):
        super().__init__()
        self.network, self.front, self.back = network, front, back

    def forward(self, images):
        outputs = self.network(self.front(images))
        return outputs if self.back is None else self.back(outputs)


def same(images):
    return images


def failed(name, given, *, strikes):
    """Run a check that is to fail, and to strike these figures through."""
    found = checked(name, given)
    assert found.verdict == "failed", found.sentence
    assert set(found.strikes) == set(strikes)
    return found


def passed(name, given):
    """Run a check that is to pass."""
    found = checked(name, given)
    assert found.verdict == "passed", found.sentence
    return found
