"""Evidence: what an evaluation found, typed; the only schema that its page and tables read."""

from ..suite import Suite as Suite
from ..suite import SuiteAttack as SuiteAttack
from .evidence import Evidence as Evidence
from .evidence import Pictures as Pictures
from .parts import CONTROL as CONTROL
from .parts import Answered as Answered
from .parts import AttackFound as AttackFound
from .parts import AuditCheck as AuditCheck
from .parts import Ceiling as Ceiling
from .parts import Certified as Certified
from .parts import Condition as Condition
from .parts import Control as Control
from .parts import Fill as Fill
from .parts import PlainSticker as PlainSticker
from .parts import TargetFound as TargetFound
from .parts import WorstCase as WorstCase
