"""Harden image classifiers against physical stickers, attack them, and measure what held."""

from importlib.metadata import version

from blurnet.errors import BlurnetError as BlurnetError

__version__ = version("blurnet")
