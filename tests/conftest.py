"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest

# Beside other busy processes, waiting threads that spin make small batches many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real inputs, where this machine has them."""
    default = Path(__file__).parents[2] / "shared"
    data = Path(os.environ.get("BLURNET_SHARED", default)) / "data"
    if not data.is_dir():
        pytest.skip(f"no real data at {data}; set BLURNET_SHARED to the folder that holds data/")
    return data
