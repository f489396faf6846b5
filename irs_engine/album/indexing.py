"""Indexing: what is new or changed in some folders is looked at, what is gone is dropped.

Files are read and decoded in threads while the networks work; results are written every few seconds, so a
killed run loses no more than these, and the next one goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from irs_engine.album import records
from irs_engine.album.database import Database
from irs_engine.album.looking import KnownPhoto, Looker, Picture, read_picture
from irs_engine.album.model import model_of
from irs_engine.album.progress import Clock, OnProgress
from irs_engine.album.records import Content, File
from irs_engine.album.reports import Failure, IndexReport
from irs_engine.album.walk import Walk, range_below, walk
from irs_engine.batches import BATCH_PIXELS, read_ahead
from irs_engine.errors import AlbumError, ImageError, IrsError

if TYPE_CHECKING:
    from irs_engine.engine import Engine

log = logging.getLogger(__name__)

OnError = Callable[[str, IrsError], None]

COMMIT_PHOTOS, COMMIT_SECONDS = 256, 5.0  # what is written together, and the longest that it waits
BATCH, BATCH_CUDA = 8, 64  # photos that the networks see together


@dataclass(frozen=True, slots=True)
class Job:
    """A file to look at."""

    file: File
    known: bool  # a photo of that path could be read before


@dataclass(slots=True)
class Plan:
    jobs: list[Job]
    gone: dict[str, int]  # ids by path
    unchanged: int
    missing: int


class Indexing:
    """One run over folders.

    Args:
        roots: Absolute paths; True for those whose subfolders count too.
        readers: Threads that read and decode.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        roots: dict[str, bool],
        *,
        readers: int | None = None,
        on_progress: OnProgress | None = None,
        on_error: OnError | None = None,
    ):
        self.database, self.engine, self.roots = database, engine, roots
        self.model = model_of(engine)
        self._readers, self._on_progress = readers, on_progress
        self._clock = Clock(0, None)
        self._on_error = on_error or (lambda path, error: None)
        self._counts: Counter[str] = Counter()
        self._failed: list[Failure] = []
        self._gone: dict[str, int] = {}  # ids by path of what was not found, or not yet
        self._again: list[Job] = []  # those whose known content was lost meanwhile
        self._pending: list[Callable[[sqlite3.Connection], None]] = []
        self._written = time.monotonic()

    def run(self) -> IndexReport:
        start = time.monotonic()
        found = walk(self.roots)
        for failure in found.failed:
            self._fail(failure.path, AlbumError(failure.error))
        with self.database.write() as connection:
            records.register_folders(connection, self.roots)
            records.set_model(connection, self.model)
        plan = self._plan(found)
        self._gone = plan.gone
        jobs = plan.jobs
        while jobs:
            self._work(jobs)
            jobs, self._again = self._again, []
        with self.database.write() as connection:
            records.delete_photos(connection, self._gone.values())
            if plan.jobs or self._gone:
                records.embeddings_changed(connection)
                records.analyze(connection)
        return IndexReport(
            added=self._counts["added"],
            changed=self._counts["changed"],
            moved=self._counts["moved"],
            removed=len(self._gone),
            unchanged=plan.unchanged + self._counts["unchanged"],
            missing=plan.missing,
            failed=tuple(self._failed),
            skipped=dict(found.skipped.most_common()),
            seconds=time.monotonic() - start,
        )

    def _plan(self, found: Walk) -> Plan:
        """Files that could not be read before are tried again each time: there are few."""
        new, jobs, gone = dict(found.files), [], {}
        unchanged = missing = 0
        with self.database.read() as connection:
            for root, recursive in self.roots.items():
                for id, path, size, mtime_ns, model in connection.execute(
                    "SELECT id, path, size, mtime_ns, model FROM photos WHERE path >= ? AND path < ?",
                    range_below(root),
                ):
                    now = new.pop(path, None)
                    if now is not None:
                        if now == (size, mtime_ns) and model == self.model:
                            unchanged += 1
                        else:
                            jobs.append(Job(File(path, *now), model is not None))
                    elif path in found.files:  # below two of the roots
                        continue
                    elif found.may_hold(path):
                        missing += 1
                    elif recursive or os.path.dirname(path) == root:
                        gone[path] = id
        jobs += [Job(File(path, *now), False) for path, now in new.items()]
        jobs.sort(key=lambda job: job.file.path)
        return Plan(jobs, gone, unchanged, missing)

    def _work(self, jobs: list[Job]) -> None:
        on_cpu = self.engine.device.type == "cpu"
        looker = Looker(self.engine, self.database)
        size = BATCH if on_cpu else BATCH_CUDA
        readers = self._readers or (max(1, self.engine.threads // 2) if on_cpu else self.engine.threads)
        steps: Iterable[tuple[Job, Any]] = read_ahead(jobs, self._read, readers=readers, depth=size + readers)
        self._clock = Clock(len(jobs), self._on_progress)
        batch: list[tuple[Job, Picture]] = []
        with contextlib.closing(steps), self._kept():  # type: ignore[type-var]
            for job, read in steps:
                if isinstance(read, Picture):
                    batch.append((job, read))
                else:
                    self._settle(job, read)
                if len(batch) == size or sum(p.rgb.pixels.size // 3 for _, p in batch) >= BATCH_PIXELS:
                    self._look(looker, batch)
                    batch = []
                self._write_when_due()
            self._look(looker, batch)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """What is done is written, also when the user interrupts."""
        try:
            yield
        finally:
            self._write()

    def _read(self, job: Job) -> Any:
        """In a thread: a Picture to look at, or a KnownPhoto, or an error."""
        return read_picture(job.file.path, self.engine, self._photo_with)

    def _photo_with(self, digest: bytes, path: str) -> int | None:
        """A photo that these weights have looked at already: that of the path itself, if it is one."""
        with self.database.read() as connection:
            row = connection.execute(
                "SELECT id FROM photos WHERE digest = ? AND model = ? ORDER BY path <> ? LIMIT 1",
                (digest, self.model, path),
            ).fetchone()
        return row[0] if row else None

    def _look(self, looker: Looker, batch: list[tuple[Job, Picture]]) -> None:
        if batch:
            contents = looker.look([picture for _, picture in batch])
            for (job, _), content in zip(batch, contents, strict=True):
                self._settle(job, content)

    def _settle(self, job: Job, found: Content | KnownPhoto | IrsError) -> None:
        """Note what is to be written."""
        self._clock.tick(job.file.path)
        if isinstance(found, IrsError):
            self._fail(job.file.path, found)
            if job.known and type(found) is ImageError:  # not damaged, but out of reach: perhaps not for long
                return
            self._pending.append(partial(records.store_failure, file=job.file, error=str(found)))
        elif isinstance(found, Content):
            self._counts["changed" if job.known else "added"] += 1
            self._pending.append(
                partial(records.store_content, file=job.file, content=found, model=self.model)
            )
        else:
            self._pending.append(partial(self._store_known, job, found))

    def _store_known(self, job: Job, source: KnownPhoto, connection: sqlite3.Connection) -> None:
        row = connection.execute(
            "SELECT path FROM photos WHERE id = ? AND digest = ?", (source.id, source.digest)
        ).fetchone()
        if row is None:  # that photo has changed, too, and was written first
            self._again.append(job)
            return
        (path,) = row
        if path == job.file.path:
            records.touch_photo(connection, job.file)
            self._counts["unchanged"] += 1
        elif self._gone.pop(path, None) is not None:
            records.move_photo(connection, job.file, source.id)
            self._counts["moved"] += 1
        else:
            records.store_copy(connection, job.file, source.id)
            self._counts["changed" if job.known else "added"] += 1

    def _fail(self, path: str, error: IrsError) -> None:
        self._failed.append(Failure(path, str(error)))
        self._on_error(path, error)

    def _write_when_due(self) -> None:
        if len(self._pending) >= COMMIT_PHOTOS or time.monotonic() - self._written >= COMMIT_SECONDS:
            self._write()

    def _write(self) -> None:
        if self._pending:
            with self.database.write() as connection:
                for store in self._pending:
                    store(connection)
                records.embeddings_changed(connection)
            self._pending.clear()
        self._written = time.monotonic()
