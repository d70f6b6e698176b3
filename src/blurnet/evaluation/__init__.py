"""What is measured, and how."""

from .metrics import AttackRates as AttackRates
from .metrics import Rate as Rate
from .metrics import RatesOverTargets as RatesOverTargets
from .metrics import attack_rates as attack_rates
from .metrics import l2_dissimilarity as l2_dissimilarity
from .metrics import mean_rate as mean_rate
from .metrics import rate as rate
from .metrics import rates_over_targets as rates_over_targets
from .predict import Answers as Answers
from .predict import predict as predict
