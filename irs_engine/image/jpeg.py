"""JPEG: header, decoding at a reduced size, and noticing that the data ends before the picture does.

Pillow decodes, from a copy without EXIF, ICC and comments: what is broken there cannot disturb it. cv2 (the
same libjpeg-turbo, the same pixels) takes over only where many pixels come out, because there it is a third
faster; for a large photo at 1/8 the two differ by 2 %, which does not pay for importing it.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from irs_engine.errors import ImageDataError, ImageFormatError
from irs_engine.image import exif as exif_data
from irs_engine.image.header import Header
from irs_engine.image.jpeg_quality import quality_of, read_tables
from irs_engine.image.pil import raster_of
from irs_engine.image.raster import CV2_FROM_PIXELS, Raster

SOI, EOI, SOS = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
MARKER = re.compile(rb"\xff([^\xff])", re.DOTALL)  # not \xff+: that takes the square of a run's length
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # every SOFn; of them these are decoded:
SEQUENTIAL, PROGRESSIVE = {0xC0, 0xC1, 0xC9}, {0xC2, 0xCA}
BARE = {0x00, 0x01, *range(0xD0, 0xD8)}  # markers without content
NOT_PIXELS = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # APPn, COM; APP0 and APP14 say the colour space
MAX_SEGMENTS = 10_000
MAX_SCANS = 100  # real ones have about 10; each costs a pass over the whole picture

# Bits that no Huffman code begins with: enough for the decoder's look-ahead, too few for many blocks.
PADDING = b"\xff\x00" * 12
FILL = (127, 128)  # what libjpeg paints where data is missing; 127 in inverted CMYK


@dataclass(frozen=True)
class JpegHeader(Header):
    components: int = 3
    one_scan: bool = True  # False: progressive, or components one after the other
    essential: tuple[tuple[int, int], ...] = ()  # (start, end) of the segments that decoding needs
    scan: int = 0  # offset of the first SOS marker
    end: int = -1  # offset of EOI, -1 where it is missing
    quality: int | None = None  # 1..100 as libjpeg counts, from the quantisation of luma


def read_header(data: bytes) -> JpegHeader:
    frame: tuple[int, ...] | None = None  # SOFn, height, width, components
    exif = None
    profile: list[tuple[int, bytes]] = []
    essential = []
    tables: dict[int, list[int]] = {}
    luma_table = 0
    position = 2
    for _ in range(MAX_SEGMENTS):
        start, marker, body, position = _next_segment(data, position)
        if marker in FRAMES:
            if frame or position - body < 6:
                raise ImageDataError("the JPEG header contradicts itself")
            if marker not in SEQUENTIAL | PROGRESSIVE or data[body] != 8:
                raise ImageFormatError("a lossless, hierarchical or 12-bit JPEG; convert it to a usual one")
            frame = marker, *struct.unpack_from(">HHB", data, body + 1)
            luma_table = data[body + 8] if position - body > 8 else 0
        elif marker == 0xDB:
            tables |= read_tables(data[body:position])
        elif marker == 0xE1 and exif is None and data.startswith(exif_data.PREFIX, body):
            exif = data[body:position]
        elif marker == 0xE2 and data.startswith(b"ICC_PROFILE\0", body) and position >= body + 14:
            profile.append((data[body + 12], data[body + 14 : position]))
        elif marker in (SOS[1], EOI[1]):
            break
        if marker not in NOT_PIXELS | BARE:
            essential.append((start, position))
    if frame is None or marker != SOS[1] or position == body:
        raise ImageDataError("the JPEG data holds no picture")
    kind, height, width, components = frame
    if height == 0:
        raise ImageFormatError("a JPEG whose header lacks the height; save it again with another program")
    return JpegHeader(
        width,
        height,
        exif,
        _joined(profile),
        components,
        one_scan=kind in SEQUENTIAL and data[body] == components,
        essential=tuple(essential),
        scan=start,
        end=data.rfind(EOI, start),
        quality=quality_of(tables.get(luma_table)),
    )


def decode(data: bytes, header: JpegHeader, reduction: int) -> Raster:
    """Pixels at 1/reduction (1, 2, 4, 8) of the size, rounded up."""
    blocks = -(-header.width // 8) * -(-header.height // 8)
    if 8 * (len(data) - header.scan) < blocks:  # a block takes one bit at the very least
        raise ImageDataError("the data is far too short for the size in its header")
    if not header.one_scan and data.count(SOS, header.scan) > MAX_SCANS:
        raise ImageDataError(f"a progressive JPEG of more than {MAX_SCANS} scans")
    whole = header.end >= 0
    if not whole and not header.one_scan:
        raise ImageDataError("the data is truncated: the end of the JPEG is missing")

    stream = _stream(data, header, EOI if whole else PADDING)
    large = reduction == 1 and header.width * header.height >= CV2_FROM_PIXELS
    last: Any
    if large and whole and header.components in (1, 3):
        raster = _decode_with_cv2(stream, header)
        last = raster.pixels[-1, -1]
    else:
        image = _decode_with_pil(stream, header, reduction)
        last = image.getpixel((image.width - 1, image.height - 1))
        raster = raster_of(image, header.icc)
    # libjpeg fills what the data does not reach with grey and says nothing. A picture whose last pixel is of
    # that very grey is decoded again (small, and rarely) in a way that cannot end early without an error.
    if whole and header.one_scan and np.isin(last, FILL).all():
        _decode_with_pil(_stream(data, header, PADDING), header, 8)
    return raster


def _next_segment(data: bytes, position: int) -> tuple[int, int, int, int]:
    """Offset of the next marker, its code, and where its content starts and ends."""
    found = MARKER.search(data, position)
    if found is None:
        raise ImageDataError("the JPEG data ends within its header")
    start, marker, body = found.start(), found[1][0], found.end()
    if marker in BARE or marker == EOI[1]:
        return start, marker, body, body
    end = body + max(2, int.from_bytes(data[body : body + 2], "big"))
    if end > len(data):
        raise ImageDataError("the JPEG data ends within its header")
    return start, marker, body + 2, end


def _joined(profile: list[tuple[int, bytes]]) -> bytes | None:
    """The ICC profile from its parts (number, bytes), None unless all are there."""
    if not profile or sorted(number for number, _ in profile) != list(range(1, len(profile) + 1)):
        return None
    return b"".join(part for _, part in sorted(profile))


def _stream(data: bytes, header: JpegHeader, ending: bytes) -> bytes:
    view = memoryview(data)
    scans = view[header.scan : header.end] if header.end >= 0 else view[header.scan :]
    return b"".join([SOI, *(view[start:end] for start, end in header.essential), scans, ending])


def _decode_with_pil(stream: bytes, header: JpegHeader, reduction: int) -> Image.Image:
    image = JpegImageFile(io.BytesIO(stream))
    if image.size != (header.width, header.height):
        raise ImageDataError("the JPEG header contradicts itself")
    image.draft(None, (max(1, header.width // reduction), max(1, header.height // reduction)))  # type: ignore
    image.decodermaxblock = len(stream)  # one piece: no copying of leftovers
    image.load()
    return image


def _decode_with_cv2(stream: bytes, header: JpegHeader) -> Raster:
    import cv2

    color = cv2.IMREAD_COLOR_RGB if header.components == 3 else cv2.IMREAD_GRAYSCALE
    pixels = cv2.imdecode(np.frombuffer(stream, np.uint8), color | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise ImageDataError("the JPEG data does not decode")
    return Raster(pixels, icc=header.icc)
