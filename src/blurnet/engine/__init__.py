"""Where cells run, and the records that keep what they found."""

from blurnet.engine.records import Records as Records
from blurnet.experiments.run import RESULTS as RESULTS
from blurnet.experiments.run import run as run
