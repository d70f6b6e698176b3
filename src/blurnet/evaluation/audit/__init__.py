"""The audit: checks of whether the attacks of an evaluation can be trusted, one a file."""

from .audited import Audited as Audited
from .audited import Finding as Finding
from .checks import CHECKS as CHECKS
from .checks import CONDITION as CONDITION
from .checks import Check as Check
from .checks import audit as audit
from .checks import audit_condition as audit_condition
from .same_network import weights_of as weights_of
