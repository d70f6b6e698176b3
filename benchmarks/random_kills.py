"""Start blurnet, kill it at random, start it again until it is done, and compare what it left.

    python benchmarks/random_kills.py                        # 200 kills over all verbs
    python benchmarks/random_kills.py --kills 50 --verb run-2 --seed 7

Each start is a real process over drawn signs of 24 × 24 pixels. A kill is SIGKILL, to the process
and all that it started, to the process alone, or, with --jobs 2, to one of its workers or to the
process that they are forked from. Half of the moments are drawn over the whole of an undisturbed
run; the others wait for a drawn number of changes in the folder, so that writing is hit. A kill
counts if its target lived. When a run is done, every file must be that of the undisturbed run,
dates and seconds apart, and whatever was finished at a kill must have been left alone since, its
date included. Exit status 1 if anything was lost or differs.

train and harden keep a checkpoint every 0.05 s here, in place of one or two a minute, so that kills
find some.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from kill_compare import compared, finished, outputs, sealed
from kill_verbs import ENDS_WITH, VERBS, prepare

MOST_KILLS = 6
WHOM = ("all", "driver", "worker", "nursery")
PATIENCE = 600.0


@dataclass
class Undisturbed:
    """What a run leaves that nobody kills, how long it takes, and how often its folder changes."""

    files: dict[str, object]
    seconds: float
    changes: int


@dataclass
class Tally:
    """What came of a verb."""

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WHOM, 0))
    starts: int = 0
    resumed: int = 0
    runs: int = 0
    differing: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def total(self):
        return sum(self.kills.values())


def undisturbed(verb, place):
    """Run a verb to its end, twice: the second must be like the first, or nothing is told by it."""
    found = []
    for _ in range(2):
        shutil.rmtree(place / "out", ignore_errors=True)
        start = time.monotonic()
        process, changes = begin(verb, place), 0
        seen = listing(place / "out")
        while process.poll() is None:
            time.sleep(0.002)
            changes += (now := listing(place / "out")) != seen
            seen = now
        seconds = time.monotonic() - start
        said = process.communicate()[1]
        if process.returncode not in ENDS_WITH.get(verb, (0,)):
            raise SystemExit(f"{verb}: an undisturbed run ends with {process.returncode}: {said}")
        found.append(Undisturbed(outputs(place / "out"), seconds, changes))
        shutil.rmtree(place / "made" / verb, ignore_errors=True)
        (place / "out").rename(place / "made" / verb)
    if differing := compared(found[0].files, found[1].files):
        raise SystemExit(f"{verb}: two undisturbed runs differ: {differing}")
    return found[1]


def until_done(verb, place, undisturbed, draw, tally, most):
    """Start a verb, kill it a few times, let it end, and compare."""
    shutil.rmtree(place / "out", ignore_errors=True)
    wanted, kills = min(most, draw.randint(1, MOST_KILLS)), 0
    kept = {}
    while True:
        process = begin(verb, place)
        tally.starts += 1
        tally.resumed += bool(kept or checkpoints(place / "out"))
        whom = draw.choice(WHOM if verb == "run-2" else ("all",))
        hit = kills < wanted and wait_and_kill(process, place / "out", whom, undisturbed, draw)
        try:
            said = process.communicate(timeout=PATIENCE)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            said = f"it hung; {process.communicate()[1]}"
        if hit and (whom in {"worker", "nursery"} or process.returncode == -signal.SIGKILL):
            kills += 1
            tally.kills[whom] += 1
        changed = [name for name, content in kept.items() if sealed(place / "out", name) != content]
        tally.lost += [f"{verb}: {name} was finished before a kill" for name in changed]
        kept = {name: sealed(place / "out", name) for name in finished(place / "out")}
        if "Traceback" in said or "damaged" in said or "hung" in said:
            tally.lost.append(f"{verb}: {said}")
        if process.returncode in ENDS_WITH.get(verb, (0,)):
            break
        if not hit:
            tally.lost.append(f"{verb}: it ends with {process.returncode} without a kill: {said}")
            break
    tally.runs += 1
    tally.differing += [
        f"{verb}: {name}" for name in compared(undisturbed.files, outputs(place / "out"))
    ]


def wait_and_kill(process, out, whom, undisturbed, draw):
    """Wait for a random moment and kill; False if the process ended before."""
    after = draw.uniform(0, undisturbed.seconds) if draw.random() < 0.5 else None
    changes, pause = draw.randint(1, undisturbed.changes), draw.uniform(0, 0.005)
    start, seen = time.monotonic(), listing(out)
    while process.poll() is None:
        if after is None:
            changes -= (now := listing(out)) != seen
            seen = now
            if changes <= 0:
                time.sleep(pause)
                return kill(process, whom, draw)
        elif time.monotonic() - start >= after:
            return kill(process, whom, draw)
        time.sleep(0.002)
    return False


def kill(process, whom, draw):
    """Kill; True if the target lived."""
    children = descendants(process.pid)
    nurseries = [pid for pid in children if b"forkserver" in read(f"/proc/{pid}/cmdline")]
    workers = [pid for each in nurseries for pid in descendants(each)]
    nurseries = [pid for pid in nurseries if pid not in workers]  # forked workers are called alike
    if whom in {"worker", "nursery"}:
        from_which = workers if whom == "worker" else nurseries
        targets = [draw.choice(from_which)] if from_which else []
    else:
        targets = [process.pid, *(children if whom == "all" else ())]
    living = (b"R", b"S", b"D")
    lived = [pid for pid in targets if read(f"/proc/{pid}/stat").rpartition(b") ")[2][:1] in living]
    for pid in lived:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(lived)


def begin(verb, place):
    return subprocess.Popen(
        VERBS[verb], cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def descendants(pid):
    found = []
    for child in read(f"/proc/{pid}/task/{pid}/children").split():
        found += [int(child), *descendants(int(child))]
    return found


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def checkpoints(out):
    return [*out.rglob("checkpoint.safetensors"), *out.rglob("training.safetensors")]


def listing(folder):
    """Give what is in a folder, as cheaply as it can be compared."""
    found = set()
    for root, _, files in os.walk(folder):
        found.add(root)
        found.update(f"{root}/{name}" for name in files if not name.startswith(".worker"))
    return found


def table(tallies):
    lines = [
        f"| verb | kills | {', '.join(WHOM)} | runs | starts | resumed | lost | differing |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for verb, each in tallies.items():
        whom = ", ".join(map(str, each.kills.values()))
        lines.append(
            f"| {verb} | {each.total} | {whom} | {each.runs} | {each.starts} | {each.resumed} "
            f"| {len(each.lost)} | {len(each.differing)} |"
        )
    kills = sum(each.total for each in tallies.values())
    lost = sum(len(each.lost) for each in tallies.values())
    differing = sum(len(each.differing) for each in tallies.values())
    runs = sum(each.runs for each in tallies.values())
    return [*lines, f"| all | **{kills}** | | {runs} | | | **{lost}** | **{differing}** |"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="how many, over all verbs")
    parser.add_argument("--verb", choices=VERBS, action="append", help="only this; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    verbs, draw = arguments.verb or list(VERBS), random.Random(arguments.seed)
    needed = {"report": "run", "evaluate": "harden"}
    tallies, start = {}, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        prepare(place)
        for verb in [*verbs]:
            if (before := needed.get(verb)) and not (place / "made" / before).exists():
                undisturbed(before, place)
        left = arguments.kills
        for at, verb in enumerate(verbs):
            whole, tally = undisturbed(verb, place), Tally()
            share = -(-left // (len(verbs) - at))
            while tally.total < share and not tally.lost:
                until_done(verb, place, whole, draw, tally, share - tally.total)
                minutes = (time.monotonic() - start) / 60
                print(f"{verb}: {tally.total} kills, {minutes:.1f} min in all", file=sys.stderr)
            tallies[verb], left = tally, left - tally.total
    print("\n".join(table(tallies)))
    wrong = [line for each in tallies.values() for line in (*each.lost, *each.differing)]
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
