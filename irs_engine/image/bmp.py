"""BMP: 1 to 32 bits, palette or colours, plain or run-length coded.

Alpha counts where the header has a mask for it; the fourth byte of other 32-bit files means nothing.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL.BmpImagePlugin import BmpImageFile

from irs_engine.errors import ImageDataError, ImageFormatError
from irs_engine.image.header import Header
from irs_engine.image.limits import check_growth
from irs_engine.image.pil import raster_of
from irs_engine.image.raster import Raster

PLAIN, RLE8, RLE4, MASKS = 0, 1, 2, 3  # values of the compression field that are decoded


@dataclass(frozen=True)
class BmpHeader(Header):
    bits: int = 24  # of a pixel
    compression: int = PLAIN
    offset: int = 54  # of the pixels


def read_header(data: bytes) -> BmpHeader:
    try:
        offset, header_size = struct.unpack_from("<II", data, 10)
        if header_size == 12:  # OS/2
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            compression = PLAIN
        else:
            width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    except struct.error:
        raise ImageDataError("the BMP data ends within its header") from None
    if bits not in (1, 2, 4, 8, 16, 24, 32) or compression > MASKS:
        raise ImageFormatError(f"a BMP of {bits} bits and compression {compression}; save it as 8 or 24 bits")
    # A negative height says that the top row comes first.
    return BmpHeader(width, abs(height), bits=bits, compression=compression, offset=offset)


def decode(data: bytes, header: BmpHeader) -> Raster:
    row = (header.width * header.bits + 31) // 32 * 4
    if header.compression in (RLE8, RLE4):
        check_growth(row * header.height, len(data))
    elif header.offset + row * header.height > len(data):
        raise ImageDataError("the data is truncated: the last rows of the BMP are missing")
    image = BmpImageFile(io.BytesIO(data))
    if image.size != (header.width, header.height):
        raise ImageDataError("the BMP header contradicts itself")
    return raster_of(image)
