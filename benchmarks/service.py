"""What the REST service costs: tagging through `irs-engine serve`, beside the bare engine in a loop.

    python benchmarks/service.py --out service.json

- Overhead: a call of the engine in this process and one of the service, in turn, with the same photo. The
  difference is what HTTP, JSON, base64, the database and the queue add; `phases` is where the server says
  that the time of its calls went, `..._cpu` the CPU time of the two processes, which others disturb less.
  The same networks take a few per cent more in one process and less in another, for as long as it lives, so
  that several servers are asked one after the other: `paired` is the median of their medians.
- Throughput, and how long calls take, with 1, 8 and 64 clients that ask again as soon as they are answered;
  then the same of the engine alone, one picture after the other and in batches as large as the service's.

The server is a process of its own, its clients send a token as real ones do. They are bare sockets of this
process and take little from the CPUs that they share with the server. The photo is a JPEG of about
200 KB unless --photo names another one.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import configparser
import io
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Threads that spin between two pictures would take the CPUs from the other process. Both inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from PIL import Image

import irs_engine as irs

PICTURES = Path(__file__).parent.parent / "tests" / "data"
PATH = "/v1.0/image/tagging"
WARM_UP = 5
OPTIONS = {"threshold": 60, "limit": 30, "language": "zh"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=20, help="of each number of clients")
    parser.add_argument("--servers", type=int, default=5, help="that are started for the overhead")
    parser.add_argument("--runs", type=int, default=40, help="calls of each in turn, of every server")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    data = arguments.photo.read_bytes() if arguments.photo else made_photo()
    engine = irs.Engine()
    found: dict = {
        "photo": f"{' x '.join(map(str, Image.open(io.BytesIO(data)).size))}, {len(data)} bytes",
        "machine": {"cpu": platform.processor() or platform.machine(), "cpus": os.cpu_count()},
    }
    found["overhead"] = overhead(engine, data, arguments.servers, arguments.runs)
    print(json.dumps(found["overhead"], indent=1), flush=True)
    with server() as (port, _, token):
        request = made_request(port, token, data)
        found["clients"] = {}
        for clients in arguments.clients:
            found["clients"][clients] = row = asyncio.run(load(port, request, clients, arguments.seconds))
            print(f"{clients:3d} clients: {row}", flush=True)
    found["engine alone"] = {
        f"batches of {size}": alone(engine, data, size, arguments.seconds) for size in (1, 8)
    }
    print(json.dumps(found["engine alone"], indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def made_photo() -> bytes:
    """About 200 KB with the detail of a photo: 1024 x 682."""
    picture = Image.open(PICTURES / "coffee.jpg").convert("RGB").resize((1024, 682), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(0).normal(0, 5, (682, 1024, 1))
    pixels = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=88)
    return file.getvalue()


def made_request(port: int, token: str, data: bytes) -> bytes:
    body = json.dumps({"image": base64.b64encode(data).decode(), **OPTIONS}).encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"X-Auth-Token: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@contextmanager
def server() -> Iterator[tuple[int, int, str]]:
    """Port, process id and a token of a server that is ready."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "irs_engine.cli", "serve", "--port", "0"]
        log = Path(folder, "log")
        environment = os.environ | {"IRS_SERVER_LOAD__QUEUE": "128"}
        with log.open("wb") as file:
            process = subprocess.Popen([*command, "--data", folder], stderr=file, env=environment)
        try:
            while not (told := re.search(r"listening on http://127\.0\.0\.1:(\d+)", log.read_text())):
                check_running(process, log)
            port = int(told[1])
            while not ready(port):
                check_running(process, log)
            yield port, process.pid, issued_token(port, Path(folder, "credentials"))
        finally:
            process.terminate()
            process.wait()


