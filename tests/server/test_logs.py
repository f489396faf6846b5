"""Ids and lines of requests, and answers when something breaks."""

import asyncio
import json
import logging
from types import SimpleNamespace

import pytest

pytest.importorskip("starlette")

from eventloop import in_loop
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from irs_engine.server.caller import Caller
from irs_engine.server.logs import PIECE, JsonLines, Requests, TextLines
from irs_engine.server.settings import Settings

SOMEBODY = Caller("a1", "acme", "u1", "ann", "p1", "ap-southeast-1", frozenset(), "key")
PHASES = SimpleNamespace(spent={"work": 12.345})


async def known(request):
    request.state.api, request.state.caller, request.state.phases = "defog", SOMEBODY, PHASES
    return PlainTextResponse("fine")


async def large(request):
    return Response(bytes(range(256)) * (5 * PIECE // 512))


async def breaks(request):
    request.state.api = "defog"
    raise RuntimeError("the password is hunter2")


async def breaks_late(request):
    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    return answer


@pytest.fixture
def app():
    routes = [
        Route(f"/{handler.__name__}", handler, methods=["GET", "POST"])
        for handler in (known, large, breaks, breaks_late)
    ]
    return Starlette(routes=routes, middleware=[Middleware(Requests, settings=Settings())])


@pytest.fixture
def client(app):
    return TestClient(app)


@pytest.fixture
def lines(caplog):
    """The fields of what was written so far."""
    caplog.set_level("INFO", logger="irs_engine.server.logs")
    caplog.clear()
    return lambda: [record.fields for record in caplog.records if hasattr(record, "fields")]


def test_every_request_has_an_id_of_its_own(client):
    ids = {client.get("/known").headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3 and all(len(id) == 32 for id in ids)


@pytest.mark.parametrize("given", ["a", "0-9_A-Z", "x" * 64])
def test_the_id_of_a_client_is_kept(client, given):
    assert client.get("/known", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"', "a\\n", "ä".encode("latin-1"), "<script>"])
def test_but_not_one_that_can_do_harm(client, given):
    found = client.get("/known", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert len(found) == 32 and found.isalnum()


def test_a_line(client, lines):
    client.post("/known?token=secret", content=b"abc", headers={"X-Request-Id": "mine"})
    (line,) = lines()
    assert line.pop("ms") > 0
    assert line == {
        "method": "POST",
        "path": "/known",
        "status": 200,
        "code": "",
        "api": "defog",
        "account": "a1",
        "user": "u1",
        "project": "p1",
        "peer": "testclient",
        "in": 0,  # nobody read it
        "out": 4,
        "id": "mine",
        "work_ms": 12.3,
    }


def test_a_line_of_a_stranger(client, lines):
    client.get("/nowhere/" + "x" * 1000)
    (line,) = lines()
    assert (line["status"], line["account"], line["api"], len(line["path"])) == (404, "", "", 200)


def test_probes_are_of_no_interest_while_all_is_well(lines):
    async def ready(request):
        return PlainTextResponse("", int(request.query_params.get("status", 200)))

    client = TestClient(Requests(Starlette(routes=[Route("/readyz", ready)]), Settings()))
    client.get("/readyz")
    client.get("/readyz?status=503")
    assert [line["status"] for line in lines()] == [503]


def test_the_forms_of_lines(client, caplog):
    caplog.set_level("INFO", logger="irs_engine.server.logs")
    client.get("/known", headers={"X-Request-Id": "mine"})
    (record,) = (record for record in caplog.records if hasattr(record, "fields"))
    text = TextLines().format(record)
    assert " INFO method=GET path=/known status=200 ms=" in text and "code=" not in text and "\n" not in text
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["status"], line["id"]) == ("INFO", 200, "mine")
    other = logging.makeLogRecord({"name": "x", "msg": "%s\nb", "args": ("a",), "levelname": "ERROR"})
    assert json.loads(JsonLines().format(other))["message"] == "a\nb"
    assert "\n" not in JsonLines().format(other) and TextLines().format(other).endswith("ERROR x: a\nb")


def test_what_breaks_is_answered_without_a_word_about_it(client, lines, caplog):
    answer = client.get("/breaks")
    assert answer.status_code == 500 and answer.json()["error_code"] == "AIP.0500"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] and "hunter2" not in answer.text
    (line,) = lines()
    assert (line["status"], line["code"]) == (500, "AIP.0500")
    assert any(record.exc_info for record in caplog.records)  # the log has the traceback


def test_what_breaks_within_an_answer_ends_the_connection(client, lines):
    with pytest.raises(RuntimeError):
        client.get("/breaks_late")
    assert [line["status"] for line in lines()] == [200]


def test_a_large_answer_goes_in_pieces(client, lines):
    found = client.get("/large")
    assert found.content == bytes(range(256)) * (5 * PIECE // 512)
    assert lines()[0]["out"] == len(found.content) == int(found.headers["content-length"])


async def ask(app, path):
    """Status and messages of an answer, as a server would send them."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": []}
    await app(scope, None, send)
    return sent


@in_loop
async def test_no_piece_is_larger_than_others_can_wait_for(app):
    start, *pieces = await ask(app, "/large")
    assert start["status"] == 200
    assert [len(piece["body"]) for piece in pieces] == [PIECE, PIECE, PIECE // 2]
    assert [piece.get("more_body", False) for piece in pieces] == [True, True, False]


@in_loop
async def test_a_server_that_stops_says_so():
    async def forever(request):
        await asyncio.Event().wait()

    app = Starlette(routes=[Route("/", forever)], middleware=[Middleware(Requests, settings=Settings())])
    asking = asyncio.create_task(ask(app, "/"))
    await asyncio.sleep(0.01)
    asking.cancel()
    start, content = await asking
    assert start["status"] == 429 and json.loads(content["body"])["error_code"] == "APIG.0308"
