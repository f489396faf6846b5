"""Whose a request is: by token, by a signature with an access key, or by the session of a browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request

from irs_engine.server.caller import Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.accounts import Accounts
from irs_engine.server.identity.browsers import COOKIE, check_change, from_elsewhere
from irs_engine.server.identity.credentials import AskedProject, Credentials
from irs_engine.server.identity.lockout import Lockout
from irs_engine.server.identity.memory import Memory
from irs_engine.server.identity.names import is_name
from irs_engine.server.identity.passwords import check_password
from irs_engine.server.identity.people import Person, Project, by_id, by_name
from irs_engine.server.identity.signature import EMPTY_HASH, SignatureError, read_signature
from irs_engine.server.identity.tokens import TOKEN_SECONDS, Issued, Tokens, digest
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store

T = TypeVar("T")
WINDOW_SECONDS = 15 * 60  # that a signature is good for, and that clocks may differ by
MISMATCH = (
    "the access key is unknown or disabled, or the signature is not that of its secret, of this request "
    "and of the host it was sent to"
)
WRONG_PASSWORD = "the account, the user or the password is wrong"


class Identity:
    """Finds out who calls; `accounts` and `tokens` are what it looks in."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.time):
        self._store, self._settings, self._clock = store, settings, clock
        self._memory = Memory(clock)
        changing = store.telling(self._memory.forget)
        self.accounts = Accounts(changing, settings, clock)
        self.tokens = Tokens(changing, clock)
        self._signatures, self._passwords = Lockout(clock), Lockout(clock)
        self._threads = CapacityLimiter(8)
        self._hashing = CapacityLimiter(2)  # of passwords: each takes 64 MiB and all of a core

    async def begin(self, request: Request) -> Credentials:
        """From the headers alone, before the body is read.

        Raises:
            ServiceError: APIG.0301, AIS.0026 or AIP.0003 for a project that is not theirs, AIS.0027.
        """
        asked = AskedProject(request)
        if self._settings.auth == "off":
            if from_elsewhere(request):
                raise ServiceError("APIG.0301", "the request comes from a page of another site")
            return Credentials(await self.in_thread(self._nobody, asked))
        if token := request.headers.get("x-auth-token"):
            found = await self._known("token", self.tokens.find, token)
            return Credentials(self._by_token(found, asked))
        if "authorization" in request.headers:
            return await self._by_signature(request, asked)
        if session := request.cookies.get(COOKIE):
            check_change(request, session)
            return Credentials(await self.in_thread(self._by_session, session, asked))
        raise ServiceError("APIG.0301", "expected X-Auth-Token, or Authorization with a signature")

    async def login(self, account: str, user: str, password: str, peer: str) -> Person:
        """Whose name and password these are.

        Args:
            account: Name or id.
            user: Name, or with an empty `account` id.
            peer: Where it is tried from.

        Raises:
            ServiceError: APIG.0301; AIS.0027 where the password is right and the account frozen.
        """
        if self._settings.auth == "off":
            return await self.in_thread(self._operator)
        return await run_sync(self._login, account, user, password, peer, limiter=self._hashing)

    async def issue_token(self, person: Person, project: Project | None) -> Issued:
        """Where authentication is off one that nobody looks at, and that nobody can use once it is on."""
        if self._settings.auth == "off":
            return Issued.of(self._clock(), TOKEN_SECONDS)
        return await self.in_thread(self.tokens.issue, person.user_id, project.id if project else None)

    async def secret_of(self, ak: str) -> str | None:
        """The secret of an access key that may be used at this moment."""
        return await self.in_thread(self.accounts.keys.secret, ak) if is_name(ak) else None

    async def account_of(self, ak: str) -> str | None:
        """The name of the account whose access key it is."""
        found = await self.in_thread(self.accounts.keys.find, ak)
        return found.person.account_name if found.person else None

    async def in_thread(self, function: Callable[..., T], *args: object) -> T:
        """For whatever waits for the database."""
        return await run_sync(function, *args, limiter=self._threads)

    async def hashing(self, function: Callable[..., T], *args: object) -> T:
        """For whatever hashes a password."""
        return await run_sync(function, *args, limiter=self._hashing)

    async def _known(self, kind: str, find: Callable[[str], T], secret: str) -> T:
        """What `find` finds, or has found a moment ago."""
        key = digest(f"{kind} {secret}")
        remembered = self._memory.get(key)
        return remembered[0] if remembered else await self.in_thread(self._memory.ask, key, find, secret)

    def _by_token(self, found: tuple[Person, Project | None] | None, asked: AskedProject) -> Caller:
        if found is None or not found[0].enabled:
            raise ServiceError("APIG.0301", "the token is unknown, or has expired")
        person, project = _thawed(found[0]), found[1]
        if asked.path is not None and project is None:
            raise ServiceError("AIS.0026")
        if asked.path not in (None, project and project.id):
            raise ServiceError("AIP.0003", "the project of the path is not that of the token")
        return person.caller("token", project)

    def _by_session(self, session: str, asked: AskedProject) -> Caller:
        found = self.tokens.find_session(session)
        if found is None or not found[0].enabled:
            raise ServiceError("APIG.0301", "the session has ended")
        person, projects = found
        return _thawed(person).caller("session", asked.among(projects, self._settings.region))

    def _operator(self) -> Person:
        found = self.accounts.operator()
        if found is None:
            self.accounts.create_operator()
            found = self.accounts.operator()
            assert found
        return found

    def _nobody(self, asked: AskedProject) -> Caller:
        """Where authentication is off everybody is the operator, in any project."""
        person = _thawed(self._operator())
        projects = self.accounts.projects(person.account_id)
        named = asked.path or asked.header
        if named and is_name(named) and named not in {project.id for project in projects}:
            return person.caller("nobody", Project(named, self._settings.region, person.account_id))
        return person.caller("nobody", asked.among(projects, self._settings.region))

    async def _by_signature(self, request: Request, asked: AskedProject) -> Credentials:
        scope = request.scope
        try:
            signed = read_signature(
                request.method, scope["raw_path"], scope["query_string"], list(scope["headers"])
            )
        except SignatureError as error:
            raise ServiceError("APIG.0301", str(error)) from None
        now = self._clock()
        if abs(now - signed.seconds) > WINDOW_SECONDS:
            here = datetime.fromtimestamp(now, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
            raise ServiceError("APIG.0301", f"X-Sdk-Date is over 15 minutes off; the clock here says {here}")
        who = (signed.access_key, peer_of(request))
        _check_lock(self._signatures.locked(who))
        found = await self._known("key", self.accounts.keys.find, signed.access_key)

        def check(digest: str) -> Caller:
            if not (signed.covers(found.secret, digest) & found.usable) or found.person is None:
                self._signatures.failed(who)
                raise ServiceError("APIG.0301", MISMATCH)
            self._signatures.succeeded(who)
            return _thawed(found.person).caller("key", asked.among(found.projects, self._settings.region))

        credentials = Credentials(check=check)
        headers = request.headers
        if "transfer-encoding" not in headers and headers.get("content-length", "0") == "0":
            credentials.check_digest(EMPTY_HASH)
        elif signed.payload and not signed.matches(found.secret, signed.payload):
            check("")  # nothing that the body could be would help
        return credentials

    def _login(self, account: str, user: str, password: str, peer: str) -> Person:
        who = (account if is_name(account) else "", user if is_name(user) else "", peer)
        _check_lock(self._passwords.locked(who))  # here: few are in here at once, however many ask
        with self._store.read() as connection:
            found = None
            if is_name(user) and not account:
                found = by_id(connection, user)
            elif is_name(user) and is_name(account):
                found = by_name(connection, account, user)
        right = check_password(found[1]["password"] if found else None, password)
        if found is None or not (right & found[0].enabled):
            self._passwords.failed(who)
            raise ServiceError("APIG.0301", WRONG_PASSWORD)
        self._passwords.succeeded(who)
        return _thawed(found[0])


def _check_lock(seconds: float) -> None:
    if seconds:
        wait = {"Retry-After": str(int(seconds) + 1)}
        raise ServiceError("APIG.0301", "too many failures in a row: wait five minutes", wait)


def _thawed(person: Person) -> Person:
    if person.frozen:
        raise ServiceError("AIS.0027")
    return person


def peer_of(request: Request) -> str:
    return request.client.host if request.client else ""
