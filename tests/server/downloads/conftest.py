"""Servers to fetch from."""

import pytest

pytest.importorskip("starlette")

from download_hosts import Host, answering


@pytest.fixture
def host():
    """`host(script)` or `host(bytes)`: a running Host."""
    running = []

    def start(script, **options):
        running.append(Host(answering(script) if isinstance(script, bytes) else script, **options))
        return running[-1]

    yield start
    for each in running:
        each.close()
