"""Whether the tables of an MP4 file are of a size that a video has, seen before a demuxer reads them.

A few bytes of an MP4 can declare that a hundred million samples follow. libavformat then makes an index of
gigabytes in many seconds (measured: 283 KB of MP4 became 2.4 GB in 11 s), so such files stop here.

Where a box lies is not believed: libavformat accepts them nearly anywhere. All of the file but its media data
is searched for the names of the boxes that can grow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from irs_engine.errors import MediaError

MOST_SAMPLES = 4_000_000  # of all tracks and fragments: 12 hours of video at 60 frames/s with AAC are fewer
MOST_TRACKS = 64
MOST_METADATA = 256 * 2**20  # bytes beside the media data: 12 hours have 40 MB
PROBE = 16
FIRST = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot", b"uuid", b"udta")
_HIT = re.compile(b"stsz|stz2|trun|cmov|trak")


def is_mp4(head: bytes) -> bool:
    """Whether a file that begins so would be read as MP4, or its sisters MOV, M4A and 3GP."""
    return head[4:8] in FIRST


def check_tables(file: BinaryIO) -> None:
    """Refuse an MP4 file whose index would be too large. Leaves the file at its beginning.

    Raises:
        MediaError: More samples or tracks than a video has, or compressed tables.
    """
    try:
        metadata = b"".join(_metadata(file))
    finally:
        file.seek(0)
    traks = _tracks(metadata)
    samples = tracks = 0
    for hit in _HIT.finditer(metadata):
        kind, body = hit[0], metadata[hit.end() : hit.end() + 12]
        if kind == b"cmov":
            raise MediaError("its tables are compressed, which is not accepted")
        if kind == b"trak":
            tracks += 1
        elif kind == b"trun":
            samples += int.from_bytes(body[4:8], "big")
        elif not any(first <= hit.start() < last for first, last in traks):
            samples += int.from_bytes(body[8:12], "big")
        if samples > MOST_SAMPLES or tracks > MOST_TRACKS:
            raise MediaError(f"damaged: it declares {samples:,} samples or more, in {tracks} tracks or more")


def _metadata(file: BinaryIO) -> Iterator[bytes]:
    """Everything but the bodies of `mdat`."""
    file.seek(0, os.SEEK_END)
    end, at, total = file.tell(), 0, 0
    while at < end:
        file.seek(at)
        head = file.read(PROBE)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size == 0 or size < 8 or at + size > end:
            size = end - at
        if kind != b"mdat":
            total += size
            if total > MOST_METADATA:
                raise MediaError(f"damaged: more than {MOST_METADATA >> 20} MB that are no media data")
            file.seek(at)
            yield file.read(size)
        at += size


def _tracks(metadata: bytes) -> list[tuple[int, int]]:
    """Where tracks of plain PCM lie, of which each number is a sample but the index is by chunks.

    Only if nothing in the whole file can be taken for a track that is none, and nothing in these tracks for a
    second table.
    """
    found = [
        (start, end)
        for moov, moov_end in _boxes(metadata, 0, len(metadata), b"moov")
        for start, end in _boxes(metadata, moov, moov_end, b"trak")
    ]
    if metadata.count(b"trak") != len(found):
        return []
    return [(start, end) for start, end in found if _is_pcm(metadata[start:end])]


def _is_pcm(track: bytes) -> bool:
    """A sound with one size and a duration of one unit for all of its samples."""
    times, _, table = track.partition(b"stts")
    once = all(track.count(name) == 1 for name in (b"stts", b"stsz")) and b"stz2" not in track
    sound = b"soun" in track and b"vide" not in track
    _, _, sizes = track.partition(b"stsz")
    return (
        bool(times)
        and once
        and sound
        and table[4:8] == b"\0\0\0\1"
        and table[12:16] == b"\0\0\0\1"
        and table[8:12] == sizes[8:12]
    )


def _boxes(data: bytes, at: int, end: int, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Where the bodies of boxes of one kind lie that follow each other from `at` on."""
    while at + 8 <= end:
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if size < 8 or at + size > end:
            return
        if kind == wanted:
            yield at + 8, at + size
        at += size
