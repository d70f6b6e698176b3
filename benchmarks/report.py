"""How long ``blurnet report`` takes on a run of many records, from the command to the last figure.

    python benchmarks/report.py [--json]

Makes a white-box run of 351 records in the engine's own form (13 rows, 3 seeds, 17 classes, 40
views; noise for photographs, which no PNG makes smaller), then times the command in processes of
their own, imports included.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from made_runs import defenses_run

from blurnet.data import RP2_CLASSES

COMMAND = "from blurnet.cli.main import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--turns", type=int, default=3, help="how often the command is timed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = defenses_run(Path(temporary) / "run", classes=RP2_CLASSES, train=2, test=40)
        seconds, busy = [], []
        for _ in range(arguments.turns):
            for made in [*folder.glob("figures/*"), folder / "report.html"]:
                made.unlink(missing_ok=True)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            command = [sys.executable, "-c", COMMAND, "report", str(folder), "--quiet"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        figures = {
            "records": len(list((folder / "records").glob("[!.]*"))),
            "figures": len(list(folder.glob("figures/*"))),
            "page_megabytes": round((folder / "report.html").stat().st_size / 1e6, 1),
            "seconds": [round(each, 1) for each in seconds],
            "processor_seconds": [round(each, 1) for each in busy],
        }
    print(json.dumps(figures) if arguments.json else figures)


if __name__ == "__main__":
    main()
