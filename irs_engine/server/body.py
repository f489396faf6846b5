"""The body of a request: JSON or a form with a file, and in it the picture and the options of an API.

As lenient as the service is with its own old clients: numbers may be strings, "" and null as if not given,
`limit` -1 is the default, base64 may have line breaks, unknown keys are ignored.
"""

from __future__ import annotations

import binascii
import math
from dataclasses import dataclass
from typing import Any

import pybase64
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header

from irs_engine.registry import Parameter
from irs_engine.server.apis import BASE64_CHARACTERS, FILE_BYTES, Api
from irs_engine.server.errors import ServiceError
from irs_engine.server.objects import json_object

MAX_FIELDS = 32
WHITESPACE = str.maketrans("", "", " \t\r\n")


@dataclass(frozen=True)
class Body:
    """What a request asks for."""

    options: dict[str, Any]  # of the verb, all of them
    data: bytes | None  # of the picture; None: it has to be fetched from
    url: str
    form: bool  # the picture came as a file and goes as one


def read(api: Api, content_type: str, body: bytes, strict: bool = False) -> Body:
    """The body of a call.

    Args:
        strict: Refuse values out of range where the reference is silent.

    Raises:
        ServiceError: With the code of what is wrong.
    """
    kind, parts = parse_options_header(content_type)
    if kind == b"application/json":
        values, file = json_object(body), None
    elif kind == b"multipart/form-data" and "file" in api.sources:
        values, file = _form(body, parts.get(b"boundary", b""))
    else:
        accepted = "application/json" + (" or multipart/form-data" if "file" in api.sources else "")
        raise ServiceError("AIS.0010", f"Content-Type: expected {accepted}")
    options = {p.name: option(p, values.get(p.name), api, strict) for p in api.parameters}
    _check_scene(values.get("scene"))
    if text := _text(values, "image") if "image" in api.sources else "":
        return Body(options, decode_base64(text), "", form=False)
    if file:
        if len(file) > FILE_BYTES:
            raise ServiceError("AIS.0020", f"file: {len(file):,} bytes, at most {FILE_BYTES:,} are accepted")
        return Body(options, file, "", form=True)
    if url := _text(values, "url") if "url" in api.sources else "":
        return Body(options, None, url, form=False)
    raise ServiceError("AIS.0011", f"expected {' or '.join(api.sources)}")


def decode_base64(text: str) -> bytes:
    """Base64 with or without line breaks.

    Raises:
        ServiceError: AIS.0015 or AIS.0020.
    """
    if len(text) <= BASE64_CHARACTERS and (data := _decoded(text)) is not None:
        return data
    text = text.translate(WHITESPACE)  # takes longer than all the rest, and hardly anybody needs it
    if len(text) > BASE64_CHARACTERS:
        raise ServiceError(
            "AIS.0020", f"image: {len(text):,} characters, at most {BASE64_CHARACTERS:,} are accepted"
        )
    data = _decoded(text)
    if data is None:
        raise ServiceError("AIS.0015", "image")
    return data


def _decoded(text: str) -> bytes | None:
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # ValueError: characters beyond ASCII
        return None


def option(parameter: Parameter, value: Any, api: Api, strict: bool) -> Any:
    """The value of a parameter as its type; its default where it is not given, or out of range."""
    if value is None or value == "" or (parameter.name == "limit" and value in (-1, "-1")):
        return parameter.default
    found = _converted(parameter, value)
    if found is None or (parameter.choices and found not in parameter.choices):
        raise ServiceError("AIS.0203", f"{parameter.name}: expected {parameter.accepts}")
    bounds = parameter.range
    if bounds is None or bounds.low <= found <= bounds.high:
        return found
    if parameter.name in api.exact or (strict and parameter.name not in api.defaulting):
        raise ServiceError("AIS.0203", f"{parameter.name}: expected {parameter.accepts}")
    return parameter.default


def _converted(parameter: Parameter, value: Any) -> Any:
    """None where it is nothing of that type."""
    if parameter.type is bool:
        words = {"true": True, "false": False, "1": True, "0": False}
        return words.get(str(value).lower()) if isinstance(value, (bool, str, int)) else None
    if parameter.type is str:
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # OverflowError: an integer of hundreds of digits
        return None
    if math.isnan(number):
        return None
    if parameter.type is float or math.isinf(number):  # that is out of every range
        return number
    return int(number) if number.is_integer() else None


def _form(body: bytes, boundary: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Fields as strings, and the first file called "file"."""
    values: dict[str, Any] = {}
    files: list[bytes] = []

    def on_field(field: Any) -> None:
        if len(values) >= MAX_FIELDS:
            raise ServiceError("AIS.0203", f"more than {MAX_FIELDS} fields")
        name = (field.field_name or b"").decode("utf-8", "replace")
        values[name] = (field.value or b"").decode("utf-8", "replace")

    def on_file(file: Any) -> None:
        if file.field_name == b"file" and not files:
            file.file_object.seek(0)
            files.append(file.file_object.read())
        file.close()

    if not boundary:
        raise ServiceError("AIS.0010", "Content-Type: multipart/form-data without a boundary")
    try:
        # Whatever a request may hold stays in memory: nothing is written to a disk on the way.
        memory = {"MAX_MEMORY_FILE_SIZE": len(body) + 1}
        parser = FormParser("multipart/form-data", on_field, on_file, boundary=boundary, config=memory)
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise ServiceError("AIS.0011", "the form is malformed") from None
    return values, files[0] if files else None


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ServiceError("AIS.0203", f"{name}: expected a string")
    return value.strip()


def _check_scene(scene: Any) -> None:
    """Of recapture detection: the only one there is, in any of the forms that clients send."""
    if isinstance(scene, str):  # curl samples send "['recapture']"
        scene = [word for word in scene.strip("[]").replace('"', "'").replace("'", "").split(",") if word]
    known = scene is None or (isinstance(scene, list) and all(s == "recapture" for s in scene))
    if not known:
        raise ServiceError("AIS.0012", "scene: only recapture is known")
