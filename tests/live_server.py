"""A real server: `irs-engine serve` in a process of its own, with the shipped weights."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

PATIENCE = 120  # seconds, on a busy machine


@dataclass
class Live:
    """A server that runs."""

    process: subprocess.Popen[str]
    folder: Path  # its data
    log: list[str] = field(default_factory=list)

    def _address(self, scheme: str) -> str:
        pattern = re.compile(rf"listening on ({scheme}://127\.0\.0\.1:\d+)")
        return next(found[1] for line in self.log if (found := pattern.search(line)))

    @property
    def url(self) -> str:
        return self._address("http")

    @property
    def secure_url(self) -> str:
        return self._address("https")

    @property
    def secrets(self) -> dict[str, str]:
        """ak, sk, project_id, domain_id, account, user and password of the first account."""
        file = configparser.ConfigParser(interpolation=None)
        file.read_string((self.folder / "credentials").read_text())
        return {name: value for section in file.sections() for name, value in file[section].items()}

    def token(self) -> str:
        who = self.secrets
        user = {"name": who["user"], "password": who["password"], "domain": {"name": who["account"]}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"name": "ap-southeast-1"}}}}
        answer = httpx.post(f"{self.url}/v3/auth/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def wait(self) -> None:
        """Until it is ready."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(StopIteration, httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError("the server did not get ready:\n" + "".join(self.log))


@contextlib.contextmanager
def running(folder: Path, *options: str, **environment: str) -> Iterator[Live]:
    """A server with its data in `folder`, ready; stopped in the end."""
    environment = {"IRS_MUSIC_CATALOGUE": str(folder / "music")} | environment  # not that of whoever tests
    command = [sys.executable, "-m", "irs_engine.cli", "serve", "--port", "0"]
    command += ["--data", str(folder), *options]
    process = subprocess.Popen(
        command, env=os.environ | environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    live = Live(process, folder)
    assert process.stderr
    reader = threading.Thread(target=lambda: live.log.extend(process.stderr), daemon=True)  # type: ignore
    reader.start()
    try:
        live.wait()
        yield live
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join(5)
