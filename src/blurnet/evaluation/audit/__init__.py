"""The audit: checks of whether the attacks of an evaluation can be trusted, one a file."""

from .audited import Audited as Audited
from .audited import Finding as Finding
from .checks import CHECKS as CHECKS
from .checks import CONDITION as CONDITION
from .checks import Check as Check
from .checks import audit as audit
from .checks import audit_condition as audit_condition
from .of_evaluation import audit_again as audit_again
from .of_evaluation import audit_network as audit_network
from .of_evaluation import checks_of as checks_of
from .of_evaluation import work_of_audit as work_of_audit
from .same_network import weights_of as weights_of
