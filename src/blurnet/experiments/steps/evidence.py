"""A step that evaluates a network by a suite: what ``blurnet evaluate`` does, kept as a record."""

from functools import partial
from pathlib import Path

from blurnet.data.scene import Scene
from blurnet.engine import Needs, OnStep, Outcome, Step
from blurnet.evaluation import Evidence, Suite, evaluate
from blurnet.settings import Settings

from .network import PlannedNetwork, network_of
from .values import NetworkValues


class EvidenceConfig(Settings):
    """Of an evaluation: the hash of the scene, the suite without its sentences, and the seed."""

    scene: str
    suite: Suite
    seed: int


def evidence_step(
    network: PlannedNetwork, scene: Scene, suite: Suite, *, seed: int, called: str
) -> Step[Evidence]:
    """Plan evaluating a network on a scene.

    Args:
        network: whose.
        scene: the images and the mask.
        suite: what is run.
        seed: of all chance.
        called: what the network is to the experiment, for the progress display.

    """
    wordless = suite.model_copy(
        update={
            "describes": "",
            "attacks": tuple(each.model_copy(update={"describes": ""}) for each in suite.attacks),
        }
    )
    return Step(
        kind="evidence",
        version=1,
        title=f"{suite.name} suite on {called}, {len(scene)} views of {scene.true_class}",
        config=EvidenceConfig(scene=scene.fingerprint(), suite=wordless, seed=seed),
        values=Evidence,
        work=partial(_evaluate, scene, suite, seed, called),
        needs={"network": network.step},
    )


def _evaluate(
    scene: Scene,
    suite: Suite,
    seed: int,
    called: str,
    needs: Needs,
    on_step: OnStep,
    _folder: Path,
) -> Outcome[Evidence]:
    network: Outcome[NetworkValues] = needs["network"]
    found = evaluate(
        network_of(network),
        scene.floats,
        scene.true_class,
        scene.mask,
        classes=network.values.classes,
        suite=suite,
        seed=seed,
        names=scene.names,
        network=called,
        on_step=on_step,
    )
    return Outcome(found, found.tensors)
