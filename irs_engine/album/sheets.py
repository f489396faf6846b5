"""Contact sheets: photos in rows, each with its name and what it shows, as pictures to print or to send."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from PIL import Image, ImageOps

from irs_engine.album.photos import Photo
from irs_engine.album.reports import Failure
from irs_engine.album.thumbnails import thumbnails
from irs_engine.draw import FAINT, INK, PAPER, TRACK, drawable, rounded, write
from irs_engine.errors import AlbumError, IrsError
from irs_engine.results import Result

CELL, HIGH = 320, 240  # pixels that a photo lies within
GAP, MARGIN, TEXT, TITLE = 24, 48, 52, 64
NAMED = 3  # tags


@dataclass(frozen=True, slots=True)
class SheetReport(Result):
    pages: tuple[str, ...]  # paths
    photos: int
    failed: tuple[Failure, ...]  # photos whose places are empty


def draw_sheets(
    photos: Iterable[Photo], *, columns: int, rows: int, title: str, failed: list[Failure]
) -> Iterator[Image.Image]:
    """Pages of columns x rows photos, the last one shorter.

    Args:
        failed: Photos that cannot be read are added to it; their places stay empty.
    """
    cells = thumbnails(photos, HIGH)
    width = 2 * MARGIN + columns * (CELL + GAP) - GAP
    step = HIGH + TEXT + GAP
    for number in count(1):
        page = list(islice(cells, columns * rows))
        if not page:
            return
        height = 2 * MARGIN + TITLE + -(-len(page) // columns) * step - GAP
        sheet = Image.new("RGB", (width, height), PAPER)
        write(sheet, (MARGIN, MARGIN), drawable(title, title), 28, INK, room=width - 2 * MARGIN - 80)
        write(sheet, (width - MARGIN, MARGIN + 8), str(number), 18, FAINT, anchor="ra")
        for place, (photo, picture) in enumerate(page):
            left = MARGIN + place % columns * (CELL + GAP)
            top = MARGIN + TITLE + place // columns * step
            if isinstance(picture, IrsError):
                failed.append(Failure(photo.path, str(picture)))
                rounded(sheet, (left, top, left + CELL, top + HIGH), TRACK, 6)
            else:
                _paste(sheet, picture, (left, top))
            _write_caption(sheet, photo, (left, top + HIGH + 6))
        yield sheet


def write_sheets(
    photos: Iterable[Photo], target: str | os.PathLike[str], *, columns: int, rows: int, title: str
) -> SheetReport:
    """One file for each page: sheet.jpg, sheet-2.jpg, ..."""
    place, pages = Path(target), list[str]()
    seen, failed = list[int](), list[Failure]()
    for sheet in draw_sheets(_noted(photos, seen), columns=columns, rows=rows, title=title, failed=failed):
        path = place.with_stem(f"{place.stem}-{len(pages) + 1}") if pages else place
        try:
            sheet.save(path, quality=90, subsampling=0)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AlbumError(f"{path}: cannot be written ({reason}); call it .jpg or .png") from error
        pages.append(str(path))
    return SheetReport(tuple(pages), len(seen), tuple(failed))


def _noted(photos: Iterable[Photo], ids: list[int]) -> Iterator[Photo]:
    for photo in photos:
        ids.append(photo.id)
        yield photo


def _paste(sheet: Image.Image, picture: Image.Image, at: tuple[int, int]) -> None:
    """In the middle of its cell."""
    fitted = ImageOps.contain(picture, (CELL, HIGH), Image.Resampling.BICUBIC)
    sheet.paste(fitted, (at[0] + (CELL - fitted.width) // 2, at[1] + HIGH - fitted.height))


def _write_caption(sheet: Image.Image, photo: Photo, at: tuple[int, int]) -> None:
    name = os.path.basename(photo.path)
    day = (photo.taken or "")[:10]
    room = CELL - (90 if day else 0)
    write(sheet, at, name, 15, INK, room=room)
    if day:
        write(sheet, (at[0] + CELL, at[1]), day, 15, FAINT, anchor="ra")
    shown = ", ".join(drawable(tag.name, tag.en) for tag in photo.tags[:NAMED])
    write(sheet, (at[0], at[1] + 21), shown, 14, FAINT, room=CELL)
