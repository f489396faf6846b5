"""What the REST service costs: tagging through `irs-engine serve`, beside the bare engine in a loop.

    python benchmarks/service.py --out service.json

- Overhead: a call of the engine in this process and one of the service, in turn, with the same photo. The
  difference is what HTTP, JSON, base64, the database and the queue add; `phases` is where the server says
  that the time of its calls went, `cpu` the CPU time of both processes, which other programs disturb less.
- Throughput, and how long calls take, with 1, 8 and 64 clients that ask again as soon as they are answered;
  then the same of the engine alone, one picture after the other and in batches as large as the service's.

The server is a process of its own, its clients send a token as real ones do. They are tasks of this process
on bare sockets and take little from the CPUs that they share with the server. The photo is a JPEG of about
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
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Threads that spin between two pictures would take the CPUs from the other process. Both inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
from PIL import Image

import irs_engine as irs

PICTURES = Path(__file__).parent.parent / "tests" / "data"
PATH = "/v1.0/image/tagging"
WARM_UP = 5
SHARES = {"median": 50, "quartile": 25}
OPTIONS = {"threshold": 60, "limit": 30, "language": "zh"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=20, help="of each number of clients")
    parser.add_argument("--runs", type=int, default=40, help="calls of each in turn, for the overhead")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    data = arguments.photo.read_bytes() if arguments.photo else made_photo()
    engine = irs.Engine()
    found: dict = {
        "photo": f"{' x '.join(map(str, Image.open(io.BytesIO(data)).size))}, {len(data)} bytes",
        "machine": {"cpu": platform.processor() or platform.machine(), "cpus": os.cpu_count()},
    }
    with server() as (port, process, token):
        request = made_request(port, token, data)
        found["overhead"] = asyncio.run(overhead(port, process, request, engine, data, arguments.runs))
        print(json.dumps(found["overhead"], indent=1), flush=True)
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
        body = await self.reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))  # type: ignore
        if b" 200 " not in head[:20]:
            raise SystemExit(f"not answered: {head.decode()}{body.decode()}")
        self.phases = dict(re.findall(r"(\w+);dur=([\d.]+)", head.decode()))
        return 1000 * (time.perf_counter() - started)


def cpu_of(process: int) -> float:
    """Milliseconds of CPU that it has taken so far; Linux only."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def overhead(
    port: int, process: int, request: bytes, engine: irs.Engine, data: bytes, runs: int
) -> dict:
    """Milliseconds; the first quarter of calls in order of time was disturbed least by other programs."""
    client = await Client().connect(port)
    times: dict[str, list[float]] = {"engine": [], "service": []}
    phases: dict[str, list[float]] = {}
    cpu = dict.fromkeys(times, 0.0)
    for run in range(runs + WARM_UP):
        started, before = time.perf_counter(), time.process_time()
        engine.tag(data, **OPTIONS)
        spent, taken = 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - before)
        before = cpu_of(process)
        asked = await client.ask(request)
        if run >= WARM_UP:
            cpu["engine"] += taken / runs
            cpu["service"] += (cpu_of(process) - before) / runs
            times["engine"].append(spent)
            times["service"].append(asked)
            for name, took in client.phases.items():
                phases.setdefault(name, []).append(float(took))
    found: dict = {}
    rows = {name: {who: np.percentile(times[who], share) for who in times} for name, share in SHARES.items()}
    for name, row in (rows | {"cpu": cpu}).items():
        row["overhead"] = row["service"] - row["engine"]
        found[name] = {who: round(float(value), 2) for who, value in row.items()}
    found["phases"] = {name: round(statistics.median(values), 2) for name, values in phases.items()}
    return found


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
