"""Run steps in this process, one after the other."""

import time
from typing import Any

from .board import Board
from .computed import Provenance, provenance
from .perform import perform, task_of
from .records import CannotKeep, Records
from .step import OnStep, Step
from .worker import raised


def in_this_process(board: Board, records: Records) -> None:
    """Do all steps here.

    Raises:
        CannotKeep: if the disk does not take a record.

    """
    by = provenance()
    while (step := board.next()) is not None:
        do_here(board, records, step, board.begin(step), by)


def do_here(
    board: Board, records: Records, step: Step[Any], on_step: OnStep, by: Provenance
) -> None:
    """Do one step in this process."""
    start = time.monotonic()
    try:
        seconds = perform(task_of(step), records, on_step, by)
    except CannotKeep:
        raise
    except Exception as error:
        found = raised(error)
        seconds = time.monotonic() - start
        board.fail(step, found.error, traceback=found.traceback, seconds=seconds)
    else:
        board.end(step, seconds)
