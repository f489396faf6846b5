"""One GET request to an address that was chosen before: no names, redirects, proxies, encodings.

HTTP/1.1 by h11, which gives full sight of every byte, rather than by a client that means well.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import h11

from irs_engine.server.downloads.addresses import Address, plain
from irs_engine.server.downloads.url import Url

READ = 2**16  # bytes at a time
HEAD = 2**15  # bytes of a status line with its headers, of a chunk's line, of trailers
INTERIM = 8  # answers 1xx before the real one
# Every part of a body costs the same work, be it one byte: who sends crumbs is cut off.
FREE_PARTS, PART = 2000, 256  # parts; bytes that each further one has on average
YIELD = 64  # parts after which others have their turn


class WireError(Exception):
    """No picture came: the reason is for the log, not for those who gave the URL."""


FAILURES = (OSError, ValueError, EOFError, h11.ProtocolError, WireError)  # ssl.SSLError is an OSError


async def connect(address: Address, port: int) -> socket.socket:
    """A connection to exactly this address."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (str(address), port))
    except BaseException:
        made.close()
        raise
    return made


def check_peer(made: socket.socket, address: Address, port: int) -> None:
    """That the connection ends where it was meant to.

    Raises:
        WireError: It does not; the connection is closed.
    """
    try:
        host, peer_port = made.getpeername()[:2]
        right = plain(ipaddress.ip_address(host)) == plain(address) and peer_port == port
    except (OSError, ValueError):
        right = False
    if not right:
        made.close()
        raise WireError("connected to another address than the one that was checked")


@asynccontextmanager
async def stream(
    made: socket.socket, url: Url, tls: ssl.SSLContext, handshake_seconds: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The connection, with TLS for https: the certificate has to be of the URL's host."""
    secure: dict[str, Any] = {}
    if url.scheme == "https":
        secure = {"ssl": tls, "server_hostname": url.host, "ssl_handshake_timeout": handshake_seconds}
    try:
        reader, writer = await asyncio.open_connection(sock=made, limit=READ, **secure)
    except BaseException:
        made.close()
        raise
    try:
        yield reader, writer
    finally:
        writer.transport.abort()  # no farewell is waited for


async def ask(
    url: Url, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int
) -> h11.Connection:
    """Send the request and read the head of the answer, which has to promise a picture.

    Args:
        most: Bytes of the body that are accepted.

    Raises:
        One of FAILURES.
    """
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD)
    headers = {
        "Host": url.authority,
        "User-Agent": "irs-engine",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    request = h11.Request(method="GET", target=url.target, headers=list(headers.items()))
    for event in (request, h11.EndOfMessage()):
        writer.write(http.send(event) or b"")
    await writer.drain()
    for _ in range(INTERIM + 1):
        answer = await _next(http, reader)
        if isinstance(answer, h11.Response):
            _check_head(answer, most)
            return http
    raise WireError("too many interim answers")


def _check_head(answer: h11.Response, most: int) -> None:
    if answer.status_code != 200 or answer.http_version not in (b"1.1", b"1.0"):
        raise WireError(f"status {answer.status_code} of HTTP/{answer.http_version.decode()}")
    for name, value in answer.headers:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise WireError("the answer is encoded, although identity was asked for")
        if name == b"content-length" and int(value) > most:
            raise WireError(f"more than {most} bytes are announced")


async def receive(http: h11.Connection, reader: asyncio.StreamReader, most: int) -> bytes:
    """The body, counted while it comes.

    Raises:
        One of FAILURES.
    """
    body, parts = bytearray(), 0
    while True:
        event = await _next(http, reader)
        if isinstance(event, h11.EndOfMessage):
            break
        if not isinstance(event, h11.Data):
            raise WireError("the answer ends early")
        body += event.data
        parts += 1
        if len(body) > most:
            raise WireError(f"more than {most} bytes")
        if parts > FREE_PARTS + len(body) // PART:
            raise WireError("sent in crumbs")
        if parts % YIELD == 0:
            await asyncio.sleep(0)
    if not body:
        raise WireError("empty")
    return bytes(body)


async def _next(http: h11.Connection, reader: asyncio.StreamReader) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(await reader.read(READ))
    return event
