"""Calls on a real engine: what they answer, and who waits for whom."""

import asyncio
import threading
from io import BytesIO

import pytest

pytest.importorskip("starlette")

from eventloop import in_loop, settle
from PIL import Image

from irs_engine.engine import Engine
from irs_engine.errors import ImageDataError, ImageFormatError, ImageSizeError
from irs_engine.server.apis import APIS, BY_NAME
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import LoadSettings, Settings
from irs_engine.server.works import Works

TAGGING, RECAPTURE, DEFOG = (BY_NAME[name] for name in ("image-tagging", "recapture-detect", "defog"))


def options(api, **changes):
    return {parameter.name: parameter.default for parameter in api.parameters} | changes


def works(engine, **load):
    return Works(engine, Settings(load=LoadSettings(**load)))


class Held(Engine):
    """An engine whose verbs begin only when they are let."""

    def __init__(self, **given):
        super().__init__(**given)
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def _hold(self):
        self.begun.release()
        self.go_on.acquire()

    def detect_recapture(self, image, **options):
        self._hold()
        return super().detect_recapture(image, **options)

    def defog(self, image, **options):
        self._hold()
        return super().defog(image, **options)

    def load_detecting_tagger(self):
        self._hold()
        return super().load_detecting_tagger()


@pytest.fixture
def held(weights):
    return Held(device="cpu", precision="fp32", weights=weights)


async def begun(engine, times=1):
    for _ in range(times):
        await asyncio.to_thread(engine.begun.acquire)


async def call(works, api, data, times=1, **changes):
    tasks = [asyncio.create_task(works.call(api, data, options(api, **changes))) for _ in range(times)]
    await settle()
    return tasks if times > 1 else tasks[0]


async def waiting(works, api, count):
    while works.snapshot()["apis"][api.name]["waiting"] != count:
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("api", [api for api in APIS if api.verb], ids=lambda api: api.name)
@in_loop
async def test_answers_are_those_of_the_engine(engine, jpeg, api):
    work, data = works(engine), jpeg()
    assert await work.call(api, data, options(api)) == getattr(engine, api.verb)(data, **options(api))
    await work.stop()


