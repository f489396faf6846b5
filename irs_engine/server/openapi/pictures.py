"""The APIs on pictures as OpenAPI operations, derived from `apis.py`."""

from __future__ import annotations

from typing import Any

from irs_engine.registry import Parameter, get_operator
from irs_engine.server.apis import APIS, BASE64_CHARACTERS, Api
from irs_engine.server.openapi.schemas import PICTURE, SCHEMAS, Schema, items, record, reference, text

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
TAG, ABOUT = "Pictures", "One picture in, what is known of it out."
DEPRECATED = frozenset({"image-tagging-v1"})
MORE = {  # what the service takes, and the engine knows nothing of
    "recapture-detect": {
        "scene": {
            **items(text(enum=["recapture"]), "All there are by default."),
            "type": ["array", "null"],
        }
    }
}
SUMMARIES = {"bgm-recognition": "Name the music in a video."}  # no verb of the engine has it


def operations() -> dict[str, dict[str, Any]]:
    """Paths, each with its method and operation."""
    return {path: {"post": _operation(api, path)} for api in APIS for path in api.paths}


def parameter_schema(parameter: Parameter) -> Schema:
    found: Schema = {"type": _TYPES[parameter.type], "default": parameter.default}
    if parameter.help:
        found["description"] = parameter.help
    if parameter.choices:
        found["enum"] = list(parameter.choices)
    if parameter.range:
        found |= {"minimum": parameter.range.low, "maximum": parameter.range.high}
    return found


def _operation(api: Api, path: str) -> dict[str, Any]:
    number = api.paths.index(path)
    found: dict[str, Any] = {
        "operationId": api.name + (f"-{number + 1}" if number else ""),
        "tags": [TAG],
        "summary": api.title + (f" (V{number + 1})" if number else ""),
        "description": _summary(api),
        "x-irs-api": api.name,
        "x-irs-service": api.service,
        "requestBody": {"required": True, "content": _bodies(api)},
        "responses": {"200": _success(api), "default": {"$ref": "#/components/responses/Failure"}},
    }
    if api.sources != ("url",):
        found["x-irs-limits"] = {
            "bytes": api.limits.max_bytes,
            "pixels": api.limits.max_pixels,
            "shortest_side": api.limits.min_side,
            "longest_side": api.limits.max_side,
            "formats": list(api.limits.formats),
        }
    if "{project_id}" in path:
        found["parameters"] = [{"$ref": "#/components/parameters/ProjectId"}]
    if api.name in DEPRECATED:
        found["deprecated"] = True
    return found


def _summary(api: Api) -> str:
    return get_operator(api.verb).summary if api.verb else SUMMARIES[api.name]


def _bodies(api: Api) -> dict[str, Any]:
    options = {p.name: parameter_schema(p) for p in api.parameters} | MORE.get(api.name, {})
    formats = ", ".join(api.limits.formats)
    sources: dict[str, Schema] = {}
    if "image" in api.sources:
        sources["image"] = text(
            f"A picture ({formats}) in base64, at most {BASE64_CHARACTERS // 2**20} MB of it.",
            contentEncoding="base64",
            maxLength=BASE64_CHARACTERS,
        )
    if "url" in api.sources:
        what = "a picture" if "image" in api.sources else "a video"
        sources["url"] = text(
            f"Where {what} can be fetched: http, https or OBS.", format="uri", maxLength=2048
        )
    body: Schema = {"type": "object", "properties": sources | options}
    if len(sources) == 1:
        body["required"] = list(sources)
    else:
        body["anyOf"] = [{"required": [name]} for name in sources]
    found = {"application/json": {"schema": body}}
    if "file" in api.sources:
        file = text(f"The picture ({formats}), at most 7.5 MB.", contentMediaType="application/octet-stream")
        form = {"type": "object", "properties": {"file": file, **options}, "required": ["file"]}
        found["multipart/form-data"] = {"schema": form}
    return found


def _success(api: Api) -> dict[str, Any]:
    result = reference(api.name) if api.name in SCHEMAS else PICTURE
    content: dict[str, Any] = {"application/json": {"schema": record(result=result)}}
    description = "The result."
    if "file" in api.sources:
        description = "The picture: in JSON when JSON was sent, else as a file of the format that was sent."
        for name in api.limits.formats:
            content[f"image/{name.lower()}"] = {"schema": {"contentMediaType": f"image/{name.lower()}"}}
    return {"description": description, "content": content}
