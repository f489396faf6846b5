"""A gallery in one HTML file: thumbnails, tags and a search that work from disk, without a network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from irs_engine.album.photos import Photo
from irs_engine.album.reports import Failure
from irs_engine.album.thumbnails import encoded_thumbnails
from irs_engine.album.writing import whole_file
from irs_engine.errors import IrsError
from irs_engine.results import Result

SHEET = 50  # thumbnails that the page decodes together
QUALITY = 74


@dataclass(frozen=True, slots=True)
class GalleryReport(Result):
    photos: int
    failed: tuple[Failure, ...]  # photos of which there is no picture; they are in the gallery by name
    size: int  # bytes


def write_gallery(
    photos: Iterable[Photo],
    target: str | os.PathLike[str],
    *,
    title: str,
    language: str,
    height: int,
    links: bool,
) -> GalleryReport:
    """Write the page; it takes the place of `target` when it is whole.

    Args:
        height: Of the thumbnails, in pixels.
        links: The page knows where the photos are, relative to itself, and shows them at full size.
    """
    about = _About(Path(os.path.realpath(target)).parent, links)
    failed: list[Failure] = []
    with whole_file(target, "w", encoding="utf-8", newline="\n") as file:
        file.write(_head(title, language))
        sheet: list[str] = []
        for photo, data in encoded_thumbnails(photos, height, QUALITY):
            if isinstance(data, IrsError):
                failed.append(Failure(photo.path, str(data)))
                data = b""
            about.add(photo, seen=bool(data))
            sheet.append(base64.b64encode(data).decode())
            if len(sheet) == SHEET:
                _write_sheet(file, sheet)
        _write_sheet(file, sheet)
        facts = {"language": language, "sheet": SHEET, "tags": about.tags, "photos": about.photos}
        file.write(f'<script type="application/json" id="album">{_json(facts)}</script>\n')
        file.write(f"<script>{_part('gallery.js')}</script>\n</body>\n</html>\n")
    return GalleryReport(len(about.photos), tuple(failed), os.path.getsize(target))


class _About:
    """What the page knows of photos, in short: no tag is named twice, no folder unless it is linked to."""

    def __init__(self, folder: Path, links: bool):
        self._folder, self._links = folder, links
        self._numbers: dict[str, int] = {}
        self.tags: list[tuple[str, str, str, str]] = []  # id, en, zh, kind
        self.photos: list[tuple[Any, ...]] = []  # name, link, taken, width, height, [tag, confidence, ...]

    def add(self, photo: Photo, seen: bool) -> None:
        tags: list[float] = []
        for tag in photo.tags:
            if tag.id not in self._numbers:
                self._numbers[tag.id] = len(self.tags)
                self.tags.append((tag.id, tag.en, tag.zh, tag.kind))
            tags += [self._numbers[tag.id], round(tag.confidence, 1)]
        name = os.path.basename(photo.path)
        self.photos.append((name, self._link(photo.path) if seen else None, photo.taken, *photo.size, tags))

    def _link(self, path: str) -> str | None:
        if not self._links:
            return None
        try:
            way = os.path.relpath(path, self._folder)
        except ValueError:  # on another drive
            return Path(path).as_uri()
        return quote(way.replace(os.sep, "/"))


def _head(title: str, language: str) -> str:
    """Everything before the data. The policy lets the page's own script run, and no other, and load nothing
    but photos beside it."""
    style = _part("gallery.css")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(_part('gallery.js'))}",
            f"style-src {_hash(style)}",
            "img-src data: file: 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    page = _part("gallery.html")
    for name, text in {
        "language": "zh-CN" if language == "zh" else "en",
        "policy": policy,
        "style": style,
        "title": html.escape(title),  # last: it may hold anything
    }.items():
        page = page.replace(f"{{{name}}}", text)
    return page


def _write_sheet(file: IO[str], sheet: list[str]) -> None:
    if sheet:
        file.write('<script type="text/plain" class="pictures">{}</script>\n'.format("\n".join(sheet)))
        sheet.clear()


def _json(value: Any) -> str:
    """In a script element, which no text of a photo may end."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _part(name: str) -> str:
    return files("irs_engine.album").joinpath("page", name).read_text("utf-8")
