"""Videos whose music is recognised: few at once, each in hand only while it has its turn.

A video may be 65 MB, so a call waits before it is fetched and not after. The threads are not those of the
pictures: an hour of video keeps one for a good while.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from irs_engine.engine import Engine
from irs_engine.errors import IrsError, MediaError
from irs_engine.results import MusicResult
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import MusicSettings
from irs_engine.server.works.gate import Gate

log = logging.getLogger(__name__)


class Listening:
    """For the tasks of one event loop.

    Args:
        engine: Opens the catalogue, at the first call.
        gate: Who may go in; its room is how many videos are listened to at once.
    """

    def __init__(self, engine: Engine, settings: MusicSettings, gate: Gate):
        self._engine, self._settings, self._gate = engine, settings, gate
        self._threads = ThreadPoolExecutor(gate.room, thread_name_prefix="irs-music")
        self._stopping = False

    @property
    def folder(self) -> Path:
        """Of the catalogue."""
        from irs_engine.music.catalogue import default_folder

        return (self._settings.catalogue or default_folder()).expanduser()

    @property
    def problem(self) -> str:
        """Why no music is recognised here; empty: it is."""
        if find_spec("av") is None:
            return "needs: pip install 'irs-engine[music]'"
        from irs_engine.music.catalogue import DATABASE

        if not (self.folder / DATABASE).is_file():
            return "there is no catalogue of songs here; irs-engine music add makes one"
        return ""

    async def recognize(self, fetch: Callable[[], Awaitable[bytes]]) -> MusicResult:
        """The song that plays in an MP4 file.

        Args:
            fetch: Gives the file, when it is this call's turn.

        Raises:
            ServiceError: AIS.0007, see `problem`; APIG.0308, too many are waiting; what `fetch` raises.
            MediaError: The file cannot be read.
        """
        if problem := await asyncio.to_thread(lambda: self.problem):
            raise ServiceError("AIS.0007", problem)
        await self._gate.enter()
        loop, started = asyncio.get_running_loop(), time.monotonic()
        job: Future[MusicResult] | None = None
        gone = threading.Event()

        def leave(*_: object) -> None:
            loop.call_soon_threadsafe(self._gate.leave, 1, time.monotonic() - started)

        try:
            job = self._threads.submit(self._recognize, await fetch(), gone)
            return await asyncio.wrap_future(job)
        finally:
            gone.set()
            # The place of a call that is cancelled is free when its thread is.
            leave() if job is None else job.add_done_callback(leave)

    async def stop(self) -> None:
        """End what is listened to."""
        self._stopping = True
        await asyncio.to_thread(partial(self._threads.shutdown, cancel_futures=True))

    def _recognize(self, data: bytes, gone: threading.Event) -> MusicResult:
        from irs_engine.music.recognition import recognize

        end = time.monotonic() + self._settings.seconds

        def enough() -> bool:
            return self._stopping or gone.is_set() or time.monotonic() > end

        try:
            songs = self._engine.load_catalogue(self.folder).snapshot()
            return recognize(data, songs, mp4_only=True, enough=enough)
        except MediaError:
            raise
        except IrsError as error:
            log.error("music is not recognised: %s", error)
            raise
