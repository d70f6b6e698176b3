"""What to run: typed descriptions of experiments, and the steps that they expand into."""

from .blackbox import Blackbox as Blackbox
from .defenses import Defenses as Defenses
from .kinds import KINDS as KINDS
from .loading import EVIDENCE as EVIDENCE
from .loading import RESULTS as RESULTS
from .loading import load_results as load_results
from .loading import load_unfinished as load_unfinished
from .plan import Plan as Plan
from .reading import Experiment as Experiment
from .reading import load as load
from .reading import shipped as shipped
from .results import AnyResults as AnyResults
from .results import Results as Results
from .runs import run as run
from .spectra import Spectra as Spectra
from .unfinished import UNFINISHED as UNFINISHED
