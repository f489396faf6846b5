"""Tokens of programs and sessions of browsers: random, and kept as their SHA-256 alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from irs_engine.server.identity import people
from irs_engine.server.identity.people import Person, Project
from irs_engine.server.identity.tables import sessions, tokens
from irs_engine.server.store import Store

TOKEN_SECONDS = 24 * 3600
SESSION_SECONDS = 12 * 3600
BYTES = 32  # of chance
LONGEST = 128  # characters that are looked at


@dataclass(frozen=True, slots=True)
class Issued:
    """What its owner is given, once."""

    secret: str = field(repr=False)
    issued: float  # seconds since 1970
    expires: float

    @classmethod
    def of(cls, now: float, seconds: float) -> Issued:
        return cls(secrets.token_urlsafe(BYTES), now, now + seconds)


class Tokens:
    """The tokens and sessions of all users."""

    def __init__(self, store: Store, clock: Callable[[], float]):
        self._store, self._clock = store, clock

    def issue(self, user_id: str, project_id: str | None) -> Issued:
        """A token for one project, or for none. Others of the user go on."""
        return self._issue(tokens, TOKEN_SECONDS, user_id=user_id, project_id=project_id)

    def open_session(self, user_id: str) -> Issued:
        return self._issue(sessions, SESSION_SECONDS, user_id=user_id)

    def close_session(self, secret: str) -> None:
        with self._store.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.digest == digest(secret)))

    def find(self, secret: str) -> tuple[Person, Project | None] | None:
        """Whose token it is and for which project; None where it is not one, or no more."""
        with self._store.read() as connection:
            found = people.by_token(connection, digest(secret))
        if found is None or found[1]["expires"] <= self._clock():
            return None
        person, row = found
        if row["project_id"] is None:
            return person, None
        return person, Project(row["project_id"], row["project_name"], person.account_id)

    def find_session(self, secret: str) -> tuple[Person, list[Project]] | None:
        """Whose session it is, and the projects of the account; None where it is not one, or no more."""
        with self._store.read() as connection:
            found = people.by_session(connection, digest(secret))
            if found is None or found[1]["expires"] <= self._clock():
                return None
            return found[0], people.projects_of(connection, found[0].account_id)

    def _issue(self, table: sa.Table, seconds: float, **row: str | None) -> Issued:
        made = Issued.of(self._clock(), seconds)
        with self._store.write() as connection:
            connection.execute(table.delete().where(table.c.expires <= made.issued))
            connection.execute(
                table.insert().values(
                    digest=digest(made.secret), issued=made.issued, expires=made.expires, **row
                )
            )
        return made


def digest(secret: str) -> str:
    return hashlib.sha256(secret[:LONGEST].encode("utf-8", "replace")).hexdigest()


def csrf_token(session: str) -> str:
    """What a page of this server knows of its session and no other page can: sent along with every change."""
    return hmac.new(session.encode("utf-8", "replace"), b"csrf", hashlib.sha256).hexdigest()


def end_of_tokens(connection: Connection, user_id: str) -> None:
    connection.execute(tokens.delete().where(tokens.c.user_id == user_id))


def end_of_sessions(connection: Connection, user_id: str) -> None:
    connection.execute(sessions.delete().where(sessions.c.user_id == user_id))
