"""Steps on a real Ray cluster of three raylets of one CPU each, on this machine.

    python benchmarks/ray_cluster.py               # 1,000 trivial steps against bare Ray tasks
    python benchmarks/ray_cluster.py --whitebox --data folder:DIR --rp2 DIR
                                                   # whitebox.yaml in a quick size; a raylet gets
                                                   # SIGKILL midway; rows against a local run's

Bare tasks come in two kinds: those that do nothing, and those that do a trivial step and keep its
record as blurnet does, without its plan, progress and retries. Turns alternate; ratios of medians.
On a busy machine the ratios of CPU time say more than those of wall time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
)

from engine import FirstBegun, steps  # noqa: E402
from ray_clusters import raylets  # noqa: E402

from blurnet.engine import OnRay, Records, run_steps  # noqa: E402
from blurnet.engine.perform import perform, task_of  # noqa: E402
from blurnet.engine.ray_task import _settle  # noqa: E402

QUICK = [
    "training.epochs=2", "seeds=[0, 1]", "other_views=2", "other_classes=[yield]",
    "attacks.RP2's formula.settings.steps=4", "attacks.strongest.settings.steps=4",
    "attacks.strongest.settings.precision=float32",
    "attacks.RP2's formula.settings.precision=float32",
    "rows=[{label: RP2's own network, rp2_network: true}, {label: undefended}, "
    "{label: TV, defense: {penalties: [{name: total_variation, alpha: 1.0e-4, layers: [relu1]}]}}, "
    "{label: learned 5×5, defense: {filters: [{kernel: box, size: 5, after: relu1, "
    "trainable: true}], penalties: [{name: l_infinity, alpha: 0.1}]}}]",
]  # fmt: skip


def nothing(place):
    return place


def one_step(task, folder):
    return perform(task, Records(Path(folder)), lambda *_told: None, _settle(folder, 1))


def trivial(number, turns, place):
    import ray

    wall = {"bare": [], "bare, with its record": [], "blurnet": []}
    cpu = {name: [] for name in wall}
    with raylets() as cluster:
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        try:
            bare, kept = (ray.remote(max_retries=0)(each) for each in (nothing, one_step))

            def do_nothing(_folder, _watch):
                ray.get([bare.remote(k) for k in range(number)])

            def keep(folder, _watch):
                ray.get([kept.remote(task_of(step), folder) for step in steps(number)])

            def ours(folder, watch):
                records = Records(Path(folder))
                with records.locked():
                    run_steps(steps(number), records, watch, jobs=None, on=OnRay())

            for turn in range(turns + 1):
                for name, do in zip(wall, (do_nothing, keep, ours), strict=True):
                    with tempfile.TemporaryDirectory(dir=place) as folder:
                        watch, start, used = FirstBegun(), time.perf_counter(), cpu_seconds()
                        do(folder, watch)
                        end, used = time.perf_counter(), cpu_seconds() - used
                    if turn:  # in the first, processes start and import torch
                        wall[name].append(end - (watch.at or start))
                        cpu[name].append(used)
        finally:
            ray.shutdown()
    for what, found in {"wall time": wall, "CPU time of all processes": cpu}.items():
        medians = {name: statistics.median(each) for name, each in found.items()}
        print(f"{what}, ms a step: ", end="")
        print(", ".join(f"{name} {1e3 * each / number:.2f}" for name, each in medians.items()))
        *others, our = medians
        for name in others:
            print(f"  {our} / {name}: {medians[our] / medians[name]:.2f}")


def cpu_seconds():
    """Add up the CPU time of this process and all below it, with Ray's own."""
    total, front = 0, [os.getpid()]
    while front:
        pid = front.pop()
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            for task in Path(f"/proc/{pid}/task").iterdir():
                front += map(int, (task / "children").read_text().split())
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def whitebox(data, rp2, place):
    command = [sys.executable, "-c", "from blurnet.cli.main import main; main()"]
    command += ["run", "whitebox", "--data", data, "--rp2", rp2, "--threads", "1"]
    command += [part for each in QUICK for part in ("--set", each)]
    with tempfile.TemporaryDirectory(dir=place) as folder:
        start = time.monotonic()
        subprocess.run([*command, "--out", f"{folder}/local", "--quiet"], check=True)
        print(f"one after the other: {time.monotonic() - start:.0f} s", flush=True)
        with raylets() as cluster:
            killer = threading.Thread(target=kill_midway, args=(cluster, Path(folder) / "ray"))
            killer.daemon = True
            killer.start()
            start = time.monotonic()
            there = ["--out", f"{folder}/ray", "--engine", "ray", "--address", cluster.address]
            subprocess.run([*command, *there], check=True)
            seconds, killed = time.monotonic() - start, not killer.is_alive()
            print(f"on three raylets: {seconds:.0f} s; one was killed: {killed}")
        local, ray = (
            json.loads(Path(folder, name, "results.json").read_text()) for name in ("local", "ray")
        )
        print(f"{len(ray['rows'])} rows, the same: {local['rows'] == ray['rows']}")
        return killed and local["rows"] == ray["rows"]


def kill_midway(cluster, folder):
    """Kill a raylet that has been at work for a while, and its processes, as a lost machine."""
    began = {}
    while True:
        for node in cluster.others:
            busy = any("ray::do_steps" in name for name in cluster.workers(node).values())
            began[node] = began.get(node, time.monotonic()) if busy else time.monotonic()
            if time.monotonic() - began[node] > 4 and len(list(folder.glob("records/[!.]*"))) >= 3:
                at_work = [each.name for each in folder.glob("records/.*.working")]
                print(f"SIGKILL to a raylet; at work: {at_work}", flush=True)
                cluster.kill(node)
                return
        time.sleep(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--whitebox", action="store_true")
    parser.add_argument("--data", default="folder:../shared/data/lisa")
    parser.add_argument("--rp2", default="../shared/data/rp2")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    asked = parser.parse_args()
    if asked.whitebox:
        sys.exit(not whitebox(asked.data, asked.rp2, asked.folder))
    trivial(asked.steps, asked.turns, asked.folder)
