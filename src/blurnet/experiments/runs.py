"""Run an experiment in a folder, from its inputs to results.json."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blurnet.engine import Chosen, OnBegin, OnRay, Provenance, Records, Step, in_order, run_steps
from blurnet.engine.planned import read_plan, write_plan
from blurnet.errors import BlurnetError
from blurnet.files import read_json, to_json, write_whole

from .inputs import Inputs
from .loading import EVIDENCE, RESULTS, read_results
from .plan import Plan
from .reading import Experiment, load
from .results import AnyResults, Results
from .unfinished import UNFINISHED, Made, Renewed, write_unfinished


def run(
    experiment: Experiment | str | Path,
    folder: str | Path,
    on_begin: OnBegin | None = None,
    replace: bool = False,
    *,
    assignments: Sequence[str] = (),
    jobs: int | None = 1,
    threads: int | None = None,
    time_limit: float | None = None,
    command: str = "",
    retry_failed: bool = False,
    only: str = "",
    on: OnRay | None = None,
    mirror: str | None = None,
) -> AnyResults:
    """Run what is missing of an experiment and write its results.

    While steps are missing, ``unfinished.json`` holds the rows that are there.

    Args:
        experiment: what to run, or the name of a shipped experiment, or a YAML file.
        folder: where records and ``results.json`` are kept; made if it does not exist. What earlier
            runs left there is used again. A run that adds nothing writes nothing, and a read-only
            folder will do for it.
        on_begin: told of every step that is done; see ``run_steps``.
        replace: whether results of another experiment, or of other settings, may be replaced.
        assignments: ``key=value`` settings that replace those of a name or file; see ``load``.
        jobs: how many steps run side by side, None for what is fastest here; see ``run_steps``, as
            for ``threads``, ``time_limit`` and ``command``.
        threads: torch's, for each step.
        time_limit: how many seconds a step may take.
        command: what makes the run go on, for ``blurnet status``.
        retry_failed: do only the steps that failed, and those that wait for them alone.
        only: the key of a step that is done alone; see ``blurnet status``.
        on: the Ray cluster to run on; None for this machine.
        mirror: where a copy of the records is kept, such as ``s3://bucket/run``.

    Returns:
        What ``results.json`` holds. After ``retry_failed`` and ``only``, where steps are still
        missing: the rows that are there, and what is ``lacking``.

    Raises:
        BlurnetError: for wrong inputs, or a folder with other results, before anything is written;
            if another run holds the folder; if the disk does not take the results; after all else
            is done, if a step failed (``FailedSteps``).

    Examples:
        >>> quick = ["training.epochs=1", "attack.steps=3"]
        >>> results = blurnet.run(
        ...     "blackbox", "runs/a", assignments=["data=folder:signs", "classes=all", *quick]
        ... )
        >>> results.rows[0].label
        'baseline'

    """
    folder = Path(folder)
    if not isinstance(experiment, Experiment):
        experiment = load(str(experiment), assignments)
    plan = experiment.expand()
    chosen = Chosen(only, retry_failed)
    chosen.check(in_order(plan.steps))
    records, path = Records(folder), folder / RESULTS
    ours = _planned(folder) == [step.key for step in in_order(plan.steps)]
    before = _before(folder, replace, ours)
    settings = _decided(experiment.settings, plan)
    other = ""
    if before is not None:
        here = _plain(experiment.name, settings)
        other = _other(before, here, [step.key for step in plan.steps])
        if other and not replace:
            raise BlurnetError(
                f"{folder}: holds other results: {other}; give --replace to replace them (records "
                "stay and are used again), or another --out"
            )

    def found(made: Made | None = None) -> AnyResults:
        there, kind = plan.there(records), type(settings)
        return Results[kind, kind.row](  # type: ignore[valid-type,name-defined]
            kind=settings.kind,
            experiment=experiment.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            computed_by=_computed_by(there.steps, records),
            settings=settings,
            true_class=plan.true_class,
            target=plan.target,
            rows=there.rows(records.outcome, made),
            steps=tuple(step.key for step in there.steps),
            lacking=plan.lacking(records),
            rp2_differs=plan.rp2_differs,
        )

    if before is not None and all(step.key in records for step in in_order(plan.steps)):
        with suppress(BlurnetError):  # a damaged record: it is set aside below, and made again
            results = found()
            if _same(results, before):
                with suppress(OSError):  # of a run that was killed at its very end
                    (folder / UNFINISHED).unlink(missing_ok=True)
                if not ours:
                    write_plan(records, in_order(plan.steps), jobs=jobs or 1, command=command)
                return before

    def first() -> None:
        if other:
            path.unlink(missing_ok=True)

    with records.locked():
        run_steps(
            plan.steps,
            records,
            Renewed(plan, records, on_begin, found, first),
            jobs=jobs,
            threads=threads,
            time_limit=time_limit,
            command=command,
            chosen=chosen,
            on=on,
            mirror=mirror,
        )
        results = found()
        if not results.finished:
            write_unfinished(results, folder)
            return results
        write_whole(path, to_json(results.model_dump(mode="json")))
        (folder / UNFINISHED).unlink(missing_ok=True)
    return results


def _planned(folder: Path) -> list[str] | None:
    """Give the steps' keys of the folder's last run; None where there was none."""
    with suppress(BlurnetError):
        return [step.key for step in read_plan(Records(folder)).steps]
    return None


def _before(folder: Path, replace: bool, ours: bool) -> AnyResults | None:
    """Read what an earlier run left; refuse a folder with something else.

    Results of ours that cannot be read are as good as none: they are made of the records again.
    """
    if (folder / EVIDENCE).exists():
        raise BlurnetError(f"{folder}: holds the evidence of an evaluation; choose another folder")
    path = folder / RESULTS
    if not path.exists():
        return None
    if ours:
        with suppress(BlurnetError):
            return read_results(path)
        return None
    try:
        content = read_json(path)
    except BlurnetError:
        content = None
    if not isinstance(content, dict) or not {"experiment", "rows"} <= content.keys():
        raise BlurnetError(f"{path}: not a file of blurnet's; choose another folder")
    try:
        return read_results(path)
    except BlurnetError:
        if replace:
            return None
        raise


def _decided(settings: Inputs, plan: Plan[Any]) -> Inputs:
    """Give the settings with what the inputs decide: ``rp2`` brings a scene and a target."""
    decided = {"true_class": plan.true_class}
    if plan.target is not None:
        decided["target"] = plan.target
    return settings.model_copy(update=decided)


def _other(before: AnyResults, here: dict[str, Any], steps: list[str]) -> str:
    """Say how a folder's results are of other settings, steps or content; "" if they are not."""
    there = _plain(before.experiment, before.settings)
    differing = list(_differences(there, here))
    if differing:
        name, one, other = differing[0]
        more = f" ({len(differing) - 1} more differences)" if len(differing) > 1 else ""
        return f"{name} is {one!r} there and {other!r} here{more}"
    if list(before.steps) != steps:
        return (
            "the settings are the same, but not the content of the data, of the network's file, or "
            "the version of blurnet's steps"
        )
    return ""


