"""What calls ask of the engine, done in turn: nobody waits for ever, and the event loop never.

The networks use all cores by themselves. So pictures to tag go through one lane, several at a time, and are
decoded in threads beside it, or in it where there is one client only; the other verbs work in few threads, of
each API no more calls at once than set.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from PIL import Image

from irs_engine.batches import BATCH_PIXELS
from irs_engine.engine import Engine
from irs_engine.errors import IrsError
from irs_engine.image import Rgb
from irs_engine.image.decode import read_header
from irs_engine.results import MusicResult, TaggingResult
from irs_engine.server.apis import APIS, MUSIC, Api
from irs_engine.server.errors import ServiceError
from irs_engine.server.off_loop import off_loop
from irs_engine.server.settings import Settings
from irs_engine.server.works.batching import Batcher
from irs_engine.server.works.gate import Gate
from irs_engine.server.works.listening import Listening
from irs_engine.server.works.tagging import Asked, pixels_read, read_and_tag

log = logging.getLogger(__name__)


class Works:
    """For the tasks of one event loop; made before it runs."""

    def __init__(self, engine: Engine, settings: Settings):
        self._engine, self._load = engine, settings.load
        self._gates = {
            api.name: Gate(self._room(api), self._load.queue, self._load.wait_seconds) for api in APIS
        }
        self.listening = Listening(engine, settings.music, self._gates[MUSIC])
        self._decoded = Gate(2 * BATCH_PIXELS)  # pixels: a batch that is worked on, and the next one
        self._readers = ThreadPoolExecutor(self._load.workers, thread_name_prefix="irs-read")
        self._workers = ThreadPoolExecutor(self._load.workers, thread_name_prefix="irs-work")
        self._lane: Batcher[Asked, TaggingResult | IrsError] = Batcher(
            partial(read_and_tag, engine), self._load.batch, self._load.batch_wait_ms / 1000
        )
        self._warming: asyncio.Task[None] | None = None
        self._calls = 0  # of `call` that have not returned
        self._stopping = False
        self.problem = "the models are not loaded yet"  # why not all calls would be answered; none: ""

    @property
    def ready(self) -> bool:
        """Whether all models have been loaded and tried."""
        return not self.problem

    async def call(self, api: Api, data: bytes, options: dict[str, Any]) -> Any:
        """What the verb of the API makes of an encoded picture: a result of the engine, or a picture again.

        A call that is cancelled leaves the queue.

        Raises:
            ServiceError: APIG.0308, too many are waiting, or its turn did not come in time.
            IrsError: What the engine raises for this picture.
        """
        with self._in_progress():
            format, header = await off_loop(len(data), read_header, data, api.limits)
            gate = self._gates[api.name]
            if api.verb != "tag":
                return await self._one(gate, partial(getattr(self._engine, str(api.verb)), data, **options))
            async with gate.passed(), self._decoded.passed(pixels_read(format, header)):
                picture: Rgb | bytes = data
                if not self._lane.quiet:  # else the lane reads it: the way by another thread takes 0.3 ms
                    with self._lane.announced():
                        reading = self._readers.submit(self._engine.read_for_tagging, data)
                        picture = await asyncio.wrap_future(reading)
                found = await self._lane.result(Asked(picture, **options))
            if isinstance(found, IrsError):
                raise found
            return found

    async def listen(self, fetch: Callable[[], Awaitable[bytes]]) -> MusicResult:
        """The song that plays in a video, see `Listening.recognize`."""
        with self._in_progress():
            return await self.listening.recognize(fetch)

    @contextmanager
    def _in_progress(self) -> Iterator[None]:
        """Around a call: none begins when the server stops, and it waits for those there are."""
        if self._stopping:
            raise ServiceError("APIG.0308", "the server is stopping", headers={"Retry-After": "1"})
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def start(self) -> None:
        """Begin to load and to try all models; meanwhile calls are answered, if slowly."""
        self._warming = asyncio.create_task(self._warm())

    async def stop(self) -> None:
        """Take no more calls, wait for those there are as long as is set, and end the threads."""
        self._stopping = True
        end = time.monotonic() + self._load.drain_seconds
        while self._calls and time.monotonic() < end:
            await asyncio.sleep(0.02)
        if self._warming:
            self._warming.cancel()
        await self._lane.stop()
        await self.listening.stop()
        for threads in (self._readers, self._workers):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    def snapshot(self) -> dict[str, Any]:
        """How things are now."""
        apis = {
            name: {"room": gate.room, "in_flight": gate.inside, "waiting": gate.waiting}
            for name, gate in self._gates.items()
        }
        return {
            "ready": self.ready,
            "problem": self.problem,
            "in_flight": sum(gate.inside for gate in self._gates.values()),
            "waiting": sum(gate.waiting for gate in self._gates.values()),
            "batches": self._lane.batches,
            "pictures_in_batches": self._lane.items,
            "apis": apis,
        }

    def _room(self, api: Api) -> int:
        """Calls at once: of tagging, a batch that is worked on and the next one, which is read meanwhile."""
        usual = 2 * self._load.batch if api.verb == "tag" else self._load.concurrency_default
        return self._load.concurrency.get(api.name, usual)

    async def _one(self, gate: Gate, work: Callable[[], Any]) -> Any:
        """A call with a thread to itself; its place is free when the thread is, even if it is cancelled."""
        await gate.enter()
        loop, started = asyncio.get_running_loop(), time.monotonic()

        def done(_: Future[Any]) -> None:
            loop.call_soon_threadsafe(gate.leave, 1, time.monotonic() - started)

        job = self._workers.submit(work)
        job.add_done_callback(done)
        return await asyncio.wrap_future(job)

    async def _warm(self) -> None:
        """Each verb once, with what its API takes by default."""
        picture = _picture()
        failed = []
        for api in {api.verb: api for api in APIS if api.verb}.values():
            options = {parameter.name: parameter.default for parameter in api.parameters}
            try:
                await asyncio.to_thread(getattr(self._engine, str(api.verb)), picture, **options)
            except Exception as error:
                log.error(
                    "%s cannot be answered: %s", api.name, error, exc_info=not isinstance(error, IrsError)
                )
                failed.append(api.name)
        self.problem = f"no answers from {', '.join(failed)}; the log says why" if failed else ""
        log.info("models: %s", self.problem or "ready")


def _picture() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "JPEG")
    return file.getvalue()
