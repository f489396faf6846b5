"""Web pages of others that point a name of theirs to this machine get nowhere."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from irs_engine.server.hosts import Hosts
from irs_engine.server.settings import Settings


@pytest.fixture(scope="module")
def client():
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("in"))])
    return TestClient(Hosts(app, Settings(hosts=("Photos.example",))))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:8443", "localhost", "LOCALHOST:1", "[::1]:8443", "192.168.1.7:80", "photos.example"),
        "image.ap-southeast-1.myhuaweicloud.com",
    ],
)
def test_own_names_and_addresses(client, host):
    assert client.get("/", headers={"host": host}).text == "in"


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "xmyhuaweicloud.com", "localhost.evil.example"]
)
def test_names_of_others(client, host):
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 404 and answer.json()["error_code"] == "APIG.0101"
