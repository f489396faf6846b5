"""`irs.Album`: the photos of some folders, what they show, and every verb on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from irs_engine.album.database import Database
from irs_engine.album.photos import THRESHOLD, Photo, all_ids, read_photos
from irs_engine.errors import AlbumError

if TYPE_CHECKING:
    from irs_engine.engine import Engine

AnyPath = str | os.PathLike[str]
PhotoGiven = int | str | os.PathLike[str] | Photo  # an id, a path, or a photo of this album


def default_path() -> Path:
    """Where the album is when nothing else is said: $IRS_ALBUM, else in the user's data folder."""
    chosen = os.environ.get("IRS_ALBUM")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "irs_engine" / "album.db"


class Album:
    """An album is one file. Several threads and processes may use it at the same time.

    Args:
        path: The file; `default_path()` if nothing is given.
        create: Make it where there is none.
        engine: What looks at the photos; the default one if nothing is given.

    Raises:
        AlbumError: There is no such album, or the file is something else, damaged, or of a later version.
    """

    def __init__(self, path: AnyPath | None = None, create: bool = True, engine: Engine | None = None):
        self.database = Database(default_path() if path is None else path, create)
        self._engine = engine

    @property
    def path(self) -> Path:
        return self.database.path

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            from irs_engine.engine import default_engine

            self._engine = default_engine()
        return self._engine

    def photos(self, *, threshold: float = THRESHOLD, language: str = "en") -> Iterator[Photo]:
        """All photos that could be read, in the order of their ids, with tags of this confidence or more."""
        return read_photos(self.database, all_ids(self.database), threshold, language)

    def photo(self, photo: PhotoGiven, *, threshold: float = THRESHOLD, language: str = "en") -> Photo:
        """One photo, by its id or its path.

        Raises:
            AlbumError: It is not in the album.
        """
        found = list(read_photos(self.database, [self.id_of(photo)], threshold, language))
        if not found:
            raise AlbumError(f"{photo}: not in the album {self.path}; index its folder first")
        return found[0]

    def id_of(self, photo: PhotoGiven) -> int:
        """The id of a photo that is told by its id, its path or itself."""
        if isinstance(photo, Photo):
            return photo.id
        if isinstance(photo, int):
            return photo
        path = os.path.abspath(photo)
        with self.database.read() as connection:
            row = connection.execute("SELECT id, error FROM photos WHERE path = ?", (path,)).fetchone()
        if row is None:
            raise AlbumError(f"{path}: not in the album {self.path}; index its folder first")
        if row[1] is not None:
            raise AlbumError(f"{path}: could not be read when it was indexed ({row[1]})")
        return row[0]

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Album:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
