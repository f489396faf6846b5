"""The image gate: whatever a caller gives becomes pixels here, checked once; all code behind it trusts them.

An image is
  - a path (`str` or `os.PathLike`), or the bytes of a file: JPEG, PNG, BMP or WEBP, told by its first bytes;
  - a PIL image (its current frame);
  - a numpy array: **RGB**, uint8 or uint16, shaped (H, W, 3), (H, W, 4), (H, W, 1) or (H, W);
  - a torch tensor: RGB (3, H, W), uint8 or floating point in 0..1, on any device.

For all of them: EXIF rotation is applied; grey becomes RGB; of an animation the first frame counts;
damaged data is an error, never a half-grey picture; broken EXIF or ICC data is ignored. Format and size are
known from the header and checked against `Limits` before anything is decoded. Arrays are never written to.

`read_rgb` is for what looks at pictures, `read_picture` for what changes them.
"""

from irs_engine.image.limits import DEFAULT_LIMITS, Limits
from irs_engine.image.picture import ImageOutput, Picture, read_picture
from irs_engine.image.read import Rgb, read_rgb
from irs_engine.image.source import ImageInput, read_file

__all__ = [
    "DEFAULT_LIMITS",
    "ImageInput",
    "ImageOutput",
    "Limits",
    "Picture",
    "Rgb",
    "read_file",
    "read_picture",
    "read_rgb",
]
