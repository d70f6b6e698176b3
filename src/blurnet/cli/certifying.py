"""What ``blurnet certify`` does, from its options to the file that it leaves."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from blurnet.cli.fingerprints import content_of, fingerprint_of
from blurnet.cli.inputs import Inputs, NetworkAsked, read_inputs
from blurnet.cli.mask_input import is_searched, read_mask
from blurnet.cli.outputs import claimed
from blurnet.cli.photographs import PhotographsAsked
from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    from torch import Tensor

    from blurnet.evaluation.certified_network import CertifiedNetwork

CERTIFIED = "certified.json"


@dataclass(frozen=True)
class CertifyAsked:
    """What a command line asks for.

    Args:
        network: which.
        photographs: which.
        mask: where a sticker may be, for families of it.
        families: of stickers; none for those of the mask.
        k: masks along each axis.
        min_certified: demanded of each family.
        seed: of the attacks on the network with masking.

    """

    network: NetworkAsked
    photographs: PhotographsAsked
    mask: str | None
    families: tuple[str, ...]
    k: int | None
    min_certified: float | None
    seed: int


def certify_asked(
    asked: CertifyAsked, out: Path, *, replace: bool, quiet: bool
) -> "CertifiedNetwork":
    """Certify a network and write what was found to a folder.

    Args:
        asked: what.
        out: the folder, which gets ``certified.json``.
        replace: whether what another command left there may be replaced.
        quiet: whether no progress is shown.

    Raises:
        BlurnetError: for inputs that do not fit, and if something else is in the folder.

    """
    from blurnet.cli.progress import step_progress
    from blurnet.evaluation.asked_certificates import asked_certificates
    from blurnet.evaluation.certified_network import CertifiedNetwork, certify_network
    from blurnet.files import read_json, write_whole
    from blurnet.settings import check

    asked = _with_mask(asked)
    share = asked.min_certified
    if share is not None and not 0 <= share <= 1:
        raise BlurnetError(f"--min-certified is a share of the images, in 0…1; found {share:g}")
    inputs = read_inputs(asked.network, asked.photographs)
    mask = None if asked.mask is None else read_mask(asked.mask, inputs)[0]
    images, families = inputs.photographs.floats, asked.families or None
    asked_certificates(families, images, mask, k=asked.k)  # refused before the folder is claimed
    with claimed(out, _question(asked, inputs, mask), CERTIFIED, replace=replace) as answered:
        if answered:
            return check(CertifiedNetwork, read_json(out / CERTIFIED))
        title = f"certificates of {len(inputs.photographs)} images"
        with step_progress(title, quiet=quiet, kept=False) as on_step:
            found = certify_network(
                inputs.network,
                images,
                inputs.photographs.labels,
                families,
                mask=mask,
                classes=inputs.classes,
                k=asked.k,
                min_certified=asked.min_certified,
                names=inputs.names,
                network=inputs.name,
                seed=asked.seed,
                on_step=on_step,
            )
        write_whole(out / CERTIFIED, found.to_json().encode())
    return found


def _with_mask(asked: CertifyAsked) -> CertifyAsked:
    """Take RP2's own mask where its folder is given; refuse what cannot be answered."""
    of_mask = not asked.families or any(each.startswith("mask") for each in asked.families)
    if asked.mask is None and of_mask and asked.photographs.rp2 is not None:
        asked = replace(asked, mask="sticker")
    if asked.mask is None and not asked.families:
        raise BlurnetError(
            "certify against which stickers? Give --family any:5, rect:4x7, two:3 or area:24, or "
            "--mask, where the sticker is"
        )
    if asked.mask is not None and not of_mask:
        raise BlurnetError(
            "--mask has no effect: no --family is of the mask, such as mask:2; leave it out"
        )
    if is_searched(asked.mask):
        raise BlurnetError("--mask two-stage is found by an attack: give certify a picture")
    return asked


def _question(asked: CertifyAsked, inputs: Inputs, mask: "Tensor | None") -> dict[str, object]:
    return {
        "command": "certify",
        "network": fingerprint_of(inputs.network, asked.network),
        "photographs": inputs.photographs.fingerprint(),
        "names": list(inputs.names),
        "mask": None if mask is None else hashlib.sha256(content_of(mask)).hexdigest(),
        "families": list(asked.families),
        "k": asked.k,
        "min_certified": asked.min_certified,
        "seed": asked.seed,
    }
