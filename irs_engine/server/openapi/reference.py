"""The reference as a page: the OpenAPI document in HTML, made here, readable offline and without scripts."""

from __future__ import annotations

import functools
import json
from html import escape
from typing import Any

from irs_engine.server.errors import CODES
from irs_engine.server.openapi.spec import document

METHODS = ("get", "post", "put", "patch", "delete")


@functools.cache
def page() -> str:
    spec = document()
    groups = [(tag["name"], tag["description"], _operations(spec, tag["name"])) for tag in spec["tags"]]
    contents = "".join(
        f'<li><a href="#{_anchor(name)}">{escape(name)}</a><ul>'
        + "".join(
            f'<li><a href="#{_anchor(o["operationId"])}">{escape(o["summary"])}</a></li>' for *_, o in found
        )
        + "</ul></li>"
        for name, _, found in groups
    )
    sections = "".join(
        f'<section aria-labelledby="{_anchor(name)}"><h2 id="{_anchor(name)}">{escape(name)}</h2>'
        f"<p>{escape(description)}</p>{''.join(_operation(spec, *one) for one in found)}</section>"
        for name, description, found in groups
    )
    info = spec["info"]
    return f"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>API reference · irs_engine</title>
  <link rel="stylesheet" href="/reference.css">
</head>
<body>
<header><a href="/">irs_engine</a> <span>{escape(info["version"])}</span></header>
<nav aria-label="Contents"><ul>{contents}<li><a href="#errors">Errors</a></li></ul></nav>
<main>
<h1>API reference</h1>
<p>{escape(info["description"])}</p>
<p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>
{_authentication(spec)}
{sections}
<section aria-labelledby="errors"><h2 id="errors">Errors</h2>{_errors()}</section>
</main>
</body>
</html>
"""


def _operations(spec: dict[str, Any], tag: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operations[method])
        for path, operations in spec["paths"].items()
        for method in METHODS
        if method in operations and operations[method]["tags"] == [tag]
    ]


def _anchor(name: str) -> str:
    return escape(name.lower().replace(" ", "-"))


def _authentication(spec: dict[str, Any]) -> str:
    rows = [
        (f"<code>{escape(scheme['name'])}</code>", escape(scheme["description"]))
        for scheme in spec["components"]["securitySchemes"].values()
    ]
    return f"<h2 id=authentication>Authentication</h2>{_table(('One of', ''), rows)}"


def _operation(spec: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    anchor = _anchor(operation["operationId"])
    parts = [
        f'<h3 id="{anchor}">{escape(operation["summary"])}</h3>',
        f'<p class="path"><b class="{method}">{method.upper()}</b> <code>{escape(path)}</code></p>',
    ]
    if operation.get("deprecated"):
        parts.append("<p><i>Deprecated, and answered as ever.</i></p>")
    if operation.get("description"):
        parts.append(f"<p>{escape(operation['description'])}</p>")
    if operation.get("security") == []:
        parts.append("<p>Without authentication.</p>")
    if parameters := operation.get("parameters"):
        resolved = [_resolve(spec, parameter) for parameter in parameters]
        rows = [
            (f"<code>{escape(p['name'])}</code>", _kind(spec, p["schema"]), escape(p.get("description", "")))
            for p in resolved
        ]
        parts.append(_table(("In the address", "Is", ""), rows))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(_schema(spec, f"Body, <code>{escape(kind)}</code>", content["schema"]))
    parts += [
        _response(spec, status, _resolve(spec, answer)) for status, answer in operation["responses"].items()
    ]
    return f'<article aria-labelledby="{anchor}">{"".join(parts)}</article>'


def _response(spec: dict[str, Any], status: str, answer: dict[str, Any]) -> str:
    if status == "default":
        return '<p class="fails">Failures: <a href="#errors">errors</a>.</p>'
    content = answer.get("content", {}).get("application/json")
    title = f"Answer {status}"
    if not content:
        return f"<h4>{title}</h4><p>{escape(answer['description'])}</p>"
    return f"<p>{escape(answer['description'])}</p>" + _schema(spec, title, content["schema"])


def _schema(spec: dict[str, Any], title: str, schema: dict[str, Any]) -> str:
    rows = [*_rows(spec, schema, "")]
    return f"<h4>{title}</h4>" + (_table(("Name", "Is", ""), rows) if rows else "")


def _rows(spec: dict[str, Any], schema: dict[str, Any], prefix: str) -> list[tuple[str, str, str]]:
    """Properties at all depths: `tags[].i18n_tag.zh`."""
    schema = _resolve(spec, schema)
    if schema.get("type") == "array":
        return _rows(spec, schema["items"], f"{prefix}[]")
    found = []
    for name, given in schema.get("properties", {}).items():
        one = _resolve(spec, given)
        path = f"{prefix}.{name}" if prefix else name
        needed = name in schema.get("required", ())
        words = escape(one.get("description", ""))
        found.append(
            (f"<code>{escape(path)}</code>", _kind(spec, one) + ("" if needed else ", optional"), words)
        )
        found += _rows(spec, one, path)
    return found


def _kind(spec: dict[str, Any], schema: dict[str, Any]) -> str:
    """In words: "number, 0 to 100, else 60"."""
    schema = _resolve(spec, schema)
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        words = f"array of {_resolve(spec, schema['items']).get('type', 'any')}s"
    if "enum" in schema:
        words = " or ".join(json.dumps(value) for value in schema["enum"])
    if "minimum" in schema and "maximum" in schema:
        words += f", {schema['minimum']:g} to {schema['maximum']:g}"
    if "default" in schema:
        words += f", else {json.dumps(schema['default'])}"
    return escape(words, quote=False)


def _resolve(spec: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    while reference := given.get("$ref"):
        found: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        given = found
    return given


def _errors() -> str:
    rows = [(f"<code>{code}</code>", str(status), escape(text)) for code, (status, text) in CODES.items()]
    return _table(("Code", "Status", "Meaning"), rows)


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    top = "".join(f"<th scope=col>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="group" aria-label="Table">{table}</div>'
