"""The OpenAPI 3.1 document of everything that this service answers."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from irs_engine.server.openapi import management, pictures
from irs_engine.server.openapi.endpoint import TAGS
from irs_engine.server.openapi.schemas import SCHEMAS, reference, text

DESCRIPTION = (
    "Local image recognition, with the REST API of the cloud service: tags with boxes, recapture detection, "
    "enhancement of dark and foggy pictures, super resolution. Every call is made with a token, signed with "
    "an access key, or comes from the console's session."
)
SECURITY: dict[str, dict[str, Any]] = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Auth-Token",
        "description": "Of a project, valid for 24 hours: POST /v3/auth/tokens.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "SDK-HMAC-SHA256 Access=AK, SignedHeaders=..., Signature=..., as every SDK signs.",
    },
}


@functools.cache
def document() -> dict[str, Any]:
    """The same for every server of this version; not to be changed."""
    try:
        release = version("irs-engine")
    except PackageNotFoundError:
        release = "0"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "irs_engine",
            "version": release,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY],
        "tags": [
            {"name": name, "description": about}
            for name, about in {pictures.TAG: pictures.ABOUT, **TAGS}.items()
        ],
        "paths": pictures.operations() | management.operations(),
        "components": {
            "securitySchemes": SECURITY,
            "schemas": SCHEMAS,
            "parameters": {
                "ProjectId": {
                    "name": "project_id",
                    "in": "path",
                    "required": True,
                    "description": "Of a project of the caller's account: GET /v3/projects.",
                    "schema": text(pattern="^[0-9a-zA-Z_-]{1,64}$"),
                }
            },
            "responses": {
                "Failure": {
                    "description": "A code and what it means.",
                    "headers": {"X-Request-Id": {"schema": text()}},
                    "content": {"application/json": {"schema": reference("Error")}},
                },
                "IamFailure": {
                    "description": "What went wrong.",
                    "content": {"application/json": {"schema": reference("IamError")}},
                },
            },
        },
    }
