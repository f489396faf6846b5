"""WEBP: chunks and header of lossy, lossless and animated files."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL.WebPImagePlugin import WebPImageFile

from irs_engine.errors import ImageDataError
from irs_engine.image.header import Header
from irs_engine.image.limits import check_growth
from irs_engine.image.pil import raster_of
from irs_engine.image.raster import Raster

MAX_CHUNKS = 100_000  # as many frames of an animation are looked through for what follows them


@dataclass(frozen=True)
class WebpHeader(Header):
    lossless: bool = False


def read_header(data: bytes) -> WebpHeader:
    chunks: dict[bytes, bytes] = {}
    size = None
    for kind, start, end in _chunks(data):
        if kind in (b"EXIF", b"ICCP"):
            chunks.setdefault(kind, data[start:end])
        elif kind in (b"VP8X", b"VP8 ", b"VP8L"):
            chunks.setdefault(kind, b"")
            size = size or _size(kind, data[start : min(end, start + 10)])
    if size is None:
        raise ImageDataError("the WEBP data has no header")
    return WebpHeader(*size, chunks.get(b"EXIF"), chunks.get(b"ICCP"), lossless=b"VP8L" in chunks)


def decode(data: bytes, header: WebpHeader) -> Raster:
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise ImageDataError("the data is truncated: the end of the WEBP is missing")
    check_growth(4 * header.width * header.height, len(data))
    image = WebPImageFile(io.BytesIO(data))
    if image.size != (header.width, header.height):
        raise ImageDataError("the WEBP header contradicts itself")
    image.load()  # the first frame
    return raster_of(image, header.icc)


def _size(kind: bytes, head: bytes) -> tuple[int, int] | None:
    if kind == b"VP8X" and len(head) == 10:  # canvas, each side less one in 24 bits
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 6)
        return width & 0x3FFF, height & 0x3FFF  # above them is a scale that no decoder uses
    if kind == b"VP8L" and head[:1] == b"\x2f" and len(head) >= 5:
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the content of each chunk; the last one may be cut."""
    position = 12
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        yield kind, start, min(start + length, len(data))
        position = start + length + (length & 1)
