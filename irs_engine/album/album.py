"""`irs.Album`: the photos of some folders, what they show, and every verb on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Literal

from irs_engine.album.database import Database
from irs_engine.album.photos import THRESHOLD, Photo, all_ids, read_photos
from irs_engine.album.reports import AlbumInfo, IndexProgress, IndexReport, TagCount
from irs_engine.errors import AlbumError, IrsError, ParameterError

if TYPE_CHECKING:
    from datetime import date

    from irs_engine.album.clusters import AlbumProposal, Kind
    from irs_engine.album.duplicates import DuplicateGroup
    from irs_engine.album.gallery import GalleryReport
    from irs_engine.album.search import SearchResult
    from irs_engine.album.sheets import SheetReport
    from irs_engine.album.sidecars import XmpReport
    from irs_engine.album.similar import SimilarPhoto
    from irs_engine.engine import Engine
    from irs_engine.image import ImageInput

AnyPath = str | os.PathLike[str]
PhotoGiven = int | str | os.PathLike[str] | Photo  # an id, a path, or a photo of this album


def default_path() -> Path:
    """Where the album is when nothing else is said: $IRS_ALBUM, or in the user's home."""
    return Path(os.environ.get("IRS_ALBUM") or "~/.irs_engine/album.db").expanduser()


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

    def search(
        self,
        query: str,
        *,
        threshold: float = THRESHOLD,
        limit: int = 50,
        offset: int = 0,
        since: str | date | None = None,
        until: str | date | None = None,
        language: str = "en",
    ) -> SearchResult:
        """Photos that fit a query such as "dog beach -person 2024", the likeliest first.

        Words stand for tags in either language, general ones for their kinds too; what stands beside each
        other must be there together. OR, brackets, - or NOT, dates (2024-07, 2019..2021), "names in quotes"
        and dog:80 for a confidence of 80 are understood; query.py has the grammar.

        Args:
            threshold: Confidence that a word without one of its own needs, 0 to 100; none below 20 is kept.
            offset: Leave out so many of the first ones.
            since: Taken on this day (month, year) or later.
            until: Taken on this day (month, year) or earlier.

        Raises:
            ParameterError: A word is no tag (the message has the nearest names), or the query is incomplete.
        """
        from irs_engine.album.search import search

        return search(
            self.database,
            query,
            threshold=threshold,
            limit=limit,
            offset=offset,
            since=since,
            until=until,
            language=language,
        )

    def similar(
        self, photo: PhotoGiven | ImageInput, *, limit: int = 20, language: str = "en"
    ) -> tuple[SimilarPhoto, ...]:
        """The photos that look most like one of the album, or like any picture; exact search.

        Args:
            photo: One of the album, which itself is left out, or any kind of image.

        Raises:
            AlbumError: No such photo in the album, or it was indexed with other weights.
        """
        from irs_engine.album.similar import similar_to_image, similar_to_photo

        if isinstance(photo, (int, Photo)):
            return similar_to_photo(self.database, self.id_of(photo), limit, language)
        if isinstance(photo, (str, os.PathLike)):
            with self.database.read() as connection:
                known = connection.execute(
                    "SELECT id FROM photos WHERE path = ? AND error IS NULL", (os.path.abspath(photo),)
                ).fetchone()
            if known:
                return similar_to_photo(self.database, known[0], limit, language)
        return similar_to_image(self.database, self.engine, photo, limit, language)

    def duplicates(self, *, language: str = "en") -> Iterator[DuplicateGroup]:
        """Groups of photos that are the same picture: copied, resized, saved anew, mirrored or cropped a bit.

        The first photo of a group is the one to keep. Nothing is deleted.
        """
        from irs_engine.album.duplicates import find_duplicates

        return find_duplicates(self.database, language)

    def cluster(
        self, by: Kind | None = None, *, least: int = 8, limit: int | None = None, language: str = "en"
    ) -> list[AlbumProposal]:
        """Albums that photos could make, with names: by "time", "place" or "content", or by all of these.

        Args:
            least: Photos of the smallest.
            limit: Propose at most so many of a kind, the largest ones.
        """
        from irs_engine.album.clusters import propose_albums

        return propose_albums(self.database, by, least=least, limit=limit, language=language)

    def export(
        self,
        target: AnyPath | IO[str],
        *,
        format: str | None = None,
        query: str | None = None,
        threshold: float = THRESHOLD,
        language: str = "en",
    ) -> int:
        """Write photos and their tags for other programs; how many there were.

        Args:
            target: A file, or an open text file.
            format: "jsonl" or "csv"; what the name of the file says, else jsonl.
            query: Only the photos that this search finds, the likeliest first.
            threshold: Confidence of the tags that are written.
        """
        from irs_engine.album.export import export_photos

        return export_photos(self._chosen(query, threshold, language), target, format)

    def write_xmp(
        self,
        *,
        query: str | None = None,
        threshold: float = THRESHOLD,
        language: Literal["en", "zh", "both"] = "en",
        naming: Literal["full", "stem"] = "full",
    ) -> XmpReport:
        """Write the tags beside the photos, as keywords in XMP sidecars that other programs read.

        A sidecar that is there keeps all that it has. The photos stay as they are.

        Args:
            naming: "full": IMG_1.jpg.xmp, as digiKam and PhotoPrism have it; "stem": IMG_1.xmp.
        """
        from irs_engine.album.sidecars import write_sidecars

        return write_sidecars(self._chosen(query, threshold, "en"), self.database, language, naming)

    def gallery(
        self,
        target: AnyPath,
        *,
        query: str | None = None,
        limit: int = 5000,
        title: str | None = None,
        threshold: float = THRESHOLD,
        language: str = "en",
        height: int = 256,
        links: bool = True,
    ) -> GalleryReport:
        """Write one HTML file with thumbnails and a search, that opens from disk.

        Args:
            limit: At most so many photos; a thousand are about 20 MB.
            height: Of the thumbnails, in pixels.
            links: Let it show the photos themselves where it finds them; else it tells nothing of folders.
        """
        from irs_engine.album.gallery import write_gallery

        photos = self._chosen(query, threshold, language, limit)
        name = title or query or self.path.stem
        return write_gallery(photos, target, title=name, language=language, height=height, links=links)

    def sheet(
        self,
        target: AnyPath,
        *,
        query: str | None = None,
        limit: int = 300,
        title: str | None = None,
        threshold: float = THRESHOLD,
        language: str = "en",
        columns: int = 5,
        rows: int = 6,
    ) -> SheetReport:
        """Draw contact sheets: the photos in rows, with names and tags; further pages are sheet-2.jpg, ..."""
        from irs_engine.album.sheets import write_sheets

        photos = self._chosen(query, threshold, language, limit)
        name = title or query or self.path.stem
        return write_sheets(photos, target, columns=columns, rows=rows, title=name)

    def _chosen(
        self, query: str | None, threshold: float, language: str, limit: int | None = None
    ) -> Iterator[Photo]:
        from irs_engine.album.chosen import chosen_photos

        return chosen_photos(self.database, query, threshold, language, limit)

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
