"""JSON as the service writes it."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


class AsciiJSON(Response):
    """Old clients read answers as if they were ASCII with escapes: everything else is written as \\uXXXX."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
