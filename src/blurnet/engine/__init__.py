"""Where cells run, and the records that keep what they found."""

from .records import Records as Records
from .run import RESULTS as RESULTS
from .run import run as run
