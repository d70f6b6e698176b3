"""What the engine costs beyond the work, and what steps side by side bring.

    python benchmarks/engine.py            # 1,000 trivial steps; seconds each, beyond the work
    python benchmarks/engine.py --train    # 8 equal small trainings: --jobs 2 against --jobs 1

The trivial steps give one number each and are recorded as any step is: whole, synced to the disk.
With workers the first line is the time until the first of them is ready (it imports torch).
"""

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path

from blurnet.engine import Outcome, Records, Step, Watch, run_steps, status_of
from blurnet.settings import Settings


class Config(Settings):
    place: int


class Value(Settings):
    value: int


class FirstBegun(Watch):
    def __init__(self):
        self.at = None

    def begun(self, step, place, total):
        self.at = self.at or time.perf_counter()
        return super().begun(step, place, total)


def trivial(place, _needs, on_step, _folder):
    on_step(1, 1)
    return Outcome(Value(value=place))


def steps(number):
    return [
        Step("trivial", 1, f"step {k}", Config(place=k), Value, partial(trivial, k))
        for k in range(number)
    ]


def beyond_the_work(number, place):
    for jobs in (1, 2):
        with tempfile.TemporaryDirectory(dir=place) as folder:
            records, watch = Records(Path(folder)), FirstBegun()
            start = time.perf_counter()
            with records.locked():
                run_steps(steps(number), records, watch, jobs=jobs)
            end = time.perf_counter()
            print(
                f"jobs {jobs}: {1e3 * (end - watch.at) / number:.2f} ms a step "
                f"({number} steps, {end - start:.1f} s, begun after {watch.at - start:.1f} s)"
            )
            start = time.perf_counter()
            with records.locked():
                run_steps(steps(number), records, watch, jobs=jobs)
            print(f"  again, all recorded: {time.perf_counter() - start:.2f} s")
            start = time.perf_counter()
            found = status_of(Path(folder))
            print(f"  status of {found.count('done')}: {time.perf_counter() - start:.2f} s")


def trainings(number, epochs, place):
    from safetensors.torch import load_file

    from blurnet.data import synthetic
    from blurnet.defenses import Recipe
    from blurnet.experiments.sources import DataSource
    from blurnet.experiments.steps.training import trained
    from blurnet.training import FitSettings

    cores = os.cpu_count() or 1
    source = DataSource("synthetic", synthetic.CLASSES[:4])
    recipe = Recipe(model="lisa_cnn", training=FitSettings(epochs=epochs))
    planned = [trained(source, recipe, seed=k, called="one").step for k in range(number)]
    seconds, weights = {}, {}
    for name, how in {
        f"--jobs 1, {cores} threads": {"jobs": 1, "threads": cores},
        "--jobs 1 --threads 1": {"jobs": 1, "threads": 1},
        "--jobs 2 --threads 1": {"jobs": 2, "threads": 1},
    }.items():
        with tempfile.TemporaryDirectory(dir=place) as folder:
            records = Records(Path(folder))
            start = time.perf_counter()
            with records.locked():
                run_steps(planned, records, **how)
            seconds[name] = time.perf_counter() - start
            weights[name] = [
                load_file(records.root / step.key / "tensors.safetensors") for step in planned
            ]
        print(f"{name}: {seconds[name]:.1f} s")
    all_threads, alone, aside = seconds
    print(f"side by side is {seconds[all_threads] / seconds[aside]:.2f} × as fast")
    same = all(
        bool((one[name] == other[name]).all())
        for one, other in zip(weights[alone], weights[aside], strict=True)
        for name in one
    )
    print(f"the same bits with one thread, whatever --jobs: {same}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    arguments = parser.parse_args()
    if arguments.train:
        trainings(8, arguments.epochs, arguments.folder)
    else:
        beyond_the_work(arguments.steps, arguments.folder)
