"""Any kind of image that a caller may give, opened: its pixels as stored and what is known about them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from PIL import Image

from irs_engine.errors import ImageDataError, ImageError
from irs_engine.image import exif as exif_data
from irs_engine.image.arrays import is_tensor, raster_of_array, raster_of_tensor
from irs_engine.image.decode import decode, read_header
from irs_engine.image.jpeg_quality import quality_of
from irs_engine.image.limits import Limits
from irs_engine.image.pil import raster_of
from irs_engine.image.raster import Raster

if TYPE_CHECKING:
    import torch

    ImageInput: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | np.ndarray | torch.Tensor
else:
    ImageInput: TypeAlias = Any  # signatures are evaluated where torch may be missing

Kind: TypeAlias = Literal["path", "bytes", "pil", "array", "tensor"]


@dataclass(slots=True)
class Source:
    kind: Kind
    raster: Raster  # as stored, perhaps reduced
    size: tuple[int, int]  # (width, height) of the full picture as shown
    orientation: int = 1
    format: str | None = None  # of encoded data
    lossless: bool = True
    exif: bytes | None = None
    jpeg_quality: int | None = None  # 1..100, of pixels that come from a JPEG


def open_image(
    image: ImageInput,
    limits: Limits,
    at_least: int | None = None,
    depth: type[np.unsignedinteger] = np.uint16,
) -> Source:
    """`at_least` allows a reduced JPEG, `depth` is what floating point becomes."""
    if isinstance(image, (str, os.PathLike)):
        try:
            return _open_encoded("path", read_file(os.fspath(image), limits), limits, at_least)
        except ImageError as error:
            raise type(error)(f"{os.fspath(image)}: {error}") from error.__cause__
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _open_encoded("bytes", bytes(image), limits, at_least)
    if isinstance(image, np.ndarray):
        raster = raster_of_array(image, limits)
        return Source("array", raster, raster.size)
    if isinstance(image, Image.Image):
        return _open_pil(image, limits)
    if is_tensor(image):
        raster = raster_of_tensor(image, limits, depth)
        return Source("tensor", raster, raster.size)
    name = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
    hint = ": give what its read() returns" if hasattr(image, "read") else ""
    raise ImageError(
        f"{name} is not a kind of image; expected a path, the bytes of a file, a PIL image, "
        f"an RGB numpy array or a torch tensor{hint}"
    )


def _open_encoded(kind: Kind, data: bytes, limits: Limits, at_least: int | None) -> Source:
    name, header = read_header(data, limits)
    raster = decode(data, name, header, at_least)
    lossless = getattr(header, "lossless", name != "JPEG")
    quality = getattr(header, "quality", None)
    return Source(kind, raster, header.shown_size, header.orientation, name, lossless, header.exif, quality)


def _open_pil(image: Image.Image, limits: Limits) -> Source:
    limits.check_size(*image.size)
    try:
        image.load()
    except Exception as error:  # opened lazily from a file that nobody has checked
        raise ImageDataError(f"the PIL image does not load ({error})") from error
    try:
        orientation = int(image.getexif().get(exif_data.ORIENTATION, 1))
    except Exception:  # broken EXIF; PIL lets many kinds of errors out
        orientation = 1
    orientation = orientation if 1 <= orientation <= 8 else 1
    raster = raster_of(image, image.info.get("icc_profile"))
    size = image.size if orientation < 5 else image.size[::-1]
    tables = getattr(image, "quantization", None) or {}  # of an opened JPEG that nobody has worked on since
    quality = quality_of(tables.get(0))
    return Source("pil", raster, size, orientation, exif=image.info.get("exif"), jpeg_quality=quality)


def read_file(path: str, limits: Limits) -> bytes:
    """The bytes of a regular file that is not too large; anything else is an ImageError."""
    try:
        info = os.stat(path)
        if stat.S_ISDIR(info.st_mode):
            raise ImageError("a directory, not an image file")
        if not stat.S_ISREG(info.st_mode):  # reading a pipe or a device may never end
            raise ImageError("not a regular file; read it and give the bytes")
        limits.check_bytes(info.st_size)
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        hint = "; addresses are not downloaded" if "://" in path else ""
        raise ImageError(f"no such file{hint}") from None
    except OSError as error:
        raise ImageError(f"the file cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a name with a zero byte or a lone surrogate
        raise ImageError(f"not a possible file name ({error})") from None
