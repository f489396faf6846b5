"""JSON objects as clients send them."""

from __future__ import annotations

import json
from typing import Any

from irs_engine.server.errors import ServiceError


def json_object(body: bytes) -> dict[str, Any]:
    """UTF-8, with or without a byte order mark.

    Raises:
        ServiceError: AIS.0014.
    """
    try:
        found = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError):  # ValueError: bad UTF-8 and numbers of thousands of digits too
        raise ServiceError("AIS.0014") from None
    if not isinstance(found, dict):
        raise ServiceError("AIS.0014", "expected an object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
