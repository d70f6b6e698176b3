"""A user's own network, named on a command line."""

from collections.abc import Sequence
from pathlib import Path

from blurnet.models.classifier import Classifier


def import_model(
    spec: str,
    *,
    weights: Path | None = None,
    classes: Sequence[str] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    size: int | Sequence[int] | None = None,
    seed: int = 0,
) -> Classifier:
    """Make or read the network that ``spec`` names.

    Args:
        spec: a key of ``MODELS``; ``package.module:callable``; ``path/file.py:callable``; or the
            path of a program saved by ``torch.export.save``, which ends in ``.pt2``. The callable
            gives an ``nn.Module``; it is called with nothing, or with the number of classes if it
            needs one argument or has one called ``num_classes``.
        weights: its weights: safetensors, or a ``.pt`` that holds tensors alone.
        classes: the names of its logits, in order.
        mean: as for ``Classifier``, as are ``std`` and ``size``.
        std: see there.
        size: see there.
        seed: where freshly drawn weights are drawn from.

    Raises:
        BlurnetError: if there is no such thing, or it gives no network, or the weights are not its.

    """
    raise NotImplementedError
