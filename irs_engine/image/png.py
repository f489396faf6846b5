"""PNG: chunks, header, and decoding of every colour type and depth.

Only the chunks that make the picture reach a decoder. What is broken in the others cannot disturb it,
compressed texts are never unpacked, and of an animated PNG the default image remains.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from irs_engine.errors import ImageDataError
from irs_engine.image.header import Header
from irs_engine.image.icc import MAX_BYTES as MAX_ICC_BYTES
from irs_engine.image.limits import check_growth
from irs_engine.image.pil import raster_of
from irs_engine.image.raster import Raster

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each colour type
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
MAX_CHUNKS = 1_000_000
DEFLATE_LIMIT = 1032  # no byte of deflate makes more


@dataclass(frozen=True)
class PngHeader(Header):
    depth: int = 8  # bits of a sample
    color_type: int = 2  # 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
    interlaced: bool = False

    @property
    def row_bytes(self) -> int:
        """One decoded row with its filter byte; interlaced pictures have a little more in all."""
        return 1 + (self.width * CHANNELS[self.color_type] * self.depth + 7) // 8


def read_header(data: bytes) -> PngHeader:
    if len(data) < 33 or data[8:16] != b"\0\0\0\x0dIHDR":
        raise ImageDataError("the PNG data has no header")
    width, height, depth, color_type, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if depth not in DEPTHS.get(color_type, ()) or interlace > 1:
        raise ImageDataError("the PNG header contradicts itself")
    exif, packed, srgb = None, None, False
    try:
        for kind, start, end in _chunks(data):
            if kind == b"eXIf":
                exif = data[start:end]
            elif kind == b"iCCP" and packed is None:  # to unpack thousands of them would take a second
                packed = data[start:end]
            elif kind == b"sRGB":
                srgb = True
    except ImageDataError:  # said once the limits have been checked
        pass
    icc = None if srgb or packed is None else _profile(packed)
    return PngHeader(width, height, exif, icc, depth, color_type, bool(interlace))


def decode(data: bytes, header: PngHeader) -> Raster:
    expected = header.row_bytes * header.height
    check_growth(expected, len(data))
    pieces: list[bytes | memoryview] = [SIGNATURE]
    view = memoryview(data)
    for kind, start, end in _chunks(data):
        if kind in PICTURE:
            if zlib.crc32(view[start - 4 : end]) != struct.unpack_from(">I", data, end)[0]:
                raise ImageDataError(f"the PNG data is damaged (checksum of a {kind.decode()} chunk)")
            pieces.append(view[start - 8 : end + 4])
    stream = b"".join(pieces)
    if expected > DEFLATE_LIMIT * len(stream):
        raise ImageDataError("the data is far too short for the size in its header")
    if header.depth == 16 and header.color_type != 0:
        return _decode_with_cv2(stream, header)

    image = PngImageFile(io.BytesIO(stream))
    if image.size != (header.width, header.height):
        raise ImageDataError("the PNG header contradicts itself")
    image.load()
    # Pillow takes a complete deflate stream for a complete picture and leaves the rest black.
    last_row = image.crop((0, header.height - 1, header.width, header.height))
    if (header.interlaced or not any(last_row.tobytes())) and _unpacked_bytes(data, expected) < expected:
        raise ImageDataError("the data ends before the picture does")
    return raster_of(image, header.icc)


def _decode_with_cv2(stream: bytes, header: PngHeader) -> Raster:
    """16 bits in more than one channel, which PIL images cannot hold."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(stream, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (header.height, header.width) or pixels.dtype != np.uint16:
        raise ImageDataError("the PNG data does not decode")
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None
    color = pixels[..., 0] if header.color_type == 4 else pixels[..., 2::-1]
    return Raster(np.ascontiguousarray(color), alpha, header.icc)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the content of each chunk, up to IEND."""
    position = 8
    for _ in range(MAX_CHUNKS):
        if position + 12 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        start, end = position + 8, position + 8 + length
        if end + 4 > len(data):
            break
        yield kind, start, end
        if kind == b"IEND":
            return
        position = end + 4
    raise ImageDataError("the data is truncated: the end of the PNG is missing")


def _profile(content: bytes) -> bytes | None:
    """iCCP: name, 0, 0 (deflate), compressed profile."""
    packed = content[content.find(b"\0") + 2 :]
    try:
        return zlib.decompressobj().decompress(packed, MAX_ICC_BYTES) or None
    except zlib.error:
        return None


def _unpacked_bytes(data: bytes, enough: int) -> int:
    """How many bytes the pixels unpack to; stops counting at `enough`."""
    unpacker = zlib.decompressobj()
    total = 0
    for kind, start, end in _chunks(data):
        packed = data[start:end] if kind == b"IDAT" else b""
        while packed and total < enough:
            total += len(unpacker.decompress(packed, 1 << 20))
            packed = unpacker.unconsumed_tail
    return total if total >= enough else total + len(unpacker.flush())
