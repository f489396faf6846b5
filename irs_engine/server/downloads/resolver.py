"""Names to addresses, without holding up the event loop or the end of the program."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence


async def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a name or literal, by the system's resolver.

    It can take half a minute and cannot be interrupted: it runs in a thread of its own that the end of the
    program does not wait for.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def deliver(addresses: Sequence[str]) -> None:
        if not answer.done():
            answer.set_result(addresses)

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            addresses = [str(row[4][0]) for row in found]
        except (OSError, ValueError):  # ValueError: names that the codec of names cannot write
            addresses = []
        try:
            loop.call_soon_threadsafe(deliver, addresses)
        except RuntimeError:  # the loop is closed: nobody waits
            pass

    threading.Thread(target=look_up, name="irs-resolve", daemon=True).start()
    return await answer
