"""What a request shows of whose it is, and of which project."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from starlette.requests import Request

from irs_engine.server.caller import Caller
from irs_engine.server.errors import ServiceError
from irs_engine.server.identity.people import Project


class Credentials:
    """What a request shows of whose it is.

    A signature covers the body: until that has been read and checked nobody knows who calls, and `caller`
    raises. What was signed without a body, and whatever is no signature, is checked from the start.
    """

    def __init__(self, caller: Caller | None = None, check: Callable[[str], Caller] | None = None):
        self._caller, self._check = caller, check

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            raise ServiceError("APIG.0301", "a body is not expected here")
        return self._caller

    def check_body(self, body: bytes) -> None:
        """Of 12 MB some 10 ms: for large ones use a thread.

        Raises:
            ServiceError: The request is not signed as it has to be, or its account is frozen.
        """
        if self._check:
            self.check_digest(hashlib.sha256(body).hexdigest())

    def check_digest(self, digest: str) -> None:
        """The same, with the SHA-256 of the body, for those who read it piece by piece."""
        if self._check:
            self._caller = self._check(digest)


class AskedProject:
    """The project that a request is about, where it says so: in its path, or in a header of the SDK's."""

    def __init__(self, request: Request):
        self.path: str | None = request.path_params.get("project_id")
        self.header: str | None = request.headers.get("x-project-id")

    def among(self, projects: list[Project], region: str) -> Project | None:
        """Of those of an account; when none is asked for that of the region."""
        asked = {id for id in (self.path, self.header) if id}
        found = [project for project in projects if project.id in asked]
        if len(asked) > len(found) or len(found) > 1:
            raise ServiceError("AIP.0003", "the project is not one of the account")
        return next(iter(found or [project for project in projects if project.name == region]), None)
