"""RP2 through transformations and on other networks, beside bare loops that do the same work."""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
import torch.nn.functional as F
from attack_peers import bare_loop
from kornia.filters import gaussian_blur2d
from kornia.geometry.transform import (
    get_affine_matrix2d,
    get_perspective_transform,
    warp_perspective,
)
from torch import Tensor

from blurnet.attacks import RP2Settings, Transform, rp2, transform
from blurnet.attacks.transforms.camera import codec
from blurnet.models import build

LARGE = 96
TRANSFORMS = (
    "perspective",
    "rotation",
    "scale",
    "brightness",
    "contrast",
    "color_cast",
    "blur",
    "sensor_noise",
    "jpeg",
    "resize",
)
NETWORKS = ("small_resnet", "lisa_cnn_wide", "grey_resnet")
Contest = dict[str, Callable[[], object]]


def enlarge(images: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Make photographs of 96 × 96 and their mask of those of 32 × 32."""
    large = F.interpolate(images, (LARGE, LARGE), mode="bicubic").clamp(0, 1)
    return large, F.interpolate(mask[None, None], (LARGE, LARGE))[0, 0]


def through_transforms(images: Tensor, targets: Tensor, mask: Tensor, steps: int) -> Contest:
    """Attack photographs of 96 × 96 through ten transforms, drawn at each step, down to 32 × 32."""
    images, mask = enlarge(images, mask)
    model = build("small_resnet", 18, seed=0)
    transforms = [transform(name) for name in TRANSFORMS]

    def bare(bf16: bool, rows: int) -> Callable[[], object]:
        copy, piece = deepcopy(model), rows * len(images)
        return lambda: bare_loop(
            copy, images, targets, mask, steps, bf16=bf16, piece=piece, warp=by_hand
        )

    return {
        "blurnet": ours(model, images, targets, mask, steps, "bfloat16", transforms),
        "bare_bf16": bare(True, rows=1),
        "blurnet_fp32": ours(model, images, targets, mask, steps, "float32", transforms),
        "bare_fp32": bare(False, rows=1),
    }


def other_network(name: str, images: Tensor, targets: Tensor, mask: Tensor, steps: int) -> Contest:
    """Attack another network, without transforms."""
    model = build(name, 18, seed=0)

    def bare(bf16: bool, piece: int) -> Callable[[], object]:
        copy = deepcopy(model)
        return lambda: bare_loop(copy, images, targets, mask, steps, bf16=bf16, piece=piece)

    return {
        "blurnet": ours(model, images, targets, mask, steps, "bfloat16"),
        "bare_bf16": bare(True, 320),
        "blurnet_fp32": ours(model, images, targets, mask, steps, "float32"),
        "bare_fp32": bare(False, 160),
    }


def ours(
    model: torch.nn.Module,
    images: Tensor,
    targets: Tensor,
    mask: Tensor,
    steps: int,
    precision: str,
    transforms: Sequence[Transform] = (),
) -> Callable[[], object]:
    model, chosen = deepcopy(model), RP2Settings(steps=steps, precision=precision)
    return lambda: rp2(
        model,
        images,
        targets,
        mask,
        settings=chosen,
        generator=torch.Generator().manual_seed(0),
        transforms=transforms,
    )


def by_hand(photographs: Tensor, sticker: Tensor, _mask: Tensor) -> Tensor:
    """Apply the ten as one would write them for this one attack, drawn for all targets alike.

    The warps are multiplied and resampled once, no mask is moved (nothing is pasted), and JPEG is
    blurnet's own codec with the gradient of the identity, since kornia's is other work.
    """
    targets, count, (height, width) = len(sticker), len(photographs), photographs.shape[2:]

    def drawn(columns: int, reach: float) -> Tensor:
        return reach * (2 * torch.rand(count, columns) - 1)

    def factor(columns: int, share: float) -> Tensor:
        return (1 + share) ** drawn(columns, 1).repeat(targets, 1)[..., None, None]

    corners = torch.tensor([[0.0, 0], [1, 0], [1, 1], [0, 1]]).expand(count, 4, 2)
    size = torch.tensor([width, height])
    tilt = get_perspective_transform(
        corners * size, (corners + drawn(8, 0.05).view(-1, 4, 2)) * size
    )
    centre, still = (size / 2).expand(count, 2), torch.zeros(count, 2)
    scale = (1.1 ** drawn(1, 1)).expand(-1, 2)
    turn = get_affine_matrix2d(still, centre, scale, drawn(1, 5)[:, 0])
    moved = warp_perspective(
        sticker.expand(-1, count, -1, -1, -1).flatten(0, 1),
        (turn @ tilt).repeat(targets, 1, 1),
        (height, width),
    )
    seen = (photographs.repeat(targets, 1, 1, 1) + moved).clamp(0, 1)
    seen = (seen * factor(1, 0.3)).clamp(0, 1)
    mean = seen.mean((1, 2, 3), keepdim=True)
    seen = (mean + (seen - mean) * factor(1, 0.3)).clamp(0, 1)
    seen = (seen * factor(3, 0.1)).clamp(0, 1)
    sigma = torch.rand(count, 1).clamp(min=1e-3).expand(-1, 2).repeat(targets, 1)
    seen = gaussian_blur2d(seen, (7, 7), sigma, "replicate")
    seen = (seen + 0.02 * torch.randn_like(photographs).repeat(targets, 1, 1, 1)).clamp(0, 1)
    quality = torch.randint(50, 96, (count,)).repeat(targets)
    seen = seen + (codec(seen.detach(), quality) - seen).detach()
    seen = F.interpolate(seen, (32, 32), mode="bilinear", antialias=True)
    return seen.unflatten(0, (targets, count))
