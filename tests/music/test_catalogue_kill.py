"""A process that is killed while it writes loses at most the song that it is adding (killed_catalogue.py)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent.parent / "killed_catalogue.py"


def run(work, folder, count):
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, PROGRAM, work, folder, str(count)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("stride", [41, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_before_any_step(folder, stride):
    steps = run("steps", folder, stride)
    assert all(count > 50 for count in steps.values()), steps


@pytest.mark.parametrize("rounds", [12, pytest.param(400, marks=pytest.mark.slow)])
def test_killed_at_any_moment(folder, rounds):
    assert run("moments", folder, rounds)["songs"] >= rounds // 2
