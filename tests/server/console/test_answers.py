"""Answers of a real server are what the OpenAPI document says."""

import base64
from pathlib import Path

import pytest
from fits_schema import misfits

from irs_engine.server import openapi
from irs_engine.server.apis import APIS

DOCUMENT = openapi.document()
CAT = (Path(__file__).parents[2] / "data" / "cat.jpg").read_bytes()
PICTURES = [(api, path) for api in APIS if api.verb for path in api.paths]
READ = [
    path
    for path, methods in DOCUMENT["paths"].items()
    if "get" in methods and "{" not in path and path not in ("/metrics",)
]


def described(path, method, status):
    return DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]["application/json"]["schema"]


@pytest.mark.parametrize(("api_", "path"), PICTURES, ids=[path for _, path in PICTURES])
def test_of_pictures(api, server, api_, path):
    image = {"image": base64.b64encode(CAT).decode()}
    answer = api.post(path.replace("{project_id}", server.secrets["project_id"]), json=image)
    assert answer.status_code == 200, answer.text
    assert misfits(DOCUMENT, described(path, "post", 200), answer.json()) == []


@pytest.mark.parametrize("path", READ)
def test_of_what_is_read(api, path):
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    found = misfits(DOCUMENT, described(path, "get", 200), answer.json())
    if path.startswith("/v3/"):  # of the cloud's own shapes only what programs read is described
        found = [wrong for wrong in found if not wrong.endswith("is not described")]
    assert found == []


def test_of_what_is_made(api):
    made = api.post("/irs/v1/keys", json={})
    assert misfits(DOCUMENT, described("/irs/v1/keys", "post", 201), made.json()) == []
    assert api.delete(f"/irs/v1/keys/{made.json()['key']['ak']}").status_code == 204


def test_of_failures(api):
    answer = api.post("/v1.0/image/tagging", json={"image": "?"})
    error = DOCUMENT["components"]["schemas"]["Error"]
    assert answer.status_code == 400 and misfits(DOCUMENT, error, answer.json()) == []
    iam = DOCUMENT["components"]["schemas"]["IamError"]
    refused = api.post("/v3/auth/tokens", json={"auth": {}})
    assert refused.status_code == 400 and misfits(DOCUMENT, iam, refused.json()) == []


def test_the_session_is_told(api, server):
    assert api.get("/console/session").json() == {"signed_in": True, "album": True}
    stranger = api.build_request("GET", "/console/session", cookies={})
    stranger.headers.pop("Cookie", None)
    assert api.send(stranger).json() == {"signed_in": False}
    about = api.get("/irs/v1/about").json()
    assert {one["name"] for one in about["apis"]} == {one.name for one in APIS}
    assert all(model["installed"] for one in about["apis"] for model in one["models"])
    asked = api.build_request("GET", "/irs/v1/about")
    asked.headers.pop("Cookie", None)
    assert api.send(asked).status_code == 401
