"""What hosts that mean no good can send, and what those that do get."""

import asyncio
import gzip
import threading
import time

import pytest
from download_hosts import V1, V2, caller, downloads, fetch, picture, refused, request_of

from irs_engine.server.downloads import wire

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def url_of(host, name="/cat.jpg?a=b"):
    return f"http://127.0.0.1:{host.port}{name}"


def gotten(host, most=None, **settings):
    return fetch(downloads(ports=[host.port], **settings), url_of(host), most=most)


def not_gotten(host, most=None, **settings):
    """It fails, with the one text that all failures have."""
    quick = {"connect_seconds": 5, "first_byte_seconds": 5, "total_seconds": 10} | settings
    with refused("AIS.0029") as caught:
        gotten(host, most, **quick)
    limit = V1.limits.max_bytes if most is None else most
    assert caught.value.detail == (
        "the host has to answer with status 200, without redirects, within "
        f"{quick['total_seconds']:g} s, with 1 to {limit:,} bytes without encoding"
    )


def test_a_picture(host):
    asked = []

    def script(connection):
        asked.append(request_of(connection))
        connection.sendall(picture(b"\x89PNG" * 100_000))

    server = host(script)
    assert gotten(server) == b"\x89PNG" * 100_000
    line, *headers = asked[0].decode().removesuffix("\r\n\r\n").split("\r\n")
    assert line == "GET /cat.jpg?a=b HTTP/1.1"
    assert dict(header.split(": ", 1) for header in headers) == {
        "Host": f"127.0.0.1:{server.port}",
        "User-Agent": "irs-engine",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


@pytest.mark.parametrize(
    "answer",
    [
        picture(),
        picture(b"picture", "Content-Encoding: identity"),
        picture(b"picture", "Content-Type: text/html", "X-Other: é".encode().decode("latin-1")),
        HEAD + b"\r\npicture",  # ends with the connection
        b"HTTP/1.0 200 OK\r\n\r\npicture",
        CHUNKED + b"3\r\npic\r\n4;ext=1\r\nture\r\n0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + picture(),
        picture() + b"more than was promised",
        HEAD + b"Content-Length: 7\r\nContent-Length: 7\r\n\r\npicture",
    ],
)
def test_ways_to_send_one(host, answer):
    assert gotten(host(answer)) == b"picture"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 100,
        b"picture",
        b"\x89PNG\r\n\r\n" * 50,
        HEAD,
        HEAD + b"\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 8\r\n\r\npicture",  # cut
        HEAD + b"Content-Length: -7\r\n\r\npicture",
        HEAD + b"Content-Length: 7.0\r\n\r\npicture",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\npicture",
        HEAD + b"Content-Length: 7\r\nContent-Length: 8\r\n\r\npicture",
        HEAD + b"Content-Length: 7864321\r\n\r\npicture",
        CHUNKED + b"7\r\npicture\r\n",  # cut
        CHUNKED + b"7\r\npictures\r\n0\r\n\r\n",
        CHUNKED + b"-1\r\npicture\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\npicture\r\n0\r\n\r\n",
        CHUNKED + b"F" * 5000 + b"\r\npicture",
        CHUNKED + b"0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\npicture",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n7\r\npicture\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 7\r\n\r\npicture",
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 7\r\n\r\npicture",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\npicture",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 7\r\n\r\npicture",
        b"HTTP/1.1 999 X\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\npicture",
        b"HTTP/2 200\r\n\r\npicture",
        b"HTTP/0.9 200 OK\r\n\r\npicture",
        b"ICY 200 OK\r\n\r\npicture",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"220 mail.example ESMTP\r\n",
        b"+PONG\r\n-ERR unknown command\r\n",
        HEAD + b"X: y\0\r\n\r\npicture",
        HEAD + b" folded\r\nX\r\n\r\npicture",
        HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\npicture",
        HEAD + b"X: y\r\n" * 50_000 + b"\r\npicture",
    ],
)
def test_answers_that_are_none(host, answer):
    not_gotten(host(answer))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZIP", "gzip, identity", "x-new"])
def test_encoded_answers_are_not_decoded(host, encoding):
    """Some kilobytes that would become 64 MiB."""
    bomb = gzip.compress(bytes(2**26))
    not_gotten(host(picture(bomb, f"Content-Encoding: {encoding}")))
    assert gotten(host(picture(bomb))) == bomb  # undeclared they are what they are: no picture


