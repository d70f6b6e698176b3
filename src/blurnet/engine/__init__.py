"""Steps, where they run, and the records that keep what they found. Knows no networks."""

from .chosen import Chosen as Chosen
from .computed import Computed as Computed
from .computed import Provenance as Provenance
from .computed import provenance as provenance
from .failures import Failed as Failed
from .failures import FailedSteps as FailedSteps
from .kept import KeptRecords as KeptRecords
from .kept import load_records as load_records
from .local import run_steps as run_steps
from .on_ray import OnRay as OnRay
from .records import CannotKeep as CannotKeep
from .records import Recorded as Recorded
from .records import Records as Records
from .status import RunStatus as RunStatus
from .status import status_of as status_of
from .step import NOT_IN_KEY as NOT_IN_KEY
from .step import Needs as Needs
from .step import OnStep as OnStep
from .step import Outcome as Outcome
from .step import Step as Step
from .step import in_order as in_order
from .watch import OnBegin as OnBegin
from .watch import Standing as Standing
from .watch import Watch as Watch
