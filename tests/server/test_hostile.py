"""The whole service against requests that nobody should send: it refuses them, and goes on."""

import gzip
import json
import random
import re
import socket
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette")

from download_hosts import Host, answering, picture
from hostile_forms import ODD_BOUNDARIES, ODD_FORMS, OUTSIDE
from hostile_pictures import bombs, pictures
from hostile_requests import CALLS, FORMS, Mutants, send
from hostile_words import ODD_VALUES
from live_server import running
from loopback_urls import LOOPBACK, TRICKS

from irs_engine.server.errors import CODES

PNG = pictures()["PNG"]
BOMBS = bombs()
HARMLESS = (  # where they are as large as is accepted, and of what is too much in them nothing is read
    *("PNG 4096x4096", "PNG 4096x1", "PNG 1x4096", "PNG with zTXt", "PNG with iTXt", "PNG with iCCP"),
    *("JPEG 1x1", "PNG of 200 frames", "WEBP of 200 frames"),
)
MEMORY = 24 * 2**20  # bytes; what the allocator keeps varies
PICTURE = 300 * 2**20  # bytes; several times one of 4096 x 4096
NAMES = st.sampled_from(["image", "url", "file", "threshold", "limit", "language", "scene", "gamma", "scale"])


@pytest.fixture(scope="module")
def inside():
    """A listener on this machine, that the service must not contact."""
    host = Host(answering(picture()))
    yield host
    host.close()
    assert host.connections == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory, inside):
    environment = {
        "IRS_SERVER_DOWNLOAD__PORTS": f"[80, 443, {inside.port}]",
        # Large pieces of memory go back at once: what stays is kept by the service, not by glibc's arenas.
        "MALLOC_MMAP_THRESHOLD_": str(2**20),
    }
    with running(tmp_path_factory.mktemp("server") / "data", **environment) as live:
        yield live
        assert live.process.poll() is None
    log = "".join(live.log)
    assert "Traceback" not in log and " ERROR " not in log
    started = [line for line in log.splitlines() if "path=/readyz" not in line]
    assert not [line for line in started if re.search(r" status=5\d\d ", line)]
    for secret in ("sk", "password"):
        assert live.secrets[secret] not in log


@pytest.fixture(scope="module")
def address(server):
    host, _, port = server.url.removeprefix("http://").partition(":")
    return host, int(port)


@pytest.fixture(scope="module")
def mutants(server, address, inside):
    """Draws requests by the seed that it is given."""
    token = server.token()
    project = server.secrets["project_id"]

    def with_seed(seed):
        return Mutants(random.Random(seed), token, project, "{}:{}".format(*address), inside.port)

    return with_seed


def check(request, answer, server):
    """No fault, nothing of the inside; the error's code, or None."""
    if answer is None:
        return None
    status, headers, body = answer
    assert status < 500, (request, status, body[:500])
    for word in (b"Traceback", b"irs_engine/", b"site-packages", b'File "', bytes(server.folder)):
        assert word not in body
    if "application/json" not in headers.get("Content-Type", "") or not body:
        return None
    assert body.isascii()
    found = json.loads(body)
    if request.target.partition(b"?")[0].startswith((b"/v1.0/", b"/v2/")):
        assert headers["X-Request-Id"]
        assert ("result" in found) == (status == 200) and ("error_code" in found) == (status != 200)
    if "error_code" in found:
        assert found["error_code"] in CODES and found["error_msg"]
    return found.get("error_code", "error" if "error" in found else "ok")