def issued_token(port: int, credentials: Path) -> str:
    """For the account that the first start made."""
    file = configparser.ConfigParser(interpolation=None)
    file.read(credentials)
    who = file["console"]
    user = {"name": who["user"], "password": who["password"], "domain": {"name": who["account"]}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": {"project": {"name": "ap-southeast-1"}}}}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v3/auth/tokens", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return answer.headers["X-Subject-Token"]


def check_running(process: subprocess.Popen, log: Path) -> None:
    time.sleep(0.1)
    if process.poll() is not None:
        raise SystemExit(f"the server ended:\n{log.read_text()}")


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except OSError:
        return False


class Client:
    """One connection that is kept."""

    async def connect(self, port: int) -> Client:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        return self

    async def ask(self, request: bytes) -> float:
        """Milliseconds until the whole answer is there."""
        started = time.perf_counter()
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        check(head, await self.reader.readexactly(content_length(head)))
        return 1000 * (time.perf_counter() - started)


def cpu_of(process: int) -> float:
    """Milliseconds of CPU that it has taken so far; Linux only."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Times:
    """Milliseconds of calls, the engine's and the service's in turn."""

    engine: list[float] = field(default_factory=list)
    service: list[float] = field(default_factory=list)
    engine_cpu: list[float] = field(default_factory=list)
    service_cpu: list[float] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=dict)

    @property
    def overhead(self) -> float:
        """Of pairs that follow each other, so that what is slow for minutes is in both."""
        return statistics.median(np.subtract(self.service, self.engine).tolist())


def overhead(engine: irs.Engine, data: bytes, servers: int, runs: int) -> dict:
    """Milliseconds: medians over the servers."""
    found = []
    for _ in range(servers):
        with server() as (port, process, token):
            found.append(in_turn(port, process, made_request(port, token, data), engine, data, runs))
    rows = {
        name: statistics.median(statistics.median(getattr(times, name)) for times in found)
        for name in ("engine", "service", "engine_cpu", "service_cpu")
    }
    phases = {
        name: statistics.median(statistics.median(times.phases[name]) for times in found)
        for name in found[0].phases
    }
    every = sorted(times.overhead for times in found)
    return {
        **{name: round(value, 2) for name, value in rows.items()},
        "paired": round(statistics.median(every), 2),
        "of every server": [round(value, 2) for value in every],
        "phases": {name: round(value, 2) for name, value in phases.items()},
    }


def in_turn(port: int, process: int, request: bytes, engine: irs.Engine, data: bytes, runs: int) -> Times:
    times = Times()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for run in range(runs + WARM_UP):
            started, before = time.perf_counter(), time.process_time()
            engine.tag(data, **OPTIONS)
            spent, taken = 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - before)
            before = cpu_of(process)
            started = time.perf_counter()
            head = ask(connection, request)
            asked = 1000 * (time.perf_counter() - started)
            if run >= WARM_UP:
                times.engine.append(spent)
                times.service.append(asked)
                times.engine_cpu.append(taken)
                times.service_cpu.append(cpu_of(process) - before)
                for name, took in re.findall(r"(\w+);dur=([\d.]+)", head):
                    times.phases.setdefault(name, []).append(float(took))
    return times


def ask(connection: socket.socket, request: bytes) -> str:
    """The head of the answer, once all of it is there."""
    connection.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(2**16)
    head, _, body = received.partition(b"\r\n\r\n")
    while len(body) < content_length(head):
        body += connection.recv(2**16)
    check(head, body)
    return head.decode()


def content_length(head: bytes) -> int:
    return int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore


def check(head: bytes, body: bytes) -> None:
    if b" 200 " not in head[:20]:
        raise SystemExit(f"not answered: {head.decode()}{body.decode()}")


async def load(port: int, request: bytes, clients: int, seconds: float) -> dict:
    times: list[float] = []
    connected = [await Client().connect(port) for _ in range(clients)]
    end = time.perf_counter() + seconds

    async def keep_asking(client: Client) -> None:
        while time.perf_counter() < end:
            times.append(await client.ask(request))

    started = time.perf_counter()
    await asyncio.gather(*map(keep_asking, connected))
    return {
        "per_second": round(len(times) / (time.perf_counter() - started), 2),
        "p50_ms": round(float(np.percentile(times, 50)), 1),
        "p99_ms": round(float(np.percentile(times, 99)), 1),
    }


def alone(engine: irs.Engine, data: bytes, size: int, seconds: float) -> dict:
    for _ in engine.tag_many([data] * size, batch_size=size, **OPTIONS):
        pass  # warm
    started, count = time.perf_counter(), 0
    while time.perf_counter() < started + seconds:
        for _ in engine.tag_many([data] * 8, batch_size=size, **OPTIONS):
            count += 1
    return {"per_second": round(count / (time.perf_counter() - started), 2)}


if __name__ == "__main__":
    main()
