"""Where an experiment's images come from, and what tells them from others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from blurnet import data
from blurnet.data import synthetic
from blurnet.data.imageset import TrainTest
from blurnet.errors import BlurnetError


@dataclass(frozen=True)
class DataSource:
    """A data set by its specification.

    Args:
        spec: ``synthetic``, ``folder:DIR``, ``lisa:DIR`` or ``gtsrb:DIR``.
        classes: the classes to keep, in this order, or None for all.
        split: how an archive that comes in one piece is parted: "block" or "random".
        skip_unreadable: go on without the signs that cannot be read.
        validation: hold out the last fifth of each class of the training part, and judge on that
            instead of the test part, which is then not looked at. For choosing settings.

    """

    spec: str
    classes: tuple[str, ...] | None
    split: str = "block"
    skip_unreadable: bool = False
    validation: bool = False

    def load(self) -> TrainTest:
        """Read the images; read once in a process."""
        return _load(self)

    def identity(self) -> dict[str, Any]:
        """Tell these images from any others, wherever they lie: by the hash of their content.

        Drawn images are told by what they are drawn from and a sample of them.
        """
        if self.spec == data.SYNTHETIC:
            held_out = {"validation": True} if self.validation else {}
            return {"synthetic": synthetic.identity(), "classes": self.names()} | held_out
        train, test = self.load()
        return {"train": train.fingerprint(), "test": test.fingerprint()}

    def names(self) -> Sequence[str]:
        """List the classes.

        Raises:
            BlurnetError: if one that is asked for is not there.

        """
        if self.spec != data.SYNTHETIC:
            return self.load().train.classes
        unknown = set(self.classes or ()) - set(synthetic.CLASSES)
        if unknown:
            raise BlurnetError(
                f"no class {', '.join(map(repr, sorted(unknown)))} among the drawn signs; "
                f"there are: {', '.join(synthetic.CLASSES)}"
            )
        return self.classes or synthetic.CLASSES


@lru_cache(maxsize=2)
def _load(source: DataSource) -> TrainTest:
    parts = data.load(
        source.spec,
        classes=source.classes,
        split=source.split,
        skip_unreadable=source.skip_unreadable,
    )
    return data.split_by_block(parts.train) if source.validation else parts
