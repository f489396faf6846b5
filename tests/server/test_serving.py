"""The server as a process: what it listens on, how it stops, whom it keeps waiting."""

import asyncio
import base64
import io
import json
import re
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import httpx
import pytest

pytest.importorskip("starlette")

from live_server import running
from PIL import Image

AS_IN = {"IRS_SERVER_LOAD__CONCURRENCY": '{"super-resolution": 1}', "IRS_SERVER_LOAD__QUEUE": "1"}


def picture(side, format="JPEG"):
    file = io.BytesIO()
    Image.effect_noise((side, side), 60).convert("RGB").save(file, format)
    return file.getvalue()


def body(data, **options):
    return {"image": base64.b64encode(data).decode(), **options}


LONG = body(picture(768), scale=4, model="SRCNN")  # takes a second and more
SHORT = body(picture(64))


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with running(tmp_path_factory.mktemp("data"), "--auth", "off", "--tls-port", "0", **AS_IN) as found:
        yield found


def enlarge(url, asked):
    return httpx.post(f"{url}/v1.0/vision/super-resolution", json=asked, timeout=120)


@contextmanager
def enlarging(url, asked=LONG):
    """A call that has begun; its answer is at `found["answer"]` afterwards."""
    found = {}

    def ask():
        try:
            found["answer"] = enlarge(url, asked)
        except httpx.HTTPError as error:
            found["answer"] = error

    thread = threading.Thread(target=ask)
    thread.start()
    until(url, "in_flight", 1)
    yield found
    thread.join()


def until(url, what, count):
    line = f'irs_{what}{{api="super-resolution"}} {count:.1f}'
    end = time.monotonic() + 60
    while line not in httpx.get(f"{url}/metrics").text:
        assert time.monotonic() < end, f"never: {line}"
        time.sleep(0.01)


def line_with(live, words):
    """Of the log, when it has come."""
    end = time.monotonic() + 60
    while not (found := [line for line in live.log if words in line]):
        assert time.monotonic() < end, f"never: {words}"
        time.sleep(0.01)
    return found[0]


def test_http_and_https_beside_each_other(live):
    trusted = ssl.create_default_context(cafile=live.folder / "ca.pem")
    for url in (live.url, live.secure_url):
        answer = httpx.get(f"{url}/livez", verify=trusted)
        assert answer.json() == {"status": "live"} and "server" not in answer.headers


def test_one_more_than_may_wait_is_sent_away_and_the_others_are_answered(live):
    with enlarging(live.url) as first:
        with ExitStack() as others:
            second = others.enter_context(one_waiting(live.url))
            refused = enlarge(live.url, SHORT)
            assert refused.status_code == 429 and refused.json()["error_code"] == "APIG.0308"
            assert int(refused.headers["Retry-After"]) >= 1
            # Other APIs do not notice.
            assert httpx.post(f"{live.url}/v1.0/vision/defog", json=SHORT, timeout=60).status_code == 200
    assert first["answer"].status_code == second["answer"].status_code == 200


@contextmanager
def one_waiting(url):
    found = {}
    thread = threading.Thread(target=lambda: found.update(answer=enlarge(url, SHORT)))
    thread.start()
    until(url, "waiting", 1)
    yield found
    thread.join()


