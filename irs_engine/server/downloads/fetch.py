"""Pictures that requests name by URL, fetched without lending anybody this server's place in its network.

A name is resolved once. All its addresses have to be public, the connection is made to one of these very
addresses, and what it turned out to be connected to is looked at again. The host's name is used for the
certificate and the Host header only. Every refusal reads the same, and so does every failure: answers tell
nothing of the network here.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence

import anyio

from irs_engine.server.apis import Api
from irs_engine.server.caller import Caller
from irs_engine.server.downloads import wire
from irs_engine.server.downloads.addresses import Address, Judge, is_own
from irs_engine.server.downloads.obs import AccountOf, Authorised, LocalObs, SecretOf
from irs_engine.server.downloads.resolver import resolve
from irs_engine.server.downloads.turns import NoTurn, Turns
from irs_engine.server.downloads.url import Url, UrlError, parse
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import Settings

log = logging.getLogger(__name__)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Connect = Callable[[Address, int], Awaitable[socket.socket]]
ATTEMPTS = 4  # addresses of a host that are tried
REFUSED = "files are fetched from hosts with public addresses only"


class Downloads:
    """Fetches pictures by URL. Made once, inside or outside of the event loop.

    Args:
        secret_of, obs_authorised, account_of: See `obs.LocalObs`.
        resolve, connect, own: How a host's addresses are found, a connection is made, and the machine's own
            addresses are known.
        tls: None: the system's certificates.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        secret_of: SecretOf,
        obs_authorised: Authorised,
        *,
        account_of: AccountOf | None = None,
        resolve: Resolve = resolve,
        connect: Connect = wire.connect,
        own: Callable[[Address], bool] = is_own,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ):
        self._settings, self._wait = settings.download, settings.load.wait_seconds
        self._resolve, self._connect = resolve, connect
        self._judge = Judge(self._settings.allow_private, own)
        self._turns = Turns(self._settings.at_once, settings.load.queue)
        self._tls = tls or ssl.create_default_context()
        self._obs = LocalObs(settings.obs, secret_of, obs_authorised, account_of, clock)
        self._lookups: set[asyncio.Future[Sequence[str]]] = set()
        self._closed = False

    async def fetch(self, url: str, api: Api, caller: Caller) -> bytes:
        """The bytes that a URL names: at least one, at most `api.limits.max_bytes`.

        Raises:
            ServiceError: AIS.0022 or ModelArts.4601 for what is not fetched at all, AIS.0029 or
                ModelArts.4603 for what did not come, APIG.0308 when too many are fetched already; for OBS see
                `LocalObs.read`.
        """
        most = api.limits.max_bytes
        try:
            parsed = parse(url)
            if wanted := self._obs.object_of(parsed):
                return await self._obs.read(wanted, caller, most)
            self._check(parsed)
        except UrlError as error:
            raise invalid(api, str(error)) from None
        await self._take_turn(caller.user_id)
        lookup = asyncio.ensure_future(self._resolve(parsed.host, parsed.port))
        self._lookups.add(lookup)
        try:
            with anyio.fail_after(self._seconds(api)):
                return await self._download(parsed, await self._addresses(lookup), most)
        except UrlError as error:
            log.info("%s is refused", parsed.authority)
            raise invalid(api, str(error)) from None
        except wire.FAILURES as error:
            log.info("%s did not give the file: %s", parsed.authority, error or type(error).__name__)
            raise self._failed(api) from None
        finally:
            # A name that is still looked up keeps its thread, so it keeps its turn as well.
            lookup.add_done_callback(functools.partial(self._end_turn, caller.user_id))

    async def aclose(self) -> None:
        """Refuse what comes from now on, and forget names that are still looked up."""
        self._closed = True
        for lookup in tuple(self._lookups):
            lookup.cancel()

    def _check(self, url: Url) -> None:
        """What can be said before anything is looked up."""
        if self._closed or not self._settings.enabled:
            raise UrlError("pictures are not fetched by URL here")
        if url.port not in self._settings.ports:
            raise UrlError(f"the port has to be one of {', '.join(map(str, self._settings.ports))}")
        if self._settings.allow_hosts and not any(_matches(url.host, h) for h in self._settings.allow_hosts):
            raise UrlError(REFUSED)

    async def _take_turn(self, user: str) -> None:
        busy = ServiceError("APIG.0308", "too many files are fetched by URL", {"Retry-After": "1"})
        try:
            with anyio.fail_after(self._wait):
                await self._turns.take(user)
        except (NoTurn, TimeoutError):
            raise busy from None

    def _end_turn(self, user: str, lookup: asyncio.Future[Sequence[str]]) -> None:
        self._lookups.discard(lookup)
        if not lookup.cancelled():
            lookup.exception()  # whoever asked has seen it, or gave up before it came
        self._turns.give_back(user)

    async def _addresses(self, lookup: asyncio.Future[Sequence[str]]) -> list[Address]:
        """All of them; one that is not public spoils them all, and none at all looks the same."""
        with anyio.fail_after(self._settings.connect_seconds):
            found = await asyncio.shield(lookup)
        addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(found)]
        if not addresses or not all(map(self._judge.accepts, addresses)):
            raise UrlError(REFUSED)
        return addresses

    async def _download(self, url: Url, addresses: list[Address], most: int) -> bytes:
        seconds = self._settings
        made = await self._connected(addresses[:ATTEMPTS], url.port)
        async with wire.stream(made, url, self._tls, seconds.connect_seconds) as (reader, writer):
            with anyio.fail_after(seconds.first_byte_seconds):
                http = await wire.ask(url, reader, writer, most)
            return await wire.receive(http, reader, most)

    async def _connected(self, addresses: list[Address], port: int) -> socket.socket:
        """To the first address that answers, each having its part of the time that is left."""
        end = anyio.current_time() + self._settings.connect_seconds
        problem: OSError = TimeoutError()
        for n, address in enumerate(addresses):
            try:
                with anyio.fail_after((end - anyio.current_time()) / (len(addresses) - n)):
                    made = await self._connect(address, port)
            except OSError as error:
                problem = error
            else:
                wire.check_peer(made, address, port)
                return made
        raise problem

    def _seconds(self, api: Api) -> float:
        """That all of a download may take."""
        return self._settings.total_seconds if api.verb else self._settings.video_seconds

    def _failed(self, api: Api) -> ServiceError:
        """One and the same text for whatever went wrong: it says what is expected, not what was found."""
        code = "ModelArts.4603" if _second(api) else "AIS.0029"
        return ServiceError(
            code,
            "the host has to answer with status 200, without redirects, within "
            f"{self._seconds(api):g} s, with 1 to {api.limits.max_bytes:,} bytes without encoding",
        )


def invalid(api: Api, detail: str) -> ServiceError:
    return ServiceError("ModelArts.4601" if _second(api) else "AIS.0022", detail)


def _second(api: Api) -> bool:
    """Whether it is of the second generation of APIs, which has codes of its own."""
    return api.not_subscribed.startswith("ModelArts.")


def _matches(host: str, allowed: str) -> bool:
    """`allowed` is a name, or "*." and a name for everything below it."""
    allowed = allowed.lower().rstrip(".")
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
