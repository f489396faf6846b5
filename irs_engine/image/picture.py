"""The full-quality path, for enhancements: nothing is lost on the way in, the result leaves as it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from irs_engine.errors import ParameterError
from irs_engine.image import exif as exif_data
from irs_engine.image.arrays import is_tensor
from irs_engine.image.encode import encode, to_pil
from irs_engine.image.limits import DEFAULT_LIMITS, Limits
from irs_engine.image.raster import Raster, to_depth, to_grey, to_rgb, upright
from irs_engine.image.source import ImageInput, Kind, open_image

ImageOutput: TypeAlias = Any  # what `Picture.restore` gives: the kind of image that came in


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What `read_picture` returns.

    Pixels and alpha may share memory with what was given, and may be read-only: do not write to them.
    """

    pixels: np.ndarray  # (H, W, 3) RGB uint8 or uint16, contiguous, upright, as `icc` says
    alpha: np.ndarray | None  # (H, W), the same type; 0 is transparent
    kind: Kind
    format: str | None = None  # JPEG, PNG, BMP or WEBP where encoded data was given
    icc: bytes | None = None  # None: sRGB
    exif: bytes | None = None  # with the orientation already reset
    grey: bool = False
    lossless: bool = True
    jpeg_quality: int | None = None  # 1..100 as libjpeg counts; None: not from a JPEG
    _given: Any = field(default=None, repr=False)  # an array or tensor, for its type and layout

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def restore(self, pixels: np.ndarray, alpha: np.ndarray | None = None) -> ImageOutput:
        """Finished pixels as the kind of image that came in, in its depth, with its profile and EXIF data.

        A path and a PIL image give a PIL image, bytes give bytes of the same format, arrays and tensors give
        their like. A grey picture stays grey. PIL images hold 16 bits of grey only; colours leave as 8 bits.

        Args:
            pixels: (h, w, 3) RGB uint8 or uint16, of any size.
            alpha: (h, w) uint8 or uint16; by default that of the picture, scaled to the size of `pixels`.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype not in (np.uint8, np.uint16):
            raise ParameterError(
                f"pixels: expected (h, w, 3) uint8 or uint16, got {pixels.shape} {pixels.dtype}"
            )
        if self.alpha is None:
            alpha = None
        elif alpha is None:
            alpha = _scaled(self.alpha, pixels.shape[:2])
        elif alpha.shape != pixels.shape[:2]:
            raise ParameterError(f"alpha: expected {pixels.shape[:2]} as the pixels have, got {alpha.shape}")

        raster = Raster(
            to_depth(to_grey(pixels) if self.grey else pixels, self.pixels.dtype),
            None if alpha is None else to_depth(alpha, self.pixels.dtype),
            self.icc,
        )
        if self.kind == "tensor":
            return _like_tensor(raster.pixels, self._given)
        if self.kind == "array":
            return _like_array(raster, self._given)
        if self.kind == "bytes":
            return encode(raster, self.format or "PNG", exif=self.exif, lossless=self.lossless)
        return to_pil(raster, self.exif)


def read_picture(image: ImageInput, *, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """Any image at full size and depth, upright, with its alpha, profile and EXIF data; CMYK becomes sRGB.

    Floating-point tensors are held as 16 bits.

    Raises:
        ImageError: It is no image, damaged, or outside the limits; a path is named in the message.
    """
    source = open_image(image, limits)
    raster = source.raster
    grey = raster.pixels.ndim == 2
    return Picture(
        pixels=upright(to_rgb(raster.pixels), source.orientation),
        alpha=None if raster.alpha is None else upright(raster.alpha, source.orientation),
        kind=source.kind,
        format=source.format,
        icc=raster.icc,
        exif=exif_data.as_upright(source.exif),
        grey=grey,
        lossless=source.lossless,
        jpeg_quality=source.jpeg_quality,
        _given=image if source.kind in ("array", "tensor") else None,
    )


def _scaled(alpha: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if alpha.shape == shape:
        return alpha
    # Mode F serves both depths; it interpolates within the values that are there.
    scaled = Image.fromarray(alpha.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return (np.asarray(scaled) + 0.5).astype(alpha.dtype)


def _like_array(raster: Raster, given: np.ndarray) -> np.ndarray:
    pixels = raster.pixels
    if raster.alpha is not None:
        pixels = np.dstack([pixels, raster.alpha])
    elif given.ndim == 3 and given.shape[2] == 1:
        pixels = pixels[..., None]
    return np.ascontiguousarray(pixels)


def _like_tensor(pixels: np.ndarray, given: Any) -> Any:
    import torch

    assert is_tensor(given)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    if given.is_floating_point():
        planes = planes.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return torch.from_numpy(planes).to(device=given.device, dtype=given.dtype)