def resident(server, what="VmRSS"):
    """Bytes of memory, now or (VmHWM) at most."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"{what}:\s*(\d+) kB", status)[1]) * 1024


def test_what_the_mutants_are_drawn_from_is_right(server, address, mutants):
    """Otherwise they would all be refused at the door."""
    drawn = mutants(0)
    for request in drawn.seeds():
        answer = send(address, request)
        code = check(request, answer, server)
        if request.target.startswith((b"/v1.0/", b"/v2/")) and b"bgm" not in request.target:
            assert answer[0] == 200, (request.target, answer)
        assert code != "AIS.0014"


def bombard(server, address, mutants, seed, count):
    """Send so many mutants; the codes of their answers, and how much memory grew once it had settled.

    It goes up and down by what was decoded last: what counts is the middle of many looks.
    """
    drawn, codes, looks = mutants(seed), Counter(), []
    for n in range(count):
        if n % 50 == 0:
            looks.append(resident(server))
        request = drawn.draw()
        try:
            answer = send(address, request)
        except TimeoutError:
            pytest.fail(f"no answer, the connection stays: {request.wire()[:2000]!r}")
        codes[check(request, answer, server)] += 1
    part = len(looks) // 4
    return codes, median(looks[-part:]) - median(looks[part : 2 * part])


EXPECTED = {"ok", "AIS.0010", "AIS.0014", "AIS.0203", "AIS.0502", "AIS.0503", "AIS.0504", "APIG.0301"}


def test_some_hundred_mutants(server, address, mutants):
    codes, _ = bombard(server, address, mutants, 1, 400)
    assert codes.keys() >= EXPECTED, codes  # they get everywhere
    assert send(address, next(mutants(0).seeds()))[0] == 200


@pytest.mark.slow
def test_ten_thousand_mutants(server, address, mutants):
    codes, growth = bombard(server, address, mutants, 2, 10_000)
    assert codes.keys() >= EXPECTED | {"AIS.0011", "AIS.0012", "AIS.0013", "AIS.0015", "APIG.0101"}, codes
    assert growth < MEMORY


@pytest.mark.parametrize("path", CALLS)
def test_wrong_types_in_every_field(server, address, mutants, path):
    """With data that is no picture: what gets past the parameters ends there."""
    request = mutants(0).call(path, b"no picture")
    given = json.loads(request.body)
    for field in (*given, "file", "surprise"):
        for value in ODD_VALUES:
            body = json.dumps(given | {field: value}).encode()
            changed = replace(request, body=body)
            code = check(changed, send(address, changed), server)
            assert code and code != "ok", (field, value)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(server, address, mutants, name):
    """They are refused, or do no harm; not even for a moment is much memory taken."""
    before = resident(server)
    for path in CALLS:
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # the peak is counted from now on
        request = mutants(0).call(path, BOMBS[name])
        code = check(request, send(address, request), server)
        assert code in ("AIS.0502", "AIS.0503", "AIS.0504") or (code == "ok" and name in HARMLESS)
        assert resident(server, "VmHWM") - before < PICTURE


@pytest.mark.parametrize("name", ODD_FORMS)
def test_malformed_forms(server, address, mutants, name):
    for path in FORMS:
        request = replace(mutants(0).form(path, PNG), body=ODD_FORMS[name])
        answer = send(address, request)
        assert answer is not None and answer[0] in (200, 400)
        check(request, answer, server)
    assert not OUTSIDE.exists()


@pytest.mark.parametrize("boundary", ODD_BOUNDARIES)
def test_odd_boundaries(server, address, mutants, boundary):
    request = mutants(0).form(FORMS[0], PNG)
    kind = (b"Content-Type", b"multipart/form-data; boundary=" + boundary)
    body = request.body.replace(b"--line", b"--" + boundary)
    changed = replace(request, headers=[*request.headers[:-1], kind], body=body)
    check(changed, send(address, changed), server)


def with_headers(request, *headers, **changes):
    return replace(request, headers=[*request.headers, *headers], **changes)


def test_sizes_that_are_too_large_are_refused_before_they_come(server, address, mutants):
    """And so are those that are found too large on the way."""
    request = mutants(0).call("/v1.0/image/tagging", PNG)
    for length in (12 * 2**20 + 1, 10**12, 10**18):
        asked = with_headers(request, (b"Content-Length", b"%d" % length), body=b"")
        answer = send(address, asked)  # there is an answer, although none of it has come
        assert answer[0] == 413 and check(asked, answer, server) == "APIG.0201"
    pieces = (b"%x\r\n" % 2**16 + bytes(2**16) + b"\r\n") * 200
    asked = with_headers(request, (b"Transfer-Encoding", b"chunked"), body=pieces)
    assert check(asked, send(address, asked), server) == "APIG.0201"
    field = json.dumps({"image": "A" * (10 * 2**20 + 4)}).encode()
    assert check(request, send(address, replace(request, body=field)), server) == "AIS.0020"
    for path in FORMS:
        large = mutants(0).form(path, PNG + bytes(7_864_321 - len(PNG)))
        assert check(large, send(address, large), server) == "AIS.0020"


def test_compressed_bodies_are_not_unpacked(server, address, mutants):
    request = mutants(0).call("/v1.0/image/tagging", PNG)
    bomb = gzip.compress(json.dumps({"image": "A" * 2**26}).encode())
    for encoding in (b"gzip", b"deflate", b"br"):
        asked = with_headers(request, (b"Content-Encoding", encoding), body=bomb)
        assert check(asked, send(address, asked), server) == "AIS.0014"


@pytest.mark.parametrize("path", ["/v1.0/image/tagging", "/v2/{project}/image/tagging"])
def test_urls_that_mean_this_machine(server, address, mutants, inside, path):
    """All of them are refused with the same words, and none of them is followed (see `inside`)."""
    request, details = mutants(0).call(path, PNG), set()
    urls = [f"http://{form}:{inside.port}/x.png" for form in LOOPBACK]
    for url in (*urls, *(trick.format(port=inside.port) for trick in TRICKS if "example" not in trick)):
        asked = replace(request, body=json.dumps({"image": "", "url": url}).encode())
        answer = send(address, asked)
        assert check(asked, answer, server) == ("AIS.0022" if path.startswith("/v1.0") else "ModelArts.4601")
        details.add(json.loads(answer[2])["detail"])
    assert len([detail for detail in details if "public" in detail]) == 1


def test_other_peoples_words(server, address, mutants):
    """Requests by whoever has no token, a wrong one, or somebody else's project: nothing but refusals."""
    drawn = mutants(0)
    for request in drawn.seeds():
        path = request.target.partition(b"?")[0]
        if path in (b"/v3/auth/tokens", b"/irs/v1/session", b"/openapi.json", b"/metrics", b"/"):
            continue
        for token in (None, b"", b"x" * 43, b"\xff" * 43):
            headers = [each for each in request.headers if each[0] != b"X-Auth-Token"]
            changed = replace(request, headers=headers + [(b"X-Auth-Token", token)] * (token is not None))
            answer = send(address, changed)
            assert answer[0] == 401, (request.target, token)
            check(changed, answer, server)
    request = drawn.call("/v2/{project}/image/tagging", PNG)
    changed = replace(request, target=b"/v2/" + b"0" * 32 + b"/image/tagging")
    assert check(changed, send(address, changed), server) == "AIP.0003"


