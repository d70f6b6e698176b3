"""A Ray cluster to run steps on: how to reach it, and how many steps it has room for."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from blurnet.errors import BlurnetError

from .how import How
from .worker import one_line

SECONDS_TO_REACH = 10.0
AHEAD = 2
"""Tasks for each that can run."""

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as later versions of Ray do anyway, and unasked
}


@dataclass(frozen=True)
class OnRay:
    """Run steps on a Ray cluster rather than on this machine alone.

    Args:
        address: of a running cluster, as ``ray.init`` takes it, or "auto" for the one on this
            machine; None for that in ``RAY_ADDRESS``, else for one of this run's own, here. A
            connection that this process has already is used as it is.
        gpus: that a step takes; fractions of one let steps share it.

    Raises:
        BlurnetError: if ``gpus`` is below 0, or neither whole nor below 1.

    """

    address: str | None = None
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise BlurnetError(
                f"the GPUs of a step are whole, or a fraction of one, such as 0.25; not {self.gpus}"
            )

    @contextmanager
    def cluster(self, threads: int, jobs: int | None) -> Iterator["Cluster"]:
        """Connect to the cluster, or start one, while the block runs.

        Args:
            threads: of a step, and so the processors that it takes.
            jobs: how many steps may run side by side; None for as many as there is room for.

        Raises:
            BlurnetError: if there is no Ray, no cluster, or no node that is large enough.

        """
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise BlurnetError(
                "steps on a cluster need Ray: pip install 'blurnet[ray]', on each of its nodes"
            ) from None
        ours = not ray.is_initialized()
        if ours:
            _connect(ray, self.address)
        try:
            yield Cluster(ray, threads, self.gpus, jobs)
        finally:
            if ours:
                ray.shutdown()


class Cluster:
    """A connection to Ray, and how many steps it has room for."""

    def __init__(self, ray: Any, threads: int, gpus: float, jobs: int | None) -> None:
        self.ray, self.threads, self.gpus, self._jobs = ray, threads, gpus, jobs
        if self.slots() == 0:
            needed = f"{threads} CPU{'s' if threads > 1 else ''}"
            needed += f" and {gpus:g} GPU{'s' if gpus > 1 else ''}" if gpus else ""
            raise BlurnetError(f"no node of the Ray cluster has the {needed} that a step takes")

    def slots(self) -> int:
        """Count how many steps can run side by side on the nodes that are alive."""
        slots = 0
        for node in self.ray.nodes():
            if node["Alive"]:
                has = node["Resources"]
                fit = int(has.get("CPU", 0) / self.threads)
                slots += min(fit, int(has.get("GPU", 0) / self.gpus)) if self.gpus else fit
        return slots if self._jobs is None else min(slots, self._jobs)

    def room(self) -> int:
        """Give how many tasks there may be: with the next ones on their way, no node waits."""
        return self._jobs or AHEAD * max(1, self.slots())

    @property
    def how(self) -> How:
        """How many steps run side by side, and with how many threads."""
        return How(self.slots(), self.threads)


def _connect(ray: Any, address: str | None) -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    address = address or os.environ.get("RAY_ADDRESS")
    how = {"address": address} if address else {"address": "local", "include_dashboard": False}
    _reach(address)
    try:
        ray.init(log_to_driver=False, logging_level="ERROR", **how)
    except Exception as error:  # of many kinds: no cluster, another version of Ray or Python
        ray.shutdown()
        where = f"at {address}" if address else "could be started here"
        raise BlurnetError(f"no Ray cluster {where}: {one_line(error)}") from None
    # as Ray's own debugger does: else it prints the logs of dead raylets on our standard output
    ray._private.worker._worker_logs_enabled = False


def _reach(address: str | None) -> None:
    """Refuse an address where nobody listens: Ray itself would ask there for ten minutes."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_REACH).close()
        except OSError as error:
            why = error.strerror or "no answer"
            raise BlurnetError(f"no Ray cluster at {address}: {why}") from None
