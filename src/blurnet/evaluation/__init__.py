"""What is measured, and how."""

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
