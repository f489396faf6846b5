"""`irs.Album`: the photos of some folders, what they show, and every verb on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from irs_engine.album.database import Database
from irs_engine.album.photos import THRESHOLD, Photo, all_ids, read_photos
from irs_engine.album.reports import AlbumInfo, IndexProgress, IndexReport, TagCount
from irs_engine.errors import AlbumError, IrsError, ParameterError

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

    def index(
        self,
        folders: AnyPath | Iterable[AnyPath] = (),
        *,
        recursive: bool = True,
        on_progress: Callable[[IndexProgress], None] | None = None,
        on_error: Callable[[str, IrsError], None] | None = None,
        workers: int | None = None,
    ) -> IndexReport:
        """Look at what is new or changed in folders, and drop what is gone.

        May be interrupted or killed: what was done is kept, and the next call goes on. Photos that other
        weights looked at before are looked at again.

        Args:
            folders: All that were indexed before, if none is given.
            on_progress: Called after each file that is looked at.
            on_error: Called with the path and the error of each file that cannot be read.
            workers: Threads that read and decode; half of the CPU's beside networks on a CPU, all otherwise.

        Raises:
            AlbumError: One is no folder, or none was given and none was indexed before.
        """
        from irs_engine.album.folders import folders_to_index
        from irs_engine.album.indexing import Indexing

        if workers is not None and workers < 1:
            raise ParameterError(f"workers={workers}: expected 1 or more")
        several = [folders] if isinstance(folders, (str, os.PathLike)) else list(folders)
        roots = folders_to_index(self.database, [os.fspath(folder) for folder in several], recursive)
        return Indexing(
            self.database, self.engine, roots, readers=workers, on_progress=on_progress, on_error=on_error
        ).run()

    def forget(self, folder: AnyPath) -> int:
        """Drop the photos of a folder and do not index it again; how many there were. Files stay as they are.

        What was corrected is kept, for the time that they come back.
        """
        from irs_engine.album.records import delete_photos, embeddings_changed, ids_below

        path = os.path.abspath(folder)
        with self.database.write() as connection:
            ids = ids_below(connection, path)
            dropped = connection.execute("DELETE FROM folders WHERE path = ?", (path,)).rowcount
            if not ids and not dropped:
                raise AlbumError(f"{path}: nothing of this folder is in the album {self.path}")
            delete_photos(connection, ids)
            embeddings_changed(connection)
        return len(ids)

    def tags(self, *, threshold: float = THRESHOLD, language: str = "en") -> list[TagCount]:
        """The tags that photos have with this confidence, and how many have them; the most frequent first."""
        from irs_engine.album.counts import count_tags

        return count_tags(self.database, threshold, language)

    def correct(
        self,
        photos: PhotoGiven | Sequence[PhotoGiven],
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        forget: Iterable[str] = (),
    ) -> None:
        """Say that photos have tags, or have not; it stays true when they are moved and indexed anew.

        It counts for all files with the same content. Adding a tag adds what it is a kind of, removing one
        removes its kinds too.

        Args:
            photos: One or several, by id or path.
            add: Names or ids of tags, in either language; a name that no tag has makes a new tag.
            remove: The same, of tags that are known.
            forget: Tags of which nothing is said any more: what the tagger sees counts again.

        Raises:
            AlbumError: No such photo or tag.
        """
        from irs_engine.album.corrections import correct

        several = [photos] if isinstance(photos, (int, str, os.PathLike, Photo)) else photos
        ids = [self.id_of(photo) for photo in several]
        with self.database.write() as connection:
            correct(connection, ids, _names(add), _names(remove), _names(forget))

    def rename_tag(self, tag: str, *, en: str | None = None, zh: str | None = None) -> None:
        """Call a tag otherwise in this album, in one language or both; new weights do not change that.

        Raises:
            AlbumError: No such tag, or another one is called so.
        """
        from irs_engine.album.corrections import rename_tag

        with self.database.write() as connection:
            rename_tag(connection, tag, en, zh)

    def info(self) -> AlbumInfo:
        """What is in the album."""
        from irs_engine.album.counts import describe

        return describe(self.database)

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


def _names(names: str | Iterable[str]) -> list[str]:
    """Also one name alone."""
    return [names] if isinstance(names, str) else list(names)
