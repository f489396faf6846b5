"""What accounts, users and groups may be called."""

from __future__ import annotations

import re
import uuid

from irs_engine.server.identity.problems import AccountError

NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}")

ID = re.compile(r"[0-9a-f]{32}")


def checked_name(name: str) -> str:
    if not is_name(name):
        raise AccountError("AIP.0012", f"name {name!r}: expected up to 64 letters, digits, _, . and -")
    if ID.fullmatch(name):  # or one account could pass for another
        raise AccountError("AIP.0012", f"name {name!r}: looks like an id")
    return name


def is_name(text: str) -> bool:
    """Nothing else is looked for: databases have errors of their own for zeros and halves of characters."""
    return NAME.fullmatch(text) is not None


def new_id() -> str:
    return uuid.uuid4().hex
