"""Fuzz every reader, guided by coverage.

    python benchmarks/fuzz.py --minutes 10            # all readers, one after the other
    python benchmarks/fuzz.py --minutes 1 --reader image

Each reader gets its share of the processor's time in a process of its own, which may map 6 GiB and
hold 3. What must hold: a value, or a BlurnetError in one line; nothing else, not for more than 5
seconds of the processor, and what is written again reads as the same. What breaks a reader goes to
``tests/corpus/READER/broken-…``, which the test suite replays; exit status 1 then. Needs atheris
(extra: fuzz). Inputs that reach new code are kept in ``.fuzz/`` for the next call.
"""

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from fuzzing.readers import READERS, corpus  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--minutes", type=float, default=10, help="of the processor, for all readers together"
    )
    parser.add_argument("--reader", action="append", choices=list(READERS), help="of these alone")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer's luck")
    asked = parser.parse_args()
    names = asked.reader or list(READERS)
    share = max(5, round(asked.minutes * 60 / len(names)))
    print(f"{'reader':16}{'inputs':>9}{'CPU s':>8}{'edges':>8}{'kept':>7}{'broken':>8}")
    failed, inputs = 0, 0
    for name in names:
        before = processor()
        executed, edges, kept, broken = fuzzed(name, share, asked.seed)
        failed, inputs = failed + broken, inputs + executed
        spent = processor() - before
        print(f"{name:16}{executed:>9}{spent:>8.0f}{edges:>8}{kept:>7}{broken:>8}", flush=True)
    print(
        f"{len(names)} readers, {inputs} inputs, {processor() / 60:.1f} minutes of the processor, "
        f"{failed} broken"
    )
    sys.exit(bool(failed))


def processor() -> float:
    """Give the seconds of the processor that all children took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fuzzed(name: str, seconds: int, seed: int) -> tuple[int, int, int, int]:
    """Fuzz one reader: how many inputs, edges of its code, inputs kept, and kinds of breaking."""
    work = ROOT / ".fuzz" / name
    shutil.rmtree(work / "broken", ignore_errors=True)
    (work / "broken").mkdir(parents=True)
    executed = edges = 0
    until = processor() + seconds
    for again in range(20):
        left = round(until - processor())
        if left < 2:
            break
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "fuzzing.child", name, str(left), str(work)],
            env=os.environ
            | {
                "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}",
                "OMP_NUM_THREADS": "1",
                "BLURNET_FUZZ_SEED": str(seed + again),
            },
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        said = child.stdout + child.stderr
        (work / f"log-{again}.txt").write_text(said)
        executed += int((re.findall(r"number_of_executed_units: *(\d+)", said) or ["0"])[-1])
        edges = max([edges, *map(int, re.findall(r"cov: (\d+)", said))])
        if child.returncode == 0:
            break
        if not executed:
            sys.exit(f"{name}: the process of fuzzing could not start:\n{said[-2000:]}")
    broken = [path for path in sorted((work / "broken").iterdir()) if path.suffix != ".txt"]
    for path in broken:
        place = corpus() / name / f"broken-{path.name}"
        shutil.copy(path, place)
        told = path.with_suffix(".txt")
        why = told.read_text().partition("\n")[0] if told.exists() else "ended the process"
        print(f"  {place.relative_to(ROOT)}: {why}")
    return executed, edges, len(list((work / "corpus").iterdir())), len(broken)


if __name__ == "__main__":
    main()
