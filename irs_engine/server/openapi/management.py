"""The endpoints that are not about pictures as OpenAPI operations."""

from __future__ import annotations

import re
from typing import Any

from irs_engine.server.openapi import album, business, identity
from irs_engine.server.openapi.endpoint import IDENTITY, Endpoint
from irs_engine.server.openapi.schemas import Schema, text

PROJECT_ID = {"$ref": "#/components/parameters/ProjectId"}


def operations() -> dict[str, dict[str, Any]]:
    """Paths, each with its methods and operations."""
    found: dict[str, dict[str, Any]] = {}
    for (method, path), endpoint in (identity.ENDPOINTS | business.ENDPOINTS | album.ENDPOINTS).items():
        found.setdefault(path, {})[method.lower()] = _operation(method, path, endpoint)
    return found


def _operation(method: str, path: str, endpoint: Endpoint) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", path)
    parameters = [
        PROJECT_ID
        if name == "project_id"
        else {"name": name, "in": "path", "required": True, "schema": text()}
        for name in names
    ] + [
        {"name": name, "in": "query", "description": schema.get("description", ""), "schema": schema}
        for name, schema in (endpoint.query or {}).items()
    ]
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "-", f"{method}{path}").strip("-").lower(),
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "responses": {
            str(endpoint.status): _answer(endpoint),
            "default": {"$ref": f"#/components/responses/{'Iam' if endpoint.tag == IDENTITY else ''}Failure"},
        },
    }
    if parameters:
        found["parameters"] = parameters
    if endpoint.body:
        found["requestBody"] = {
            "required": bool(endpoint.body.get("required")),
            "content": _json(endpoint.body) | (_form(endpoint.body) if endpoint.form else {}),
        }
    if endpoint.open:
        found["security"] = []
    return found


def _form(body: Schema) -> dict[str, Any]:
    """The same with the picture as a file."""
    file = text("The picture, at most 7.5 MB.", contentMediaType="application/octet-stream")
    options = {name: schema for name, schema in body["properties"].items() if name != "image"}
    form = {"type": "object", "properties": {"file": file, **options}, "required": ["file"]}
    return {"multipart/form-data": {"schema": form}}


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.answers_in.startswith("image/"):
        return {"description": "The picture.", "content": {endpoint.answers_in: {}}}
    if endpoint.answers_in:
        return {"description": "Lines of text.", "content": {endpoint.answers_in: {"schema": text()}}}
    if endpoint.answer is None:
        return {"description": "Done."}
    return {"description": endpoint.answer.get("description", ""), "content": _json(endpoint.answer)}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
