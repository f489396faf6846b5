"""What runs here, what does not and why, and a self-test with times."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from irs_engine.device import cuda_problem
from irs_engine.engine import Engine
from irs_engine.errors import IrsError, WeightsNotFound
from irs_engine.registry import list_operators
from irs_engine.results import Result
from irs_engine.vision.torchvision_weights import MODELS
from irs_engine.weights import find_weights, manifest, verify_weights

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Finding(Result):
    topic: str  # native | device | weights | album | music | self-test
    name: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Report(Result):
    ok: bool
    versions: str
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        by_topic: dict[str, str] = {}
        for found in self.findings:
            before = by_topic.get(found.topic, "")
            gap = (
                ("   " if found.ok else "\n" + " " * 10) if before else ""
            )  # what is broken has its own line
            by_topic[found.topic] = f"{before}{gap}{found.name} {found.text}"
        return "\n".join([self.versions, *(f"{topic:<10}{text}" for topic, text in by_topic.items())])


def doctor(fast: bool = False) -> Report:
    """Look at this machine and this installation.

    Args:
        fast: Do not load torch: no look at the device, no run of the operators.
    """
    device = [Finding("device", "not looked at", True, "(fast)")] if fast else [*_device()]
    findings = (*_native(), *device, *_weights(), *_album(), *_music(), *_self_test(fast))
    versions = (
        f"irs_engine {_version('irs-engine')}   python {platform.python_version()}   "
        f"torch {_version('torch')}   {platform.system()} {platform.machine()}"
    )
    return Report(all(finding.ok for finding in findings), versions, findings)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _native() -> Iterator[Finding]:
    try:
        from irs_engine import _native
    except ImportError as error:
        yield Finding("native", "BROKEN:", False, str(error))
        return
    others = " ".join(isa for isa in _native.isas() if isa != _native.isa())
    yield Finding("native", _native.isa(), True, f"(this CPU also runs: {others or 'nothing else'})")
    yield Finding("native", str(_native.num_threads()), True, "threads")


def _device() -> Iterator[Finding]:
    try:
        device, problem = str(Engine().device), cuda_problem()
    except (IrsError, ImportError) as error:
        yield Finding("device", "BROKEN:", False, str(error))
    else:
        yield Finding("device", device, True, f"(cuda not used: {problem})" if problem else "")


def _weights() -> Iterator[Finding]:
    entries = manifest()
    for name, entry in entries.items():
        optional = "url" in entry or name in MODELS  # larger ones, for whoever wants them
        todo = f"{'not installed' if optional else 'MISSING'} -> irs-engine weights install {name}"
        try:
            yield Finding("weights", name, True, verify_weights(find_weights(name)))
        except WeightsNotFound:
            yield Finding("weights", name, optional, todo)
        except IrsError as error:
            yield Finding("weights", name, False, f"BROKEN: {error}")
    if not entries:
        yield Finding(
            "weights", "MISSING:", False, "no manifest.json -> irs-engine weights install FILE_OR_URL"
        )


def _album() -> Iterator[Finding]:
    try:
        import sqlite3  # a Python may have been built without it

        from irs_engine.album import Album, default_path

        path, name = default_path(), f"sqlite {sqlite3.sqlite_version}"
        if not path.exists():
            yield Finding("album", name, True, f"none in {path} -> irs-engine album index DIR")
            return
        with Album(path) as album:
            yield Finding("album", name, True, f"{album.info().photos} photos in {path}")
    except (IrsError, OSError, ImportError) as error:
        yield Finding("album", "BROKEN:", False, str(error))


def _music() -> Iterator[Finding]:
    try:
        av = version("av")
    except PackageNotFoundError:
        yield Finding("music", "not installed", True, "-> pip install 'irs-engine[music]'")
        return
    try:
        from irs_engine.music.catalogue import DATABASE, MusicCatalogue, default_folder

        folder, name = default_folder(), f"av {av}"
        if not (folder / DATABASE).exists():
            yield Finding("music", name, True, f"no songs in {folder} -> irs-engine music add DIR")
            return
        with MusicCatalogue(folder, read_only=True) as catalogue:
            about = catalogue.info()
        yield Finding("music", name, True, f"{about.songs} songs, {about.hours:.1f} hours in {folder}")
    except (IrsError, ImportError) as error:
        yield Finding("music", "BROKEN:", False, str(error))


def _self_test(fast: bool) -> Iterator[Finding]:
    import numpy as np

    across, down = np.meshgrid(np.arange(640), np.arange(480))
    picture = np.stack([across % 256, down % 256, (across + down) % 256], axis=2).astype(np.uint8)
    means = picture.reshape(240, 2, 320, 2, 3).mean((1, 3))
    yield _timed("resize", partial(_halve, picture, means))
    if not fast:
        engine = Engine()
        for operator in list_operators():
            yield _timed(operator.name, partial(getattr(engine, operator.name), picture))


def _halve(picture: np.ndarray, means: np.ndarray) -> None:
    from irs_engine.resize import resize

    error = abs(resize(picture, (320, 240), filter="area") - means).max()
    if error > 1:
        raise IrsError(f"off by {error:g} grey levels")


def _timed(name: str, work: Callable[[], Any]) -> Finding:
    """Once to load what it needs, once against the clock."""
    try:
        work()
        start = time.perf_counter()
        work()
    except Exception as error:  # the doctor reports, whatever it is
        return Finding("self-test", name, False, f"BROKEN: {error}")
    return Finding("self-test", name, True, f"{1000 * (time.perf_counter() - start):.1f} ms ok")


class _Callable(ModuleType):
    """`irs_engine.doctor` is this module once it is imported and `irs.doctor()` a function: it is both."""

    def __call__(self, fast: bool = False) -> Report:
        return doctor(fast)


sys.modules[__name__].__class__ = _Callable
