"""Tables, figures and the page; made from records, never from models."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from blurnet.report.console import print_blocks as print_blocks
from blurnet.report.console import print_table as print_table
from blurnet.report.page.page import REPORT as REPORT
from blurnet.report.page.page import check_page as check_page
from blurnet.report.page.page import render as render
from blurnet.report.page.reports import Report as Report
from blurnet.report.page.reports import write_page as write_page
from blurnet.report.page.reports import write_report as write_report


def report(
    *folders: str | Path,
    out: str | Path | None = None,
    figures: str | Path | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Report:
    """Make the page of what ``run`` or ``evaluate`` left in a folder, or of several side by side.

    ::

        blurnet.report("runs/whitebox")
        blurnet.report("runs/mine", "runs/hard", out="runs/both")

    Args:
        folders: at least one; only read, unless the page goes there.
        out: the folder that ``report.html`` goes to; by default that of the one that is shown.
        figures: the folder for every figure as PNG and SVG; by default ``figures`` beside the page.
        on_step: told after each figure how many are done, and of how many.

    Returns:
        The page, the figures' files, and what was compared.

    Raises:
        BlurnetError: in one line, if a folder holds nothing that has a page, or something else is
            in the page's place.

    Examples:
        >>> evidence = blurnet.evaluate(model, images, labels, mask, classes=classes, suite="quick")
        >>> folder = evidence.save("runs/mine")
        >>> blurnet.report(folder).page
        PosixPath('runs/mine/report.html')

    """
    paths = [Path(folder) for folder in folders]
    where = out if out is not None else paths[0] if len(paths) == 1 else Path("runs", "comparison")
    return write_report(paths, Path(where), None if figures is None else Path(figures), on_step)


class _Callable(ModuleType):
    """Makes this package callable: ``blurnet.report(…)`` is ``report``."""

    __call__ = staticmethod(report)


sys.modules[__name__].__class__ = _Callable
