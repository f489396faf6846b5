"""Sockets on which the server listens."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator, Sequence

from irs_engine.errors import IrsError
from irs_engine.server.settings import Settings

MISSING = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # "localhost" is ::1 too, where there is no IPv6 as well
FILES = 2**16

Sockets = Sequence[socket.socket]


@contextlib.contextmanager
def listening(settings: Settings) -> Iterator[tuple[Settings, Sockets, Sockets]]:
    """Bound sockets for http and for https, and the settings with the ports that those have got.

    Raises:
        IrsError: Another program has the port, or the host is not of this machine.
    """
    with contextlib.ExitStack() as opened:
        plain = _entered(opened, bound(settings.host, settings.port))
        ports = {"port": plain[0].getsockname()[1]}
        secure: Sockets = ()
        if settings.tls_port is not None:
            secure = _entered(opened, bound(settings.host, settings.tls_port))
            ports["tls_port"] = secure[0].getsockname()[1]
        yield settings.model_copy(update=ports), plain, secure


def bound(host: str, port: int) -> Sockets:
    """A socket for each address of the host; port 0 is a free one, the same for all."""
    found: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            try:
                found.append(_bound(socket.socket(family, kind, protocol), (address[0], port, *address[2:])))
                port = found[0].getsockname()[1]
            except OSError as error:
                if error.errno not in MISSING:
                    raise
                missing = error
        if missing and not found:
            raise missing
    except OSError as error:
        for one in found:
            one.close()
        raise IrsError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error
    return found


def _bound(made: socket.socket, address: tuple) -> socket.socket:
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if made.family == socket.AF_INET6:  # IPv4 has a socket of its own
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _entered(opened: contextlib.ExitStack, sockets: Sockets) -> Sockets:
    return [opened.enter_context(one) for one in sockets]


def allow_files() -> None:
    """As many open files as this process may have: each connection is one, and shells allow few."""
    try:
        import resource
    except ImportError:  # on Windows, where there is no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
