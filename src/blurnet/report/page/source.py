"""What a page can be made of: a folder of ``blurnet run``, or one of ``blurnet evaluate``."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blurnet.engine import status_of
from blurnet.evaluation.evidence import Evidence
from blurnet.experiments import EVIDENCE, RESULTS, UNFINISHED
from blurnet.report import evidence as evidence_room
from blurnet.report import unfinished
from blurnet.report.blocks import Fact, Section
from blurnet.report.figures.images import data_uri
from blurnet.report.kinds import shown
from blurnet.report.measures import Measured
from blurnet.report.page.raw import to_csv
from blurnet.report.page.reading import read_evidence, read_run
from blurnet.report.run import Run, provenance_facts


@dataclass(frozen=True, eq=False)
class Source(ABC):
    """A folder that has a page."""

    folder: Path

    @property
    @abstractmethod
    def what(self) -> str:
        """What it is of: "run" or "evidence"."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The experiment's name, or the network's."""

    @property
    @abstractmethod
    def heading(self) -> str:
        """The page's first heading."""

    @property
    @abstractmethod
    def created(self) -> str:
        """When it was made, ISO 8601."""

    @property
    @abstractmethod
    def facts(self) -> tuple[Fact, ...]:
        """What is said of it beside others."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What was asked, as JSON has it."""

    @abstractmethod
    def sections(self) -> Sequence[Section]:
        """Make the page's sections."""

    @abstractmethod
    def measures(self) -> Iterable[Measured]:
        """Give the rates that it is compared by, in the tables' order."""

    @abstractmethod
    def downloads(self) -> Mapping[str, str]:
        """Give what the page has to download: file name → content, as URI."""


@dataclass(frozen=True, eq=False)
class RunSource(Source):
    """A folder of ``blurnet run``."""

    run: Run[Any, Any]

    what = "run"

    @property
    def name(self) -> str:
        """See ``Source``."""
        return self.run.results.experiment

    @property
    def heading(self) -> str:
        """See ``Source``."""
        more = "" if self.run.results.finished else ", unfinished"
        return f"Experiment “{self.name}”{more}"

    @property
    def created(self) -> str:
        """See ``Source``."""
        return self.run.results.created

    @property
    def facts(self) -> tuple[Fact, ...]:
        """See ``Source``."""
        told = "" if self.run.results.finished else "; the run is unfinished"
        rows = Fact("Rows", f"{len(self.run.results.rows)}{told}")
        return (Fact("Experiment", self.name), *self.run.facts, rows)

    @property
    def settings(self) -> dict[str, Any]:
        """See ``Source``."""
        settings: dict[str, Any] = self.run.results.settings.model_dump(mode="json")
        return settings

    def sections(self) -> Sequence[Section]:
        """See ``Source``."""
        results = self.run.results
        if results.finished:
            return shown(results.kind).sections(self.run)
        first = unfinished.section(results, status_of(self.folder))
        if not results.rows:
            return [first, unfinished.nothing_yet(results)]
        return [first, *shown(results.kind).sections(self.run)]

    def measures(self) -> Iterable[Measured]:
        """See ``Source``."""
        return shown(self.run.results.kind).measures(self.run.results)

    def downloads(self) -> Mapping[str, str]:
        """See ``Source``."""
        file = RESULTS if self.run.results.finished else UNFINISHED
        return {
            file: data_uri("application/json", (self.folder / file).read_bytes()),
            f"{self.name}.csv": data_uri("text/csv", to_csv(self.run.results.rows)),
        }


@dataclass(frozen=True, eq=False)
class EvidenceSource(Source):
    """A folder of ``blurnet evaluate``."""

    evidence: Evidence

    what = "evidence"

    @property
    def name(self) -> str:
        """See ``Source``."""
        return self.evidence.network

    @property
    def heading(self) -> str:
        """See ``Source``."""
        return f"Evidence on “{self.name}”"

    @property
    def created(self) -> str:
        """See ``Source``."""
        return self.evidence.computed.finished

    @property
    def facts(self) -> tuple[Fact, ...]:
        """See ``Source``."""
        computed = self.evidence.computed
        about = (Fact("Network", self.name), Fact("Created", self.created))
        passed = Fact("Conditions", "all hold" if self.evidence.passed else "not all hold")
        return (*about, passed, *provenance_facts(computed.by))

    @property
    def settings(self) -> dict[str, Any]:
        """See ``Source``."""
        asked = {"suite", "seed", "defense", "classes", "names", "shape", "mask_pixels"}
        return self.evidence.model_dump(mode="json", include=asked)

    def sections(self) -> Sequence[Section]:
        """See ``Source``."""
        return evidence_room.sections(self.evidence)

    def measures(self) -> Iterable[Measured]:
        """See ``Source``."""
        return evidence_room.measures(self.evidence)

    def downloads(self) -> Mapping[str, str]:
        """See ``Source``."""
        return {EVIDENCE: data_uri("application/json", self.evidence.to_json().encode())}


def read_source(folder: Path) -> Source:
    """Read what a run or an evaluation left in a folder.

    Args:
        folder: only read, never written to.

    Raises:
        BlurnetError: if there is no such folder, nothing in it that has a page, a run that is
            unfinished, or what is not blurnet's or damaged.

    """
    if (folder / EVIDENCE).is_file() and not (folder / RESULTS).is_file():
        return EvidenceSource(folder, read_evidence(folder))
    return RunSource(folder, read_run(folder))