@in_loop
async def test_bad_pictures_spoil_no_others(engine, jpeg):
    work, good = works(engine, batch=4), jpeg()
    wide = BytesIO()
    Image.new("RGB", (5000, 20)).save(wide, "PNG")
    bad = {
        good[: len(good) // 2]: ImageDataError,
        b"GIF89a...": ImageFormatError,
        wide.getvalue(): ImageSizeError,
    }
    asked = [data for pair in zip([good] * 3, bad, strict=True) for data in pair]
    found = await asyncio.gather(
        *(work.call(TAGGING, data, options(TAGGING, threshold=0.0)) for data in asked), return_exceptions=True
    )
    assert [type(error) for error in found[1::2]] == list(bad.values())
    assert all(len(result.tags) == 50 for result in found[::2])
    assert work.snapshot()["in_flight"] == 0
    await work.stop()


@in_loop
async def test_limits_are_those_of_the_api(engine, jpeg):
    work = works(engine)
    with pytest.raises(ImageSizeError, match="15 or more"):
        await work.call(BY_NAME["image-tagging-v1"], jpeg(14, 100), {})
    assert (await work.call(TAGGING, jpeg(14, 100), options(TAGGING))).size == (14, 100)
    await work.stop()


@in_loop
async def test_tagging_calls_share_batches(held, jpeg):
    work = works(held, batch=4)
    first = await call(work, TAGGING, jpeg(), threshold=0.0)
    await begun(held)
    later = await call(work, TAGGING, jpeg(200, 160), times=3, threshold=0.0, language="en")
    v1 = await call(work, BY_NAME["image-tagging-v1"], jpeg(160, 200))
    while len(work._lane._waiting) < 4:
        await asyncio.sleep(0.002)
    held.go_on.release(2)
    results = await asyncio.gather(first, *later, v1)
    assert [result.size for result in results] == [(320, 240), *3 * [(200, 160)], (160, 200)]
    assert work.snapshot()["batches"] == 2 and work.snapshot()["pictures_in_batches"] == 5
    await work.stop()


@in_loop
async def test_one_call_of_recapture_at_once_beside_other_apis(held, jpeg):
    work = works(held)
    first, second = await call(work, RECAPTURE, jpeg(), times=2)
    await begun(held)
    await waiting(work, RECAPTURE, 1)
    other = await call(work, DEFOG, jpeg())  # the second one does not take its thread
    await begun(held)
    snapshot = work.snapshot()["apis"]
    assert snapshot["recapture-detect"] == {"room": 1, "in_flight": 1, "waiting": 1}
    assert snapshot["defog"] == {"room": 4, "in_flight": 1, "waiting": 0}
    held.go_on.release(3)
    assert (await first) == (await second)
    assert isinstance(await other, bytes)
    await work.stop()


@in_loop
async def test_a_full_queue_of_one_api_leaves_the_others_alone(held, jpeg):
    work = works(held, queue=2)
    accepted = await call(work, RECAPTURE, jpeg(), times=3)
    await begun(held)
    await waiting(work, RECAPTURE, 2)
    with pytest.raises(ServiceError) as refused:
        await work.call(RECAPTURE, jpeg(), options(RECAPTURE))
    assert refused.value.code == "APIG.0308" and int(refused.value.headers["Retry-After"]) >= 1
    held.go_on.release(4)
    assert await work.call(DEFOG, jpeg(), options(DEFOG))
    await asyncio.gather(*accepted)
    await work.stop()


@in_loop
async def test_nobody_waits_longer_than_set(held, jpeg):
    work = works(held, wait_seconds=0.05)
    first, second = await call(work, RECAPTURE, jpeg(), times=2)
    with pytest.raises(ServiceError, match="no turn within"):
        await second
    held.go_on.release()
    assert (await first).size == (320, 240)
    await work.stop()


@in_loop
async def test_a_cancelled_call_keeps_its_place_until_its_thread_is_free(held, jpeg):
    """Or a client that comes and goes could have more calls at once than are allowed."""
    work = works(held)
    first = await call(work, RECAPTURE, jpeg())
    await begun(held)
    first.cancel()
    await settle()
    second = await call(work, RECAPTURE, jpeg())
    await waiting(work, RECAPTURE, 1)
    assert first.cancelled() and work.snapshot()["apis"][RECAPTURE.name]["in_flight"] == 1
    held.go_on.release(2)
    assert (await second).size == (320, 240)
    await work.stop()


@in_loop
async def test_cancelled_calls_leave_the_queue(held, jpeg):
    work = works(held, queue=4)
    first = await call(work, RECAPTURE, jpeg())
    await begun(held)
    given_up = await call(work, RECAPTURE, jpeg(), times=4)
    await waiting(work, RECAPTURE, 4)
    for task in given_up:
        task.cancel()
    await waiting(work, RECAPTURE, 0)
    held.go_on.release(2)
    await first
    assert (await work.call(RECAPTURE, jpeg(), options(RECAPTURE))).size == (320, 240)
    assert held.go_on.acquire(blocking=False) is False  # nobody else began
    await work.stop()


@in_loop
async def test_start_tries_every_verb(engine, weights, tmp_path):
    work = works(engine)
    assert not work.ready and "not loaded" in work.problem
    await work.start()
    while not work.ready:
        await asyncio.sleep(0.01)
    await work.stop()


@in_loop
async def test_start_tells_what_does_not_work(weights, monkeypatch, tmp_path):
    from irs_engine import weights as lookup

    monkeypatch.setattr(lookup, "package_directory", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    work = works(Engine(device="cpu", weights=weights[1:3]))
    await work.start()
    while "not loaded" in work.problem:
        await asyncio.sleep(0.01)
    assert work.problem == "no answers from image-tagging-v1, recapture-detect; the log says why"
    assert not work.ready and str(tmp_path) not in work.problem
    await work.stop()


@in_loop
async def test_stop_finishes_what_there_is_and_takes_no_more(held, jpeg):
    work = works(held)
    first = await call(work, RECAPTURE, jpeg())
    await begun(held)
    stopping = asyncio.create_task(work.stop())
    await settle()
    with pytest.raises(ServiceError, match="stopping"):
        await work.call(DEFOG, jpeg(), options(DEFOG))
    assert not stopping.done()
    held.go_on.release()
    await stopping
    assert (await first).size == (320, 240)


@in_loop
async def test_stop_does_not_wait_for_ever(held, jpeg):
    work = works(held, drain_seconds=0.05)
    first, second = await call(work, RECAPTURE, jpeg(), times=2)
    await begun(held)
    stopping = asyncio.create_task(work.stop())
    await asyncio.sleep(0.2)
    held.go_on.release(2)  # a thread cannot be stopped, but it is the last one
    await stopping
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert results[0].size == (320, 240) and isinstance(results[1], Exception | asyncio.CancelledError)
