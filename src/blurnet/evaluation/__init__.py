"""What is measured, and how."""

from blurnet.evaluation.attack import attack as attack
from blurnet.evaluation.attack import control_answers as control_answers
from blurnet.evaluation.attacked import Attacked as Attacked
from blurnet.evaluation.ceiling import ceiling as ceiling
from blurnet.evaluation.ceiling import inpainted as inpainted
from blurnet.evaluation.evaluate import evaluate as evaluate
from blurnet.evaluation.evidence import Evidence as Evidence
from blurnet.evaluation.found_mask import with_found_mask as with_found_mask
from blurnet.evaluation.metrics import AttackRates as AttackRates
from blurnet.evaluation.metrics import Rate as Rate
from blurnet.evaluation.metrics import RatesOverTargets as RatesOverTargets
from blurnet.evaluation.metrics import attack_rates as attack_rates
from blurnet.evaluation.metrics import l2_dissimilarity as l2_dissimilarity
from blurnet.evaluation.metrics import mean_rate as mean_rate
from blurnet.evaluation.metrics import rate as rate
from blurnet.evaluation.metrics import rates_over_targets as rates_over_targets
from blurnet.evaluation.predict import Answers as Answers
from blurnet.evaluation.predict import predict as predict
from blurnet.evaluation.suite import Suite as Suite
from blurnet.evaluation.suite import SuiteAttack as SuiteAttack
from blurnet.evaluation.suites import SUITES as SUITES
from blurnet.evaluation.summary import AttackSummary as AttackSummary
from blurnet.evaluation.summary import TargetSummary as TargetSummary
from blurnet.evaluation.summary import mean_loss as mean_loss
from blurnet.evaluation.summary import summary_of as summary_of
