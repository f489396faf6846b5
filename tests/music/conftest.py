"""Fixtures of the tests of music."""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path):
    """For a catalogue: in memory where there is such a disk, as nothing here sees whether writes are slow."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path / "music"
    else:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
            yield Path(place) / "music"
