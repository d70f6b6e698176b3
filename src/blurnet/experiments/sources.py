"""Where an experiment's images come from, and what tells them from others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from blurnet import data
from blurnet.data import synthetic
from blurnet.data.imageset import TrainTest
from blurnet.errors import BlurnetError
from blurnet.settings import Settings


class Identity(Settings):
    """What tells images from any others, wherever they lie: part of the keys of steps.

    Args:
        train: the hash of the training images' content; "" for drawn images.
        test: of the test images'.
        drawn: what drawn images are drawn from, and the hash of a sample of them; None for others.
        classes: of drawn images: their classes.
        channels: of drawn images.
        validation: of drawn images: whether the last fifth of each class of the training part
            stands in for the test part.

    """

    train: str = ""
    test: str = ""
    drawn: dict[str, int | str] | None = None
    classes: tuple[str, ...] = ()
    channels: int = 3
    validation: bool = False


@dataclass(frozen=True)
class DataSource:
    """A data set by its specification.

    Args:
        spec: ``synthetic``, ``folder:DIR``, ``lisa:DIR`` or ``gtsrb:DIR``.
        classes: the classes to keep, in this order, or None for all.
        split: how an archive that comes in one piece is parted: "block" or "random".
        skip_unreadable: go on without the signs that cannot be read.
        validation: hold out the last fifth of each class of the training part, and test on that
            instead of the test part, which is then not looked at. For choosing settings.
        size: height and width that all images are resized to, in pixels; None for that which all
            pictures have, and 32 for drawn signs.
        channels: 3 for RGB, 1 for grey.

    """

    spec: str
    classes: tuple[str, ...] | None
    split: str = "block"
    skip_unreadable: bool = False
    validation: bool = False
    size: int | None = 32
    channels: int = 3

    def load(self) -> TrainTest:
        """Read the images; read once in a process."""
        return _load(self)

    def load_same(self, identity: Identity) -> TrainTest:
        """Read the images of a plan, perhaps on another machine than that which made it.

        Args:
            identity: of the images when the plan was made.

        Raises:
            BlurnetError: if these are others.

        """
        if self.identity() != identity:
            raise BlurnetError(
                f"data {self.spec!r}: not the images that the run began with; give each machine "
                "the same, and leave them as they are while it runs"
            )
        return self.load()

    def side(self) -> int:
        """Give the images' height and width.

        Raises:
            BlurnetError: if they are not square.

        """
        if self.size is not None:
            return self.size
        if self.spec == data.SYNTHETIC:
            return data.DEFAULT_SIZE
        _, height, width = self.load().train.shape
        if height != width:
            raise BlurnetError(
                f"data {self.spec!r}: pictures of {width} × {height} pixels, which are not square; "
                "say to which size they are to be resized (--size N)"
            )
        return height

    def identity(self) -> Identity:
        """Tell these images from any others: by the hash of their content.

        Drawn images are told by what they are drawn from and a sample of them, so that they need
        not be drawn to plan a run.
        """
        if self.spec == data.SYNTHETIC:
            return Identity(
                drawn=_drawn(self.side()),
                classes=tuple(self.names()),
                channels=self.channels,
                validation=self.validation,
            )
        train, test = self.load()
        return Identity(train=train.fingerprint(), test=test.fingerprint())

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


def check_names(whose: str, names: Sequence[str], classes: Sequence[str]) -> None:
    """Raise a BlurnetError if some of ``names`` are none of a network's ``classes``."""
    unknown = [name for name in names if name not in classes]
    if unknown:
        raise BlurnetError(
            f"{whose}: {', '.join(map(repr, unknown[:3]))} "
            f"{f'and {len(unknown) - 3} more ' if len(unknown) > 3 else ''}"
            f"{'is' if len(unknown) == 1 else 'are'} not among the network's outputs: "
            f"{', '.join(classes)}"
        )


@lru_cache(maxsize=2)
def _load(source: DataSource) -> TrainTest:
    parts = data.load_images(
        source.spec,
        classes=source.classes,
        size=source.size,
        channels=source.channels,
        split=source.split,
        skip_unreadable=source.skip_unreadable,
    )
    return data.split_by_block(parts.train) if source.validation else parts


@lru_cache(maxsize=4)
def _drawn(size: int) -> dict[str, int | str]:
    return synthetic.identity(size=size)
