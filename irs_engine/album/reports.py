"""What an album tells of itself and of its indexing."""

from __future__ import annotations

from dataclasses import dataclass

from irs_engine.results import Category, Result


@dataclass(frozen=True, slots=True)
class Failure(Result):
    """A file, or a folder, that could not be read."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far the indexing is."""

    done: int  # files looked at, of `total`
    total: int  # that are new or changed
    rate: float  # files a second, of late
    left: float  # seconds that the rest will take at this rate
    path: str  # the last one


@dataclass(frozen=True, slots=True)
class IndexReport(Result):
    """What `Album.index` did: numbers of photos."""

    added: int
    changed: int  # other content than before, or looked at by other weights before
    moved: int  # known content at another path: kept with all that belongs to it
    removed: int  # no longer there
    unchanged: int
    missing: int  # not found, but kept: their folder is absent or empty, as that of a disk not mounted is
    failed: tuple[Failure, ...]
    skipped: dict[str, int]  # photos of kinds that cannot be read, such as ".heic", by suffix
    seconds: float


@dataclass(frozen=True, slots=True)
class TagCount(Result):
    id: str  # as of a Tag; user:slug for a tag of the user's own
    name: str  # in the language that was asked for
    en: str
    zh: str
    kind: str  # object | scene | concept
    category: Category
    photos: int


@dataclass(frozen=True, slots=True)
class AlbumInfo(Result):
    path: str  # of the album
    schema: int
    bytes: int  # of the file, with what is written beside it at the moment
    photos: int
    failed: tuple[Failure, ...]  # files that could not be read
    folders: tuple[str, ...]  # that were indexed
    first: str | None  # when the oldest and the newest photo were taken, ISO 8601
    last: str | None
    places: int  # photos that know where they were taken
    corrections: int
    models: dict[str, int]  # photos by the weights that looked at them
