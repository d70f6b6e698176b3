"""Steps, where they run, and the records that keep what they found. Knows no networks."""

from .computed import Computed as Computed
from .computed import Provenance as Provenance
from .computed import provenance as provenance
from .local import OnBegin as OnBegin
from .local import run_steps as run_steps
from .records import Recorded as Recorded
from .records import Records as Records
from .step import NOT_IN_KEY as NOT_IN_KEY
from .step import Needs as Needs
from .step import OnStep as OnStep
from .step import Outcome as Outcome
from .step import Step as Step
from .step import in_order as in_order
