"""JSON as the service writes it, and its errors."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import Settings


class AsciiJSON(Response):
    """Old clients read answers as if they were ASCII with escapes: everything else is written as \\uXXXX."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def error_answer(error: ServiceError, scope: Scope, settings: Settings) -> AsciiJSON:
    """The answer to the request of `scope`, and a note in it for the log."""
    state = scope.setdefault("state", {})
    state["error_code"] = error.code
    gateway = error.code.startswith("AIP.")  # these have the statuses of the reference anyway
    status = 400 if settings.legacy_status_400 and not gateway else error.status
    return AsciiJSON(error.body(state.get("request_id", "")), status, error.headers)
