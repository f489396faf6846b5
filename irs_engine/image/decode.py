"""Encoded data: which format it is, what its header says, and its pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from irs_engine.errors import ImageDataError, ImageError, ImageFormatError, ImageSizeError
from irs_engine.image import bmp, jpeg, png, webp
from irs_engine.image.header import Header
from irs_engine.image.limits import Limits
from irs_engine.image.raster import Raster

CODECS: dict[str, Any] = {"JPEG": jpeg, "PNG": png, "BMP": bmp, "WEBP": webp}

# What people also have, by its first bytes, so that the refusal can name it.
OTHERS = {
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"8BPS": "Photoshop",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL": "JPEG XL",
    b"\0\0\0\x0cjP": "JPEG 2000",
}
BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF", b"mp42": "MP4", b"isom": "MP4"}


def format_of(data: bytes) -> str:
    """The format by the first bytes, whatever the file is called."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(png.SIGNATURE):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM") and len(data) >= 26:
        return "BMP"
    if not data:
        raise ImageDataError("there are 0 bytes in it")
    brand = BRANDS.get(data[8:12]) if data[4:8] == b"ftyp" else None
    what = brand or next((name for start, name in OTHERS.items() if data.startswith(start)), None)
    begins = f"{what} data" if what else f"data that begins with {data[:8]!r}"
    raise ImageFormatError(f"{begins}; JPEG, PNG, BMP and WEBP are accepted: convert it first")


def read_header(data: bytes, limits: Limits) -> tuple[str, Header]:
    """Format and header of data that is within the limits."""
    limits.check_bytes(len(data))
    name = format_of(data)
    limits.check_format(name)
    header = _guarded(name, CODECS[name].read_header, data)
    limits.check_size(header.width, header.height)
    return name, header


def decode(data: bytes, name: str, header: Header, at_least: int | None = None) -> Raster:
    """Pixels as stored; JPEG at the largest reduction whose short side stays at `at_least` or more."""
    if name == "JPEG":
        short = min(header.width, header.height)
        fitting = (n for n in (8, 4, 2) if at_least is not None and -(-short // n) >= at_least)
        return _guarded(name, jpeg.decode, data, header, next(fitting, 1))
    return _guarded(name, CODECS[name].decode, data, header)


def _guarded(name: str, function: Callable[..., Any], *args: Any) -> Any:
    """Decoders meet hostile data here and may raise anything at all."""
    try:
        return function(*args)
    except ImageError:
        raise
    except MemoryError:
        raise ImageSizeError("not enough memory to decode it; scale it down first") from None
    except Exception as error:
        raise ImageDataError(f"the {name} data is damaged or of an unsupported kind ({error})") from error
