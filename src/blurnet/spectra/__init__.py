"""Fourier spectra of images and feature maps, and how much of them is high frequencies."""

from .claim import Claim as Claim
from .claim import high_frequency_claim as high_frequency_claim
from .claim import random_colour_controls as random_colour_controls
from .interval import MeanInterval as MeanInterval
from .interval import mean_interval as mean_interval
from .interval import profile_band as profile_band
from .layers import INPUT as INPUT
from .layers import INPUT_CHANNELS as INPUT_CHANNELS
from .layers import layer_maps as layer_maps
from .layers import layer_profiles as layer_profiles
from .layers import layer_spectra as layer_spectra
from .layers import map_layers as map_layers
from .share import CUTOFF as CUTOFF
from .share import high_frequency_energy as high_frequency_energy
from .share import high_frequency_share as high_frequency_share
from .share import layer_share as layer_share
from .share import resolves as resolves
from .transform import Window as Window
from .transform import log_magnitude as log_magnitude
from .transform import power_spectrum as power_spectrum
from .transform import radial_frequency as radial_frequency
from .transform import radial_profile as radial_profile