def test_a_client_that_leaves_leaves_the_queue(live):
    with enlarging(live.url) as first:
        content = json.dumps(SHORT).encode()
        head = (
            "POST /v1.0/vision/super-resolution HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        port = httpx.URL(live.url).port
        with socket.create_connection(("127.0.0.1", port)) as impatient:
            impatient.sendall(head.encode() + content)
            until(live.url, "waiting", 1)
        until(live.url, "waiting", 0)
        assert "answer" not in first  # the queue was left while it was still full
    assert first["answer"].status_code == 200
    assert "api=super-resolution" in line_with(live, "status=499")


def test_a_body_that_is_too_long_is_answered(live):
    """Also to a client that sends all of it before it listens."""
    long = bytes(20_000_000)
    for content in (long, iter([long[:5_000_000]] * 4)):  # with a Content-Length, and in chunks
        answer = httpx.post(f"{live.url}/v1.0/vision/defog", content=content, timeout=60)
        assert answer.status_code == 413 and answer.json()["error_code"] == "APIG.0201"


def test_lines_of_the_log_tell_who_and_what_but_no_secrets(live):
    secret = "s3cr3t"
    asked = httpx.post(
        f"{live.url}/v1.0/vision/defog?Signature={secret}",
        json=body(picture(64), password=secret),
        headers={"X-Auth-Token": secret, "Authorization": secret, "X-Request-Id": "mine-1"},
        timeout=60,
    )
    assert asked.status_code == 200 and asked.headers["X-Request-Id"] == "mine-1"
    line = line_with(live, "id=mine-1")
    assert re.search(r" method=POST path=/v1.0/vision/defog status=200 ms=[\d.]+ api=defog account=\w+", line)
    assert re.search(r" in=\d\d+ out=\d\d+ .*work_ms=[\d.]+", line)
    assert secret not in "".join(live.log)


def test_sigterm_finishes_what_there_is(tmp_path):
    with running(tmp_path, "--auth", "off", **AS_IN) as live:
        with enlarging(live.url) as first, one_waiting(live.url) as second:
            live.process.send_signal(signal.SIGTERM)
        for found in (first, second):
            assert found["answer"].status_code == 200 and found["answer"].json()["result"]
        assert live.process.wait(60) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{live.url}/livez")


@pytest.mark.slow
def test_a_second_sigterm_ends_it_at_once_and_sigint_is_told_apart(tmp_path):
    with running(tmp_path, "--auth", "off") as live:
        with enlarging(live.url) as first:
            live.process.send_signal(signal.SIGTERM)
            line_with(live, "stopping")
            live.process.send_signal(signal.SIGTERM)
            assert live.process.wait(60) == 128 + signal.SIGTERM
        assert isinstance(first["answer"], httpx.HTTPError)
    with running(tmp_path, "--auth", "off") as live:
        live.process.send_signal(signal.SIGINT)
        assert live.process.wait(60) == 130


@pytest.mark.slow
def test_who_waits_longer_than_the_server_is_told_to_try_again(tmp_path):
    settings = AS_IN | {"IRS_SERVER_LOAD__DRAIN_SECONDS": "0"}
    with running(tmp_path, "--auth", "off", **settings) as live:
        with enlarging(live.url) as first, one_waiting(live.url) as second:
            live.process.send_signal(signal.SIGTERM)
        for found in (first, second):
            assert found["answer"].status_code == 429 and "Retry-After" in found["answer"].headers
        assert live.process.wait(60) == 0


def test_a_port_that_is_taken_is_said_in_a_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "irs_engine.cli", "serve", "--port", str(port), "--data", tmp_path]
        found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 1
    assert found.stderr == f"irs-engine: cannot listen on 127.0.0.1, port {port}: Address already in use\n"


@pytest.mark.slow
def test_clients_that_do_nothing_and_slow_ones_leave_the_others_alone(tmp_path):
    """Held against the same calls without them, in turn; generously, as other programs run here as well."""
    with running(tmp_path, "--auth", "off") as live:
        port = httpx.URL(live.url).port

        async def crowd(stop):
            """200 that send nothing, 40 that send headers or a body by the byte, again and again."""

            async def attend(*pieces, pause):
                while not stop.is_set():
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                        for piece in pieces:
                            writer.write(piece)
                            await asyncio.sleep(pause)
                        writer.close()
                    except OSError:
                        await asyncio.sleep(0.1)

            head = (
                b"POST /v1.0/image/tagging HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            )
            slowly = [b"x" for _ in range(1000)]
            tasks = [asyncio.create_task(attend(b"", pause=1)) for _ in range(200)]
            tasks += [asyncio.create_task(attend(head, *slowly, pause=0.05)) for _ in range(20)]
            tasks += [
                asyncio.create_task(attend(head, b"Content-Length: 9999999\r\n\r\n", *slowly, pause=0.05))
                for _ in range(20)
            ]
            while not stop.is_set():
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()

        def median():
            times = []
            with httpx.Client(base_url=live.url, timeout=60) as client:
                for _ in range(12):
                    started = time.perf_counter()
                    answer = client.post("/v1.0/image/tagging", json=body(picture(640)))
                    times.append(time.perf_counter() - started)
                    assert answer.status_code == 200
            return statistics.median(times)

        median()
        alone, crowded = [], []
        for _ in range(3):
            alone.append(median())
            stop = threading.Event()
            thread = threading.Thread(target=lambda stop=stop: asyncio.run(crowd(stop)))
            thread.start()
            time.sleep(1)
            crowded.append(median())
            stop.set()
            thread.join()
        assert statistics.median(crowded) < 2 * statistics.median(alone)
