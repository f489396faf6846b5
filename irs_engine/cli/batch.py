"""What commands over many files share: find them, show progress, go on after a bad one, list what failed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from irs_engine.batches import SUFFIXES, files_in
from irs_engine.errors import IrsError


@dataclass(frozen=True, slots=True)
class Source:
    path: str  # what the user calls it
    image: str | bytes  # what is read
    name: str  # its path below an output folder


class Batch:
    """The files that PATH... names. `with batch:` shows progress on a terminal while the work is done.

    Args:
        suffixes, kind: What files of folders end in, and are called.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        recursive: bool,
        as_json: bool,
        suffixes: tuple[str, ...] = SUFFIXES,
        kind: str = "pictures",
    ):
        self.as_json = as_json
        self.single = len(paths) == 1 and not os.path.isdir(paths[0])
        self.failures: list[tuple[str, str]] = []
        self._progress = False
        self._done, self._start = 0, time.monotonic()
        self.sources = list(self._find(paths, recursive, suffixes, kind))

    def done(self, text: str) -> None:
        """Print the result of one picture, if there is something to print."""
        self._done += 1
        self._show_progress(False)
        if text:
            click.echo(text)
        self._show_progress(True)

    def fail(self, path: str, error: object) -> None:
        self.failures.append((path, str(error)))
        self.done(json.dumps({"path": path, "error": str(error)}, ensure_ascii=False) if self.as_json else "")

    def exit_code(self) -> int:
        """1 if anything failed, after telling what."""
        if self.failures and not self.single:
            click.echo(f"{len(self.failures)} of {self._done} failed:", err=True)
        for path, error in self.failures:
            click.echo(error if path in error else f"{path}: {error}", err=True)
        return 1 if self.failures else 0

    def __enter__(self) -> Batch:
        self._progress = sys.stderr.isatty() and not self.single
        self._show_progress(True)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._show_progress(False)
        self._progress = False

    def _find(
        self, paths: Sequence[str], recursive: bool, suffixes: tuple[str, ...], kind: str
    ) -> Iterator[Source]:
        for path in paths:
            if path == "-":
                yield Source(path, sys.stdin.buffer.read(), "stdin.png")
            elif not os.path.isdir(path):
                yield Source(path, path, os.path.basename(path))
            elif found := files_in(path, suffixes, recursive):
                yield from (Source(str(p), str(p), str(p.relative_to(path))) for p in found)
            else:
                hint = "" if recursive else "; -r looks into its subfolders"
                self.fail(path, f"no {kind} in this folder{hint}")

    def _show_progress(self, show: bool) -> None:
        if not self._progress:
            return
        total = max(1, len(self.sources))
        filled = 30 * self._done // total
        rate = self._done / max(time.monotonic() - self._start, 1e-3)
        bar = f"[{'#' * filled}{'.' * (30 - filled)}] {self._done}/{total}  {rate:.1f}/s" if show else ""
        click.echo(f"\r\x1b[K{bar}", nl=False, err=True)


def one_by_one(
    batch: Batch, look: Callable[[str | bytes], Any], show: Callable[[str, Any], str], output: str | None
) -> int:
    """Look at each picture, print what is shown of the result, draw it into the output folder; exit code."""
    taken: set[Path] = set()
    with batch:
        for source in batch.sources:
            try:
                result = look(source.image)
                if output:
                    path = output_path(output, source, taken)
                    result.draw(source.image).save(path, quality=92, subsampling=0)
            except (IrsError, OSError) as error:
                batch.fail(source.path, error)
            else:
                batch.done(show(source.path, result))
    return batch.exit_code()


def output_path(folder: str, source: Source, taken: set[Path]) -> Path:
    """A path below the folder that no other picture of this run has and that is not the picture itself."""
    path = Path(folder, source.name)
    if path.suffix.lower() not in SUFFIXES:
        path = path.with_name(path.name + ".png")
    original, number = path, 2
    while path in taken or (path.exists() and path.samefile(source.path)):
        path, number = original.with_stem(f"{original.stem}-{number}"), number + 1
    taken.add(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
