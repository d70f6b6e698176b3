"""Where an experiment's images come from, and what tells them from others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from blurnet import data
from blurnet.data import synthetic
from blurnet.data.signset import TrainTest
from blurnet.errors import BlurnetError


@dataclass(frozen=True)
class DataSource:
    """A data set by its specification.

    Args:
        spec: ``synthetic``, ``folder:DIR``, ``lisa:DIR`` or ``gtsrb:DIR``.
        classes: the classes to keep, in this order, or None for all.
        split: how an archive that comes in one piece is parted: "block" or "random".
        skip_unreadable: go on without the signs that cannot be read.

    """

    spec: str
    classes: tuple[str, ...] | None
    split: str = "block"
    skip_unreadable: bool = False

    def load(self) -> TrainTest:
        """Read the images; read once in a process."""
        return _load(self)

    def identity(self) -> dict[str, Any]:
        """Tell these images from any others, wherever they lie: by the hash of their content.

        Drawn images are told by what they are drawn from and a sample of them.
        """
        if self.spec == data.SYNTHETIC:
            return {"synthetic": synthetic.identity(), "classes": self.names()}
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
    return data.load(
        source.spec,
        classes=source.classes,
        split=source.split,
        skip_unreadable=source.skip_unreadable,
    )
