"""How far an evaluation is."""

from collections.abc import Callable

OnProgress = Callable[[int, int, str], None]
"""(work done, work in all, what is being done)"""


class Progress:
    """Count the work of the parts of an evaluation, in images that go through the network."""

    def __init__(self, on_step: OnProgress | None, total: int) -> None:
        self.on_step, self.total, self.before, self.note = on_step, total, 0, ""

    def now(self, note: str) -> None:
        """Say what comes next."""
        self.note = note
        self.within(0)

    def within(self, done: int) -> None:
        """Say how much of it is done."""
        if self.on_step is not None:
            self.on_step(self.before + done, self.total, self.note)

    def done(self, work: int) -> None:
        """Say that all of it is done, so much."""
        self.before += work
        self.within(0)
