"""Measured numbers as a table of pandas: a line each, with its 95 % interval."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from blurnet.errors import BlurnetError

if TYPE_CHECKING:
    import pandas as pd

About = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Line:
    """One measured number.

    Args:
        about: what it was measured on: column → value.
        measure: what was measured, as JSON calls it.
        value: the number.
        low: the lower end of its 95 % interval; None where it has none, as for all below.
        high: the upper end.
        count: how many of ``total`` images, of a rate.
        total: how many images.

    """

    about: About
    measure: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int | None = None
    total: int | None = None


def measured(about: About, **found: Any) -> Iterator[Line]:
    """Give a line for each number, by the name of its measure; none for what was not measured.

    Args:
        about: what they were measured on.
        found: rates (``value``, ``low``, ``high``, ``count``, ``total``), means with an interval
            (``mean``, ``low``, ``high``), plain numbers, or None.

    """
    for measure, each in found.items():
        if isinstance(each, int | float):
            yield Line(about, measure, float(each))
        elif each is not None:
            value = getattr(each, "value", None)
            value = getattr(each, "mean", None) if value is None else value
            if value is not None:
                counts = {name: getattr(each, name, None) for name in ("count", "total")}
                yield Line(about, measure, value, each.low, each.high, **counts)


def frame_of(lines: Iterable[Line]) -> "pd.DataFrame":
    """Lay lines out as a table: the columns of what they are about first.

    Raises:
        BlurnetError: if pandas is not installed.

    """
    pandas = load_pandas()
    found = [{**each.about, **asdict(each)} for each in lines]
    last = ["measure", "value", "low", "high", "count", "total"]
    first = dict.fromkeys(name for each in found for name in each if name not in last)
    table: pd.DataFrame = pandas.DataFrame(found, columns=[*first, *last]).drop(columns="about")
    return table.astype({"low": float, "high": float, "count": "Int64", "total": "Int64"})


def load_pandas() -> ModuleType:
    """Import pandas, which blurnet itself does without.

    Raises:
        BlurnetError: if it is not installed.

    """
    try:
        import pandas  # noqa: PLC0415
    except ImportError:
        raise BlurnetError(
            "a frame needs pandas, which is not installed: pip install 'blurnet[frame]'"
        ) from None
    return pandas