@pytest.mark.parametrize("size", [999, 1000, 1001, 5000])
@pytest.mark.parametrize("way", ["length", "chunks", "end"])
def test_the_size_is_counted_while_it_comes(host, size, way):
    body = b"x" * size
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    server = host({"length": picture(body), "chunks": CHUNKED + chunk, "end": HEAD + b"\r\n" + body}[way])
    if size > 1000:
        not_gotten(server, most=1000)
    else:
        assert gotten(server, most=1000) == body


@pytest.mark.parametrize(
    "head, part",
    [
        (CHUNKED, b"1000\r\n" + bytes(0x1000) + b"\r\n"),
        (HEAD + b"\r\n", bytes(0x1000)),
        (CHUNKED, b"1\r\nx\r\n" * 1000),  # crumbs
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
        (HEAD, b"X-Header: something\r\n" * 100),
        (b"", b"endless"),
        (CHUNKED, b"0;" + b"x" * 1000),
        (CHUNKED + b"0\r\n", b"X-Trailer: something\r\n" * 100),
    ],
    ids=["chunks", "until the end", "crumbs", "interim", "headers", "no head", "extension", "trailers"],
)
def test_what_never_ends_is_cut_off(host, head, part):
    """By what came, not by the time: the time allowed would be an hour."""
    sent = []

    def script(connection):
        request_of(connection)
        connection.sendall(head)
        while True:
            connection.sendall(part)
            sent.append(len(part))

    hour = {"connect_seconds": 3600, "first_byte_seconds": 3600, "total_seconds": 3600}
    not_gotten(host(script), most=200_000, **hour)
    assert sum(sent) < 30 * 2**20  # the buffers of the kernel on both sides are among these


def test_crumbs_cost_too_much(host):
    """Each is as much work as a large part; small bodies may come as they like."""
    small, large = (CHUNKED + b"1\r\nx\r\n" * n + b"0\r\n\r\n" for n in (1500, 5000))
    assert gotten(host(small)) == b"x" * 1500
    not_gotten(host(large))


@pytest.mark.parametrize("start", [b"", HEAD, HEAD + b"Content-Length: 1000\r\n\r\n", CHUNKED + b"400\r\n"])
def test_dripping_is_no_way_to_stay(host, start):
    ended = threading.Event()

    def script(connection):
        request_of(connection)
        connection.sendall(start)
        try:
            while True:
                connection.sendall(b"H")
                time.sleep(0.02)
        finally:
            ended.set()

    not_gotten(host(script), first_byte_seconds=0.4, total_seconds=0.6)
    assert ended.wait(30)  # and the connection is gone


def test_a_host_that_thinks_for_too_long(host):
    """The head has to be there in time, however much of it there is for all."""
    given_up = threading.Event()

    def script(connection):
        request_of(connection)
        given_up.wait(20)
        connection.sendall(picture())

    not_gotten(host(script), first_byte_seconds=0.2, total_seconds=60)
    given_up.set()


def test_no_connection(host):
    closed = host(picture())
    closed.close()
    not_gotten(closed)

    async def never_done(address, port):
        await asyncio.sleep(3600)

    with refused("AIS.0029"):
        fetch(downloads(connect_seconds=0.2, parts={"connect": never_done}), "http://127.0.0.1/")


def test_a_name_that_is_looked_up_for_ever():
    async def never_done(host, port):
        await asyncio.sleep(3600)

    with refused("AIS.0029"):
        fetch(downloads(connect_seconds=0.2, parts={"resolve": never_done}), "http://slow.example/")


@pytest.mark.parametrize("error", [OSError("no"), ValueError("odd"), UnicodeError("odd")])
def test_a_resolver_that_fails(error):
    async def fails(host, port):
        raise error

    with refused("AIS.0029"):
        fetch(downloads(parts={"resolve": fails}), "http://odd.example/")


def test_codes_of_the_second_generation(host):
    made = downloads(ports=[80])
    with refused("ModelArts.4601"):
        fetch(made, "http://10.0.0.1/", V2)
    closed = host(picture())
    closed.close()
    with refused("ModelArts.4603"):
        fetch(downloads(ports=[closed.port]), url_of(closed), V2)


def test_a_caller_that_goes_away_takes_the_download_along(host):
    gone = threading.Event()

    def script(connection):
        request_of(connection)
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        if connection.recv(1) == b"":
            gone.set()

    server = host(script)

    async def main():
        made = downloads(ports=[server.port], at_once=1)
        for _ in range(3):
            task = asyncio.ensure_future(made.fetch(url_of(server), V1, caller()))
            while server.at_once == 0:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(gone.wait, 10)
            assert gone.is_set()
            gone.clear()
            while server.at_once:
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_so_many_at_once_and_no_more(host):
    def slow(connection):
        request_of(connection)
        time.sleep(0.05)
        connection.sendall(picture())

    server = host(slow)

    async def main():
        made = downloads(ports=[server.port], at_once=4)
        users = [caller(f"u{n % 3}") for n in range(18)]
        return await asyncio.gather(*(made.fetch(url_of(server), V1, who) for who in users))

    assert asyncio.run(main()) == [b"picture"] * 18
    assert server.connections == 18 and server.most_at_once <= 4


