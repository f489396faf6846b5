"""Hosts that answer as they should not, and downloads from them."""

import asyncio
import dataclasses
import socket
import threading
from contextlib import contextmanager

import pytest

from irs_engine.server.apis import BY_NAME
from irs_engine.server.caller import ADMINISTRATOR, Caller
from irs_engine.server.downloads import Downloads
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import Settings

V1, V2 = BY_NAME["image-tagging-v1"], BY_NAME["image-tagging"]


class Host:
    """A server on this machine; `script(connection)` is run for each connection, in a thread of its own."""

    def __init__(self, script, address="127.0.0.1", port=0, tls=None):
        self.script, self.tls = script, tls
        self.connections, self.at_once, self.most_at_once = 0, 0, 0
        self.lock = threading.Lock()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind((address, port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # closed
                return
            with self.lock:
                self.connections += 1
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(20)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self.script(connection)
        except OSError:  # the other side went away, which is what many tests are about
            pass
        finally:
            connection.close()
            with self.lock:
                self.at_once -= 1

    def close(self):
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()


def request_of(connection):
    """The bytes of the request's head."""
    head = b""
    while b"\r\n\r\n" not in head and (some := connection.recv(4096)):
        head += some
    return head


def answering(data):
    def script(connection):
        request_of(connection)
        connection.sendall(data)

    return script


def picture(body=b"picture", *headers):
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def caller(user="u1", account="acme", permissions=(ADMINISTRATOR,)):
    return Caller(f"id of {account}", account, user, user, "p", "p", frozenset(permissions), "key")


async def no_secret(ak):
    return None


async def not_authorised(account_id):
    return False


def downloads(
    secret_of=no_secret, obs_authorised=not_authorised, load=None, obs=None, parts=None, **download
):
    """Downloads that may fetch from this machine unless told otherwise; `parts` are injected."""
    download = {"allow_private": ["127.0.0.0/8", "::1/128"]} | download
    settings = Settings(download=download, load=load or {}, obs=obs or {})
    return Downloads(settings, secret_of, obs_authorised, **(parts or {}))


def fetch(made, url, api=V1, who=None, most=None):
    """The bytes; in an event loop of its own."""
    if most is not None:
        api = dataclasses.replace(api, limits=dataclasses.replace(api.limits, max_bytes=most))
    return asyncio.run(made.fetch(url, api, who or caller()))


@contextmanager
def refused(code):
    """The error of the block, with this code."""
    with pytest.raises(ServiceError) as caught:
        yield caught
    assert caught.value.code == code