def test_many_requests_in_one_piece(server, address, mutants):
    """All are answered, in their order."""
    seed = mutants(0).other("GET", "/irs/v1/me", None)
    wire = b"".join(with_headers(seed, (b"X-Request-Id", b"in-order-%d" % n)).wire() for n in range(50))
    last = with_headers(seed, (b"X-Request-Id", b"last"), (b"Connection", b"close")).wire()
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(wire + last)
        answers = b""
        while some := connection.recv(2**16):
            answers += some
    ids = re.findall(rb"(?i)x-request-id: (\S+)", answers)
    assert ids == [b"in-order-%d" % n for n in range(50)] + [b"last"]


@settings(max_examples=100, deadline=None)
@given(
    path=st.sampled_from(sorted(CALLS)),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(NAMES | st.text(), inner),
    ),
)
def test_any_json(server, address, mutants, path, body):
    request = mutants(0).call(path, PNG)
    changed = replace(request, body=json.dumps(body).encode())
    assert check(changed, send(address, changed), server)


@settings(max_examples=100, deadline=None)
@given(method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), path=st.text(), body=st.binary())
def test_any_path(server, address, mutants, method, path, body):
    target = b"/" + quote(path).encode()
    request = replace(mutants(0).other(method, "/", None), target=target, body=body)
    check(request, send(address, request), server)
