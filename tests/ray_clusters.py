"""A Ray cluster of several raylets on this machine, on loopback alone, which is always ended."""

import os
import secrets
import signal
from contextlib import contextmanager
from pathlib import Path

STORE = 80 * 2**20

HERE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "OMP_NUM_THREADS": "1",
    "RAY_AUTH_TOKEN": secrets.token_hex(16),
    "PYTHONPATH": os.pathsep.join(
        [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    ),
}


class Raylets:
    """Three raylets of a CPU each: the driver's own, and two that may be killed."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        loopback = {"node_ip_address": "127.0.0.2", "object_store_memory": STORE, "num_cpus": 1}
        self._cluster = Cluster(True, False, {**loopback, "include_dashboard": False})
        self._loopback = loopback
        self.others = [self.start(), self.start()]

    @property
    def address(self):
        return self._cluster.address

    def start(self, **more):
        return self._cluster.add_node(**{**self._loopback, **more})

    def workers(self, node):
        """Give the processes of a raylet: pid → what it does, as Ray names it."""
        raylet = self._raylet(node)
        try:
            children = Path(f"/proc/{raylet}/task/{raylet}/children").read_text().split()
            return {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children}
        except OSError:  # one ended meanwhile
            return {}

    def kill(self, node, *, workers=True):
        """Send a raylet SIGKILL, and its workers, as where a machine is lost; give its id."""
        children = self.workers(node) if workers else ()
        for pid in [self._raylet(node), *children]:
            os.kill(pid, signal.SIGKILL)
        self.others.remove(node)
        return node.node_id

    def _raylet(self, node):
        from ray._private.ray_constants import PROCESS_TYPE_RAYLET

        return node.all_processes[PROCESS_TYPE_RAYLET][0].process.pid

    def stop(self, node):
        self._cluster.remove_node(node)

    def end(self):
        self._cluster.shutdown()


@contextmanager
def raylets():
    """Start a cluster, and end it whatever happens."""
    before = {name: os.environ.get(name) for name in HERE}
    os.environ.update(HERE)
    cluster = Raylets()
    try:
        yield cluster
    finally:
        cluster.end()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
