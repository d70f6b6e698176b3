"""What the engine costs beyond the work, and what steps side by side bring.

    python benchmarks/engine.py                    # 1,000 trivial steps; ms each, beyond the work
    python benchmarks/engine.py --records 10000    # so many records, listed: status and frame
    python benchmarks/engine.py --train            # 8 equal trainings: a small network, LISA-CNN
    python benchmarks/engine.py --sizes            # trainings and attacks of several sizes

The last two compare --jobs 1 with all threads, --jobs 1 with one, and --jobs 2 with one each, in
turns that alternate. The trivial steps give one number each and are recorded as any step is: whole.
With workers the time until the first of them is ready counts too: the process that they are forked
from imports torch, once for all turns.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from kill_verbs import NETWORK

from blurnet.engine import Outcome, Records, Step, Watch, run_steps, status_of
from blurnet.nursery import prepare
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


def listed(number, place):
    from blurnet.engine import Computed, load_records, provenance
    from blurnet.engine.planned import write_plan

    with tempfile.TemporaryDirectory(dir=place) as folder:
        records, planned = Records(Path(folder)), steps(number)
        computed = Computed(by=provenance(), seconds=0.5, finished="2026-01-02T03:04:05+00:00")
        for step in planned:
            records.write(step, Outcome(Value(value=1)), computed)
        write_plan(records, planned, jobs=1, command="blurnet run it")
        for what, listing in {
            "status_of": lambda: status_of(Path(folder)).steps,
            "load_records().frame()": lambda: load_records(folder).frame(),
        }.items():
            start, used = time.perf_counter(), time.process_time()
            found = len(listing())
            wall, used = time.perf_counter() - start, time.process_time() - used
            print(f"{what}: {found} in {wall:.2f} s ({used:.2f} s of the processor)")


def planned_trainings(number, epochs, batch, model="lisa_cnn"):
    from blurnet.data import synthetic
    from blurnet.defenses import Recipe
    from blurnet.experiments.sources import DataSource
    from blurnet.experiments.steps.training import trained
    from blurnet.training import FitSettings

    source = DataSource("synthetic", synthetic.CLASSES[:4])
    recipe = Recipe(model=model, training=FitSettings(epochs=epochs, batch_size=batch))
    return [trained(source, recipe, seed=k, called="one") for k in range(number)]


def trainings(number, epochs, batch, model="lisa_cnn"):
    """Give steps to measure, and those that have to be done before."""
    return [network.step for network in planned_trainings(number, epochs, batch, model)], []


def attacks(number, steps, views):
    from blurnet.attacks import RP2Settings
    from blurnet.data import synthetic
    from blurnet.experiments.steps.whitebox import attacked

    networks = planned_trainings(number, 1, 64)
    scene = synthetic.draw_scene(networks[0].classes[0], views)
    settings = RP2Settings(steps=steps)
    measured = [attacked(n, scene, settings, seed=0, called=str(k)) for k, n in enumerate(networks)]
    return measured, [network.step for network in networks]


def compare(title, measured, before, place, turns):
    """Time the ways to do the steps, one after the other in each turn; check the bits."""
    from blurnet.experiments import sources

    cores = os.cpu_count() or 1
    ways = {
        f"--jobs 1, {cores} threads": {"jobs": 1, "threads": cores},
        "--jobs 1 --threads 1": {"jobs": 1, "threads": 1},
        f"--jobs {cores} --threads 1": {"jobs": cores, "threads": 1},
    }
    seconds, found = {name: [] for name in ways}, {}
    with tempfile.TemporaryDirectory(dir=place) as made:
        if before:
            run_steps(before, Records(Path(made)), jobs=cores)
        for _ in range(turns):
            for name, how in ways.items():
                with tempfile.TemporaryDirectory(dir=place) as folder:
                    shutil.copytree(made, folder, dirs_exist_ok=True)
                    records = Records(Path(folder))
                    sources._load.cache_clear()
                    start = time.perf_counter()
                    with records.locked():
                        run_steps(measured, records, **how)
                    seconds[name].append(time.perf_counter() - start)
                    found[name] = [
                        file.read_bytes()
                        for step in measured
                        for file in sorted((records.root / step.key).iterdir())
                        if file.name != "config.json"
                    ]
    all_threads, alone, aside = (statistics.median(each) for each in seconds.values())
    print(f"{title}")
    for name, each in seconds.items():
        print(f"  {name}: {', '.join(f'{one:.1f}' for one in each)} s")
    print(
        f"  side by side {all_threads / aside:.2f} × as fast as all threads; "
        f"{cores} threads {alone / all_threads:.2f} × as fast as one"
    )
    _, alone, aside = found.values()
    print(f"  the same bits with one thread, whatever --jobs: {alone == aside}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--records", type=int)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    arguments = parser.parse_args()
    place, turns, epochs = arguments.folder, arguments.turns, arguments.epochs
    if arguments.records:
        listed(arguments.records, place)
    elif arguments.train:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            file = Path(folder) / "small.py"
            file.write_text(NETWORK.replace("outputs=3", "outputs=4"))
            title = f"8 trainings of maps of 8 channels, {4 * epochs} epochs, batches of 16"
            compare(title, *trainings(8, 4 * epochs, 16, f"{file}:Net"), place, turns)
        title = f"8 trainings of lisa_cnn, {epochs} epochs, batches of 64"
        compare(title, *trainings(8, epochs, 64), place, turns)
    elif arguments.sizes:
        prepare(("blurnet.experiments",))
        for title, given in {
            "8 trainings of lisa_cnn, batches of 64": trainings(8, 1, 64),
            "4 trainings of lisa_cnn, batches of 8": trainings(4, 1, 8),
            "4 trainings of small_resnet, batches of 64": trainings(4, 1, 64, "small_resnet"),
            "8 attacks, 3 targets, 40 views, 30 steps": attacks(8, 30, 40),
            "8 attacks, 3 targets, 4 views, 100 steps": attacks(8, 100, 4),
        }.items():
            compare(title, *given, place, turns)
    else:
        beyond_the_work(arguments.steps, place)
