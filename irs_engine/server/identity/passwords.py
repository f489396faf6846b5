"""Passwords: argon2id, and as much work for a user that does not exist as for one that does."""

from __future__ import annotations

import functools
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from irs_engine.server.identity.problems import AccountError

LENGTH = range(8, 129)  # characters

_hasher = PasswordHasher()  # argon2id, 64 MiB: as RFC 9106 advises where memory is scarce


def hash_password(password: str) -> str:
    """Takes tens of milliseconds, as it has to.

    Raises:
        AccountError: It is too short or too long.
    """
    if len(password) < LENGTH.start or not _plain(password):
        raise AccountError("AIP.0012", f"password: expected {LENGTH.start} to {LENGTH.stop - 1} characters")
    return _hasher.hash(password)


def check_password(hashed: str | None, password: str) -> bool:
    """Whether it is the one; None stands for that of a user that has none, or is not there."""
    if not _plain(password):  # nobody's, nor is anybody kept busy with megabytes of it
        return False
    try:
        return _hasher.verify(hashed or _nobodys(), password) and hashed is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


def _plain(password: str) -> bool:
    """Short enough, and text: JSON can also carry halves of characters."""
    return len(password) < LENGTH.stop and not any("\ud800" <= letter <= "\udfff" for letter in password)


@functools.cache
def _nobodys() -> str:
    return _hasher.hash("a password that opens nothing")


def new_password() -> str:
    return secrets.token_urlsafe(15)
