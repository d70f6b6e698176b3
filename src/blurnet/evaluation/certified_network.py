"""What ``blurnet certify`` finds: certificates without a suite of attacks, typed, on disk."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from torch import Tensor, nn

from blurnet.attacks.check import check_images, mask_of
from blurnet.certificates import Family
from blurnet.defenses import defense_of
from blurnet.engine import Computed, provenance
from blurnet.errors import BlurnetError
from blurnet.settings import Settings

from .asked_certificates import asked_certificates
from .certificates import broken_condition, certificates_of
from .evidence import Certified, Condition
from .inputs import Labels, labels_of, understood
from .metrics import Rate, rate
from .predict import predict
from .progress import OnProgress, Progress
from .words import defense_words


class CertifiedNetwork(Settings):
    """What masking certifies of a network.

    Args:
        network: what it is called.
        defense: what hardened it, in words; "" if unknown or nothing.
        classes: what the logits are called.
        labels: each image's class, N.
        names: each image's name, N.
        shape: C, H, W of the images.
        accuracy: of the bare network, without a sticker.
        certificates: one for each family of stickers.
        conditions: what was demanded, and whether it holds.
        seed: of the attacks that try to break the certificates.
        computed: with what, when, how long.

    """

    network: str
    defense: str
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    shape: tuple[int, int, int]
    accuracy: Rate
    certificates: tuple[Certified, ...]
    conditions: tuple[Condition, ...]
    seed: int
    computed: Computed

    @property
    def passed(self) -> bool:
        """Whether every condition holds."""
        return all(condition.passed for condition in self.conditions)

    def to_json(self) -> str:
        """Write everything as JSON."""
        return self.model_dump_json(indent=1) + "\n"


def certify_network(
    model: nn.Module,
    images: Tensor,
    labels: Labels,
    families: Sequence[str | Family] | None = None,
    *,
    mask: Tensor | None = None,
    classes: Sequence[str] | None = None,
    k: int | None = None,
    min_certified: float | None = None,
    names: Sequence[str] | None = None,
    network: str = "network",
    seed: int = 0,
    on_step: OnProgress | None = None,
) -> CertifiedNetwork:
    """Certify a network with masking against families of stickers, and try to break that.

    Args:
        model: images in [0, 1] in, logits out.
        images: without a sticker, float32 in [0, 1], N × C × H × W.
        labels: their classes by name or index, one for each image, or one for all.
        families: such as "any:5"; by default those of the mask, see ``blurnet.evaluate``.
        mask: where the sticker is, H × W, or N × H × W, for "mask:2" and the default.
        classes: what the logits are called, if the network does not say it itself.
        k: masks along each axis; see ``blurnet.masked``.
        min_certified: of each family, at least so much is to be certified, a share.
        names: of the images.
        network: what the network is called.
        seed: of the attacks on the network with masking.
        on_step: called with the work done, the work in all and what is being done.

    Raises:
        BlurnetError: in one line, before anything is computed, for what does not fit.

    """
    start = time.monotonic()
    images = images.cpu()
    check_images(images)
    if mask is not None:
        mask = mask.cpu()
        mask_of(mask, images)
    if families is None and mask is None:
        raise BlurnetError(
            "certify against which stickers? Give a family, such as any:5, or a mask"
        )
    if min_certified is not None and not 0 <= min_certified <= 1:
        raise BlurnetError(f"min_certified is a share of the images, in 0…1; found {min_certified}")
    checked = understood(model, images, classes)
    label = labels_of(labels, checked, len(images), "labels")
    asked = asked_certificates(families, images, mask, k=k)
    progress = Progress(on_step, sum(each.work for each in asked) + len(images))
    progress.now("clean images")
    accuracy = rate(predict(checked.model, images).classes == label)
    progress.done(len(images))
    found = certificates_of(checked.model, images, label, asked, (), progress, seed)
    return CertifiedNetwork(
        network=network,
        defense=defense_words(defense_of(checked.model)),
        classes=checked.called,
        labels=tuple(label.tolist()),
        names=tuple(names or (f"image {place + 1}" for place in range(len(images)))),
        shape=(images.shape[1], images.shape[2], images.shape[3]),
        accuracy=accuracy,
        certificates=found,
        conditions=_demanded(min_certified, found) + broken_condition(found),
        seed=seed,
        computed=Computed(
            by=provenance(),
            seconds=time.monotonic() - start,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )


def _demanded(share: float | None, found: Sequence[Certified]) -> tuple[Condition, ...]:
    if share is None:
        return ()
    return tuple(
        Condition(
            name=f"certified against {each.family}",
            passed=each.rate.value >= share - 1e-9,
            sentence=f"Masking certifies {each.rate.count} of {each.rate.total} images "
            f"({100 * each.rate.value:.1f} %) against {each.family}; at least {100 * share:.1f} % "
            "is asked."
            + (
                ""
                if each.rate.value >= share - 1e-9
                else " Train the network under double_cutout (--augmentation double_cutout), or "
                "ask for smaller masks (--k), which cost more."
            ),
        )
        for each in found
    )
