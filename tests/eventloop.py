"""Tests that are coroutines."""

import asyncio
import functools

PATIENCE = 120  # seconds after which a test counts as hanging


def in_loop(test):
    """Run it in an event loop of its own."""

    @functools.wraps(test)
    def run(*given, **named):
        asyncio.run(asyncio.wait_for(test(*given, **named), PATIENCE))

    return run


async def settle():
    """Let every task run until it waits for something."""
    for _ in range(20):
        await asyncio.sleep(0)
