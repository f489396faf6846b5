"""What a file itself tells of a photo: digest, EXIF time and place, perceptual hash."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from PIL.Image import Exif

from irs_engine.image import DEFAULT_LIMITS
from irs_engine.image.decode import read_header
from irs_engine.resize import resize_normalize

# Of thousands of photos some have broken EXIF data, which is taken as missing; PIL would print it each time.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")

EPOCH = datetime(1970, 1, 1)
TIMES = (0x9003, 0x9004)  # DateTimeOriginal, DateTimeDigitized
DATE_TIME, DETAILS, PLACE = 0x0132, 0x8769, 0x8825  # when the file was written; directories of EXIF

GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R 601
SIDE, KEPT = 32, 8  # pixels that the hash looks at, frequencies that it keeps
# Rows 1..8 of the DCT-II of 32 values: the mean, row 0, says nothing of what is shown.
DCT = np.cos(np.pi / SIDE * np.outer(np.arange(1, KEPT + 1), np.arange(SIDE) + 0.5)).astype(np.float32)
ODD_COLUMNS = 0xAAAAAAAAAAAAAAAA - (1 << 64)  # horizontal frequencies 1, 3, 5, 7 of every row, as signed


def digest_of(data: bytes) -> bytes:
    """16 bytes that another content changes: BLAKE2b."""
    return hashlib.blake2b(data, digest_size=16).digest()


def perceptual_hash(pixels: np.ndarray) -> int:
    """64 bits, as a signed number, of (H, W, 3) uint8 pixels; alike for pictures that look alike.

    After the DCT hash of Zauner (2010, section 3.2): the lowest 8 x 8 frequencies of 32 x 32 grey pixels,
    from the highest bit the lowest vertical one and in it the lowest horizontal one first. A bit is the sign
    of the coefficient, not whether it is above their median, which is close to 0: so the hash of the mirrored
    picture is known as well, see `mirrored`.
    """
    planes = resize_normalize(pixels, (SIDE, SIDE), filter="area")
    coefficients = DCT @ np.tensordot(GREY, planes, 1) @ DCT.T
    return int.from_bytes(np.packbits(coefficients > 0).tobytes(), "big", signed=True)


def mirrored(phash: int) -> int:
    """The hash of the same picture, left and right exchanged: odd frequencies change their sign."""
    return phash ^ ODD_COLUMNS


def exif_of(data: bytes) -> tuple[float | None, tuple[float, float] | None]:
    """When and where a picture that can be read was taken, as far as its EXIF data says.

    Returns:
        Seconds from 1970 to the local time, as if it were UTC; (latitude, longitude) in degrees.
    """
    try:
        raw = read_header(data, DEFAULT_LIMITS)[1].exif
        if raw is None:
            return None, None
        exif = Exif()
        exif.load(raw)
        return _time(exif), _place(exif.get_ifd(PLACE))
    except Exception:  # broken EXIF; PIL lets many kinds of errors out
        return None, None


def _time(exif: Exif) -> float | None:
    try:
        details: Mapping[int, Any] = exif.get_ifd(DETAILS)
    except Exception:  # the directory is broken, the time of the file may be whole
        details = {}
    for text in (*(details.get(tag) for tag in TIMES), exif.get(DATE_TIME)):
        try:
            taken = datetime.strptime(str(text).strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")
        except ValueError:  # missing, or 0000:00:00 00:00:00 of a camera whose clock was never set
            continue
        return (taken - EPOCH).total_seconds()
    return None


def _place(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    latitude, longitude = _degrees(gps.get(2), gps.get(1), "S"), _degrees(gps.get(4), gps.get(3), "W")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return None if latitude == longitude == 0 else (latitude, longitude)  # a receiver without a fix says 0, 0


def _degrees(parts: Any, side: Any, negative: str) -> float | None:
    """Degrees, minutes and seconds to degrees."""
    try:
        value = sum(float(part) / 60**power for power, part in enumerate(parts))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not math.isfinite(value):
        return None
    return -value if str(side).strip("\0 ").upper() == negative else value
