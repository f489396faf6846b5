"""Bodies as they come, or do not come, and clients that leave."""

import asyncio

import pytest

pytest.importorskip("starlette")

from eventloop import in_loop, settle
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import LoadSettings
from irs_engine.server.works import reading
from irs_engine.server.works.reading import GONE, cancel_on_disconnect, read_body

LEFT = {"type": "http.disconnect"}


def part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


def request(*messages, headers=(), pause=0.0):
    """A request whose messages come one by one, and then nothing."""
    coming = list(messages)

    async def receive():
        await asyncio.sleep(pause)
        if not coming:
            await asyncio.Event().wait()
        return coming.pop(0)

    return Request({"type": "http", "headers": list(headers), "state": {}}, receive)


@in_loop
async def test_parts_are_put_together():
    body = await read_body(request(part(b"ab"), part(b""), part(b"c", more=False)), LoadSettings(), most=3)
    assert body == b"abc"
    assert await read_body(request({"type": "http.request"}), LoadSettings(), most=0) == b""


@pytest.mark.parametrize("length", [b"11", b"9" * 5000])
@in_loop
async def test_too_long_is_known_from_the_header(length):
    with pytest.raises(ServiceError) as refused:
        await read_body(request(headers=[(b"content-length", length)]), LoadSettings(), most=10)
    assert (refused.value.code, refused.value.status) == ("APIG.0201", 413)


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"2")], [(b"content-length", b"-1")]])
@in_loop
async def test_too_long_is_counted_whatever_the_header_says(headers):
    with pytest.raises(ServiceError, match=r"APIG.0201.*at most 10 bytes"):
        await read_body(request(*[part(b"abc")] * 9, headers=headers), LoadSettings(), most=10)


@in_loop
async def test_a_sender_that_stops_is_cut_off(monkeypatch):
    monkeypatch.setattr(reading, "GRACE", 0.05)
    with pytest.raises(ServiceError, match=r"APIG.0201.*3 bytes.*faster") as refused:
        await read_body(request(part(b"abc")), LoadSettings(), most=10)
    assert refused.value.headers["Connection"] == "close"


@in_loop
async def test_a_sender_that_trickles_is_cut_off(monkeypatch):
    monkeypatch.setattr(reading, "GRACE", 0.05)
    trickling = request(*[part(b"a")] * 10_000, pause=0.01)
    with pytest.raises(ServiceError, match=r"APIG.0201"):
        await read_body(trickling, LoadSettings(body_bytes_per_second=50_000), most=20_000)


@in_loop
async def test_a_sender_that_keeps_up_is_not(monkeypatch):
    """Although it takes longer than the grace, which is short but for a busy machine."""
    monkeypatch.setattr(reading, "GRACE", 0.5)
    steady = request(*[part(1000 * b"a")] * 60, part(b"", more=False), pause=0.01)
    assert len(await read_body(steady, LoadSettings(body_bytes_per_second=5_000), most=60_000)) == 60_000


@in_loop
async def test_a_deadline_for_the_whole(monkeypatch):
    steady = request(*[part(b"a" * 1000)] * 10_000, pause=0.005)
    with pytest.raises(ServiceError, match=r"APIG.0201"):
        await read_body(steady, LoadSettings(body_bytes_per_second=0, body_seconds=0.1), most=10**9)


@in_loop
async def test_a_client_that_leaves_while_it_sends():
    with pytest.raises(ClientDisconnect):
        await read_body(request(part(b"abc"), LEFT), LoadSettings(), most=10)


async def answer(request):
    body = await read_body(request, LoadSettings(), most=100)
    return PlainTextResponse(body.decode())


@in_loop
async def test_an_answer_is_handed_on():
    response = await cancel_on_disconnect(request(part(b"ab"), part(b"c", more=False)), answer)
    assert (response.status_code, response.body) == (200, b"abc")


@in_loop
async def test_errors_are_handed_on():
    async def fail(request):
        raise ServiceError("AIS.0014")

    with pytest.raises(ServiceError, match=r"AIS.0014"):
        await cancel_on_disconnect(request(part(b"", more=False)), fail)


@in_loop
async def test_leaving_while_the_body_comes():
    assert (await cancel_on_disconnect(request(part(b"ab"), LEFT), answer)).status_code == GONE


@in_loop
async def test_leaving_while_it_is_worked_on():
    fate = []

    async def work(request):
        await read_body(request, LoadSettings(), most=100)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            fate.append("cancelled")
            await asyncio.sleep(0.01)  # such as giving a permit back
            fate.append("tidy")
            raise

    response = await cancel_on_disconnect(request(part(b"abc", more=False), LEFT), work)
    assert response.status_code == GONE and fate == ["cancelled", "tidy"]


@in_loop
async def test_nobody_takes_the_body_from_the_handler():
    """It begins to read late; the watch must not have swallowed anything by then."""

    async def late(request):
        await asyncio.sleep(0.02)
        return await answer(request)

    response = await cancel_on_disconnect(request(part(b"ab"), part(b"c", more=False)), late)
    assert response.body == b"abc"


@in_loop
async def test_a_handler_that_reads_no_body():
    async def refuse(request):
        return PlainTextResponse("no", 401)

    assert (await cancel_on_disconnect(request(), refuse)).status_code == 401


@in_loop
async def test_a_server_that_stops_cancels_the_handler_too():
    began, fate, before = asyncio.Event(), [], asyncio.all_tasks()

    async def work(request):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            fate.append("ended")

    task = asyncio.create_task(cancel_on_disconnect(request(), work))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle()
    assert fate == ["ended"] and asyncio.all_tasks() == before
