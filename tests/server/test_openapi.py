"""The OpenAPI document: whole, and of exactly what the service has."""

import re

import pytest

pytest.importorskip("starlette", reason="needs irs-engine[server]")

from fits_schema import WORDS, misfits, resolve
from starlette.applications import Starlette
from starlette.testclient import TestClient

from irs_engine.server import album, business, calls, health, identity, openapi
from irs_engine.server.apis import APIS
from irs_engine.server.errors import CODES, ServiceError

DOCUMENT = openapi.document()
OPERATIONS = [
    (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


@pytest.fixture(scope="module")
def client():
    with TestClient(Starlette(routes=openapi.routes)) as client:
        yield client


def schemas(node):
    """All of them, at any depth."""
    if isinstance(node, dict):
        if "type" in node and isinstance(node["type"], (str, list)) and node["type"] != "apiKey":
            yield node
        for value in node.values():
            yield from schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas(value)


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_route_is_described_and_nothing_else():
    routes = [
        *calls.routes(),
        *identity.iam_routes,
        *identity.management_routes,
        *business.routes,
        *album.routes,
        *health.routes,
    ]
    served = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}
    assert {(method, path) for method, path, _ in OPERATIONS} == served


def test_it_is_served_as_it_is(client):
    answer = client.get("/openapi.json")
    assert answer.json() == DOCUMENT and answer.text.isascii()
    assert answer.headers["Content-Type"] == "application/json"
    assert re.fullmatch(r"3\.1\.\d", DOCUMENT["openapi"])


def test_operations_are_whole():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    known = {tag["name"] for tag in DOCUMENT["tags"]}
    for method, path, operation in OPERATIONS:
        assert set(operation["tags"]) <= known and operation["summary"], path
        parameters = [resolve(DOCUMENT, parameter) for parameter in operation.get("parameters", ())]
        in_path = {p["name"] for p in parameters if p["in"] == "path" and p["required"]}
        assert in_path == set(re.findall(r"\{(\w+)\}", path))
        success = [status for status in operation["responses"] if status != "default"]
        assert len(success) == 1 and success[0][0] == "2" and "default" in operation["responses"]
        assert method != "GET" or "requestBody" not in operation


def test_references_lead_somewhere():
    found = [*references(DOCUMENT)]
    assert len(found) > 20
    assert all(resolve(DOCUMENT, reference) for reference in found)


def test_schemas_make_sense():
    found = [*schemas(DOCUMENT["paths"]), *schemas(DOCUMENT["components"])]
    assert len(found) > 200
    for schema in found:
        assert schema.keys() <= WORDS, schema
        assert set(schema.get("required", ())) <= schema.get("properties", {}).keys()
        assert ("items" in schema) == ("array" in schema["type"])
        if "default" in schema:
            assert misfits(DOCUMENT, schema, schema["default"]) == []


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_parameters_are_those_of_the_service(api):
    for path in api.paths:
        operation = DOCUMENT["paths"][path]["post"]
        assert (operation["x-irs-api"], operation["x-irs-service"]) == (api.name, api.service)
        for content in operation["requestBody"]["content"].values():
            properties = content["schema"]["properties"]
            for parameter in api.parameters:
                described = properties[parameter.name]
                assert described["default"] == parameter.default
                assert tuple(described.get("enum", ())) == parameter.choices
                if parameter.range:
                    bounds = described["minimum"], described["maximum"]
                    assert bounds == (parameter.range.low, parameter.range.high)
        sources = properties.keys() & {"image", "url", "file"}
        forms = "multipart/form-data" in operation["requestBody"]["content"]
        assert sources <= set(api.sources) and forms == ("file" in api.sources)


@pytest.mark.parametrize("code", CODES)
def test_errors_are_as_described(code):
    error = DOCUMENT["components"]["schemas"]["Error"]
    assert misfits(DOCUMENT, error, ServiceError(code, "what was given").body("0123")) == []
    assert code in error["properties"]["error_code"]["examples"]


def test_the_reference_has_it_all(client):
    answer = client.get("/reference")
    assert answer.status_code == 200 and "<script" not in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]  # so none: default-src is 'none'
    anchors = re.findall(r'\sid="?([^"\s>]+)', answer.text)
    assert len(anchors) == len(set(anchors))
    assert {link for link in re.findall(r'href="#([^"]+)"', answer.text)} <= set(anchors)
    for _, path, operation in OPERATIONS:
        assert f"<code>{path}</code>" in answer.text and operation["operationId"] in anchors
    for code in CODES:
        assert f"<code>{code}</code>" in answer.text
    assert client.get("/reference.css").headers["Content-Type"].startswith("text/css")


def test_a_misfit_is_found():
    """Of the check that the tests of answers rely on."""
    schema = DOCUMENT["components"]["schemas"]["image-tagging-v1"]
    tag = {"confidence": 38.5, "type": "object", "tag": "cat", "i18n_tag": {"zh": "猫", "en": "cat"}}
    assert misfits(DOCUMENT, schema, {"tags": [tag]}) == []
    for wrong in ({"confidence": "38.5"}, {"type": "thing"}, {"i18n_tag": {"zh": "猫"}}, {"more": 1}):
        assert len(misfits(DOCUMENT, schema, {"tags": [tag | wrong]})) == 1
