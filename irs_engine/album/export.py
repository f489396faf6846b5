"""Photos and their tags as JSON lines or CSV, for other programs."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable
from typing import IO

from irs_engine.album.photos import Photo
from irs_engine.album.writing import whole_file
from irs_engine.errors import ParameterError

COLUMNS = ("path", "taken", "width", "height", "latitude", "longitude", "tags", "ids", "confidences")
BETWEEN = "; "  # several values in one cell


def format_of(target: str | os.PathLike[str] | None, format: str | None) -> str:
    """What was asked for, else what the name of the file says, else jsonl."""
    if format is None:
        ending = os.path.splitext(os.fspath(target))[1].lower() if target is not None else ""
        format = {"": "jsonl", ".json": "jsonl", ".ndjson": "jsonl"}.get(ending, ending[1:])
    if format not in WRITERS:
        raise ParameterError(f"format={format!r}: expected {' or '.join(WRITERS)}")
    return format


def export_photos(
    photos: Iterable[Photo], target: str | os.PathLike[str] | IO[str], format: str | None
) -> int:
    """Write them to a file, which appears when it is whole, or to an open one; how many there were."""
    if not isinstance(target, (str, os.PathLike)):
        return write_photos(photos, target, format_of(None, format))
    format = format_of(target, format)
    encoding = "utf-8-sig" if format == "csv" else "utf-8"  # Excel tells it by the mark alone
    with whole_file(target, "w", encoding=encoding, newline="") as file:
        return write_photos(photos, file, format)


def write_photos(photos: Iterable[Photo], file: IO[str], format: str) -> int:
    """Write them to an open text file, without holding them all; how many there were."""
    return WRITERS[format](photos, file)


def _write_jsonl(photos: Iterable[Photo], file: IO[str]) -> int:
    """One object per photo and line: `Photo.to_dict`."""
    count = 0
    for photo in photos:
        file.write(photo.to_json() + "\n")
        count += 1
    return count


def _write_csv(photos: Iterable[Photo], file: IO[str]) -> int:
    """A row per photo; tags, their ids and confidences (0..100) in the same order, most confident first."""
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    count = 0
    for photo in photos:
        place = (photo.place.latitude, photo.place.longitude) if photo.place else ("", "")
        row = [photo.path, photo.taken or "", *photo.size, *place]
        row += [
            BETWEEN.join(column)
            for column in (
                [tag.name for tag in photo.tags],
                [tag.id for tag in photo.tags],
                [f"{tag.confidence:.2f}" for tag in photo.tags],
            )
        ]
        table.writerow(row)
        count += 1
    return count


WRITERS: dict[str, Callable[[Iterable[Photo], IO[str]], int]] = {"jsonl": _write_jsonl, "csv": _write_csv}
