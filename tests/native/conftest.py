"""Fixtures of the native tests: threads, and fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from irs_engine import _native


@pytest.fixture
def threads():
    """Sets the number of threads for one test."""
    before = _native.num_threads()
    yield _native.set_num_threads
    _native.set_num_threads(before)


@pytest.fixture
def python():
    """Runs code in an interpreter of its own; returns its exit status and everything it printed."""

    def run(code: str, **variables: str) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IRS_")}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout.strip()

    return run