def test_a_greedy_user_leaves_room_for_others(host):
    release = threading.Event()

    def script(connection):
        if b"/hold" in request_of(connection):
            release.wait(30)
        connection.sendall(picture())

    server = host(script)

    async def main():
        made = downloads(ports=[server.port], at_once=4, first_byte_seconds=30, total_seconds=30)
        holding = [made.fetch(url_of(server, "/hold"), V1, caller("greedy")) for _ in range(20)]
        greedy = list(map(asyncio.ensure_future, holding))
        while server.at_once < 3:
            await asyncio.sleep(0.01)
        for _ in range(5):  # while all that the other may have is held
            assert await made.fetch(url_of(server, "/quick"), V1, caller("other")) == b"picture"
        assert not any(task.done() for task in greedy)
        release.set()
        assert await asyncio.gather(*greedy) == [b"picture"] * 20

    asyncio.run(main())
    assert server.most_at_once <= 4


def test_too_many_are_told_to_come_back(host):
    server = host(lambda connection: [request_of(connection), connection.recv(1)])

    async def main():
        made = downloads(ports=[server.port], at_once=1, load={"queue": 2, "wait_seconds": 0.3})
        first = [asyncio.ensure_future(made.fetch(url_of(server), V1, caller("a"))) for _ in range(2)]
        await asyncio.sleep(0.05)
        for who in ("a", "b"):  # "a" has its share of the queue; "b" waits in vain
            with refused("APIG.0308") as caught:
                await made.fetch(url_of(server), V1, caller(who))
            assert caught.value.headers == {"Retry-After": "1"}
        for task in first:
            task.cancel()

    asyncio.run(main())


def test_a_lookup_that_cannot_be_stopped_keeps_its_turn(host):
    """So there are never more threads that look names up than downloads are allowed."""
    server = host(picture())
    found, running = None, []

    async def slow(name, port):
        if name == "127.0.0.1":
            return [name]
        running.append(name)
        return await found

    async def main():
        nonlocal found
        found = asyncio.get_running_loop().create_future()
        made = downloads(
            ports=[80, server.port], at_once=1, connect_seconds=0.1, load={"wait_seconds": 0.2},
            parts={"resolve": slow},
        )  # fmt: skip
        with refused("AIS.0029"):
            await made.fetch("http://slow.example/", V1, caller())
        with refused("APIG.0308"):
            await made.fetch(url_of(server), V1, caller())
        found.set_exception(OSError("late"))
        assert await made.fetch(url_of(server), V1, caller()) == b"picture"
        await made.aclose()

    asyncio.run(main())
    assert running == ["slow.example"]


def test_closed(host):
    server, waits = host(picture()), []

    async def for_ever(name, port):
        waits.append(asyncio.get_running_loop().create_future())
        return await waits[0]

    async def main():
        made = downloads(ports=[80, server.port], parts={"resolve": for_ever})
        task = asyncio.ensure_future(made.fetch("http://slow.example/", V1, caller()))
        while not waits:
            await asyncio.sleep(0)
        await made.aclose()
        await asyncio.sleep(0)
        assert waits[0].cancelled()
        with refused("AIS.0022"):
            await made.fetch(url_of(server), V1, caller())
        task.cancel()

    asyncio.run(main())
    assert server.connections == 0


def test_no_socket_is_left_behind(host, monkeypatch):
    """Of whatever became of a download."""
    made_sockets = []

    async def remembered(address, port):
        made_sockets.append(await wire.connect(address, port))
        return made_sockets[-1]

    answers = [picture(), HEAD, b"nonsense", CHUNKED + b"zz", HEAD + b"Content-Length: 99999999\r\n\r\n"]
    servers = [host(answer) for answer in answers]

    async def main():
        ports = [server.port for server in servers]
        made = downloads(ports=ports, connect_seconds=0.5, parts={"connect": remembered})
        await made.fetch(url_of(servers[0]), V1, caller())
        for url in (*map(url_of, servers[1:]), url_of(servers[0]).replace("http", "https")):
            with refused("AIS.0029"):
                await made.fetch(url, V1, caller())
        await asyncio.sleep(0.1)

    asyncio.run(main())
    assert [each.fileno() for each in made_sockets] == [-1] * 6
