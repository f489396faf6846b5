"""What a client can do to a connection, and for how long. A real server on a small application."""

import asyncio
import functools

import pytest

pytest.importorskip("starlette")

import uvicorn
from eventloop import in_loop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from irs_engine.server.connections import HEAD_BYTES, Connection
from irs_engine.server.settings import LoadSettings

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BEGUN = GET[:-2]
LARGE = 32_000_000  # bytes of an answer, more than the buffers of the system hold


class Server:
    """Answers "/", "/body" with its length and how many headers, "/large" at length, "/held" when let."""

    def __init__(self, **load):
        self.load = LoadSettings(**{"header_seconds": 0.3, **load})
        self.state, self.writers = ServerState(), []

    async def __aenter__(self):
        self.held = asyncio.Event()
        routes = [
            Route("/", lambda request: PlainTextResponse("here")),
            Route("/body", self.body, methods=["POST"]),
            Route("/large", self.large),
            Route("/held", self.hold),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, access_log=False, ws="none")
        config.load()
        make = functools.partial(
            Connection,
            config=config,
            server_state=self.state,
            app_state={},
            limits=self.load,
            idle={},
        )
        self.server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.held.set()
        for writer in self.writers:
            writer.close()
        self.server.close()

    async def body(self, request):
        body = await request.body()
        return PlainTextResponse(f"{len(body)} {len(request.scope['headers'])}")

    async def large(self, request):
        async def answer(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(LARGE // 100_000):
                await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
            await send({"type": "http.response.body", "body": b"end"})

        return answer

    async def hold(self, request):
        await self.held.wait()
        return PlainTextResponse("held")

    async def connect(self, sent=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**16)
        writer.write(sent)
        self.writers.append(writer)  # one that nobody holds is closed
        return reader, writer


async def answered(reader):
    """Status and body of the next answer, b"" when the connection ends instead."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head.split(b" ", 2)[1] + b" " + await reader.readexactly(length)


async def ended(reader):
    """Wait for the end of the connection; what came before it."""
    try:
        return await reader.read(-1)
    except ConnectionError:
        return b""


@in_loop
async def test_requests_one_after_the_other_on_one_connection():
    async with Server(header_seconds=1) as server:
        reader, writer = await server.connect()
        for _ in range(5):
            writer.write(GET)
            assert await answered(reader) == b"200 here"
            await asyncio.sleep(0.3)  # together longer than an idle connection may be
        writer.write(3 * GET)
        assert [await answered(reader) for _ in range(3)] == [b"200 here"] * 3


@pytest.mark.parametrize("sent", [b"", b"GE", BEGUN, GET, GET + b"GET /"], ids=repr)
@in_loop
async def test_who_sends_no_more_is_hung_up_on(sent):
    async with Server() as server:
        reader, _ = await server.connect(sent)
        assert (await ended(reader)).count(b"here") == sent.count(GET)
        assert not server.state.connections


@in_loop
async def test_who_sends_headers_by_the_byte_is_hung_up_on():
    async with Server() as server:
        reader, writer = await server.connect(BEGUN)

        async def trickle():
            while True:
                writer.write(b"a: b\r\n")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        assert await ended(reader) == b""
        trickling.cancel()


@in_loop
async def test_a_call_in_progress_takes_its_time():
    async with Server() as server:
        reader, _ = await server.connect(b"GET /held HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.6)
        server.held.set()
        assert await answered(reader) == b"200 held"


@pytest.mark.parametrize(
    "endless",
    [b"GET /" + b"a" * 9, BEGUN + b"a: " + b"a" * 9, BEGUN + b"a" * 9],
    ids=["path", "value", "name"],
)
@in_loop
async def test_headers_without_end(endless):
    async with Server(header_seconds=60) as server:
        reader, writer = await server.connect(endless)
        for _ in range(HEAD_BYTES // 1000 + 2):
            writer.write(b"a" * 1000)
        assert await answered(reader) == b"400 The headers are too large."
        assert await ended(reader) == b""


@in_loop
async def test_many_headers_without_end():
    async with Server(header_seconds=60) as server:
        reader, writer = await server.connect(BEGUN)
        for number in range(HEAD_BYTES // 5):
            writer.write(b"h%d: v\r\n" % number)
        assert b"here" not in await ended(reader) and not server.state.connections


@in_loop
async def test_trailers_are_ignored_and_do_not_go_on_without_end():
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with Server(header_seconds=60) as server:
        reader, writer = await server.connect(head + b"3\r\nabc\r\n0\r\nX-Auth-Token: t\r\n\r\n")
        assert await answered(reader) == b"200 3 2"
        writer.write(head + b"3\r\nabc\r\n0\r\nX-Auth-Token: ")
        await asyncio.sleep(0.05)  # or it would come in one piece with the body
        writer.write(b"a" * (HEAD_BYTES + 1))
        assert await ended(reader) == b""


@in_loop
async def test_a_long_body_in_small_chunks_is_no_offence():
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with Server() as server:
        reader, writer = await server.connect(head)
        for _ in range(3 * HEAD_BYTES // 1000):
            writer.write(b"1\r\na\r\n" * 1000)
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")
        assert await answered(reader) == b"200 %d 2" % (3 * HEAD_BYTES // 1000 * 1000)


@in_loop
async def test_what_is_left_of_a_body_after_the_answer():
    """It is read for a while, so that the answer is not lost, but not for ever."""
    async with Server() as server:
        reader, writer = await server.connect(b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")
        assert (await answered(reader)).startswith(b"405")

        async def send():
            while True:
                writer.write(b"a" * 1000)
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(send())
        assert await ended(reader) == b""
        sending.cancel()


@in_loop
async def test_who_takes_nothing_of_an_answer_is_hung_up_on():
    async with Server() as server:
        reader, writer = await server.connect(b"GET /large HTTP/1.1\r\n\r\n")
        writer.transport.pause_reading()
        while not server.state.connections:
            await asyncio.sleep(0.01)
        while server.state.connections:
            await asyncio.sleep(0.01)
        writer.transport.resume_reading()
        assert len(await ended(reader)) < LARGE


@in_loop
async def test_who_takes_an_answer_slowly_gets_it():
    async with Server(header_seconds=1) as server:
        reader, _ = await server.connect(b"GET /large HTTP/1.1\r\nConnection: close\r\n\r\n")
        taken = 0
        while part := await reader.read(2**19):
            taken += len(part)
            await asyncio.sleep(0.02)  # together longer than one may take nothing
        assert taken > LARGE


@in_loop
async def test_with_too_many_the_longest_idle_makes_room():
    async with Server(connections=3, header_seconds=60) as server:
        busy, _ = await server.connect(b"GET /held HTTP/1.1\r\n\r\n")
        silent, _ = await server.connect(BEGUN)
        await asyncio.sleep(0.05)
        kept, kept_writer = await server.connect(GET)
        assert await answered(kept) == b"200 here"
        newest, _ = await server.connect(GET)
        assert await answered(newest) == b"200 here"
        assert await ended(silent) == b""
        kept_writer.write(GET)
        assert await answered(kept) == b"200 here"  # has been idle for a shorter time than `newest` now
        another, _ = await server.connect(GET)
        assert await answered(another) == b"200 here"
        assert await ended(newest) == b""
        server.held.set()
        assert await answered(busy) == b"200 held"


@in_loop
async def test_with_too_many_that_all_are_busy_the_new_one_has_to_go():
    async with Server(connections=2) as server:
        busy = [await server.connect(b"GET /held HTTP/1.1\r\n\r\n") for _ in range(2)]
        await asyncio.sleep(0.05)
        refused, _ = await server.connect(GET)
        assert await ended(refused) == b""
        server.held.set()
        assert [await answered(reader) for reader, _ in busy] == [b"200 held"] * 2
