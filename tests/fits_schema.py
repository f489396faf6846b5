"""Whether JSON is as a schema says: what is used of JSON Schema here, and an error for anything else."""

from __future__ import annotations

import re
from typing import Any

KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
WORDS = {
    *(
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "const",
        "pattern",
        "minimum",
        "maximum",
        "maxLength",
    ),
    *("description", "default", "format", "examples", "contentEncoding", "contentMediaType", "anyOf"),
}


def resolve(document: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Follow a $ref; KeyError where it leads nowhere."""
    while "$ref" in given:
        found: Any = document
        for part in given["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        given = found
    return given


def misfits(document: dict[str, Any], schema: dict[str, Any], value: Any, at: str = "$") -> list[str]:
    """What is wrong with the value, and where; properties that the schema has not are wrong too."""
    schema = resolve(document, schema)
    assert schema.keys() <= WORDS, f"{at}: not understood: {schema.keys() - WORDS}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [f"{at}: {value!r:.60} is no {' or '.join(kinds)}"]
    wrong = []
    if "enum" in schema and value is not None and not isinstance(value, list) and value not in schema["enum"]:
        wrong.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        wrong.append(f"{at}: {value!r} is not like {schema['pattern']}")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        wrong += [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        wrong += [f"{at}.{name} is not described" for name in value if name not in known]
        for name in value.keys() & known.keys():
            wrong += misfits(document, known[name], value[name], f"{at}.{name}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            wrong += misfits(document, schema["items"], item, f"{at}[{index}]")
    return wrong


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):  # an int to Python, not to JSON
        return kind == "boolean"
    return isinstance(value, KINDS[kind])  # type: ignore[arg-type]