def _plain(name: str, settings: Inputs) -> dict[str, Any]:
    """Give what is compared: of places on the disk only whether they were given."""
    plain = settings.model_dump(mode="json")
    places = {place: plain[place] is not None for place in ("rp2", "data")}
    return {"experiment": name} | plain | places


def _differences(there: Any, here: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give what differs, outermost names first: its dotted name, and both values."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for inner in {**there, **here}:
            inside = f"{name}.{inner}" if name else str(inner)
            yield from _differences(there.get(inner), here.get(inner), inside)
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for place, (one, other) in enumerate(zip(there, here, strict=True)):
            yield from _differences(one, other, f"{name}[{place}]")
    elif there != here:
        yield name, there, here


def _computed_by(steps: list[Step[Any]], records: Records) -> tuple[Provenance, ...]:
    """Give with what the records were computed, each once, in the steps' order."""
    found: list[Provenance] = []
    for step in in_order(steps):
        by = records.recorded(step.key).computed.by
        if by not in found:
            found.append(by)
    return tuple(found)


def _same(results: AnyResults, before: AnyResults) -> bool:
    """Say whether nothing was added: all alike but the date and where the inputs lie."""
    unimportant = {"created": "", "settings": results.settings}
    return results.model_copy(update=unimportant) == before.model_copy(update=unimportant)
