"""What matters in EXIF data: how the camera was held, and saying that the picture is upright now."""

from __future__ import annotations

import struct

PREFIX = b"Exif\0\0"  # before the TIFF data in JPEG; elsewhere it may be missing
ORIENTATION = 0x0112
TYPES = {3: "H", 4: "I"}  # SHORT as the standard says, LONG as some programs write


def orientation(exif: bytes | None) -> int:
    """1..8; 1 (upright) where it is missing or broken."""
    try:
        return _find_orientation(exif or b"")[2]
    except (LookupError, struct.error):
        return 1


def as_upright(exif: bytes | None) -> bytes | None:
    """The same EXIF data with orientation 1, and without the thumbnail, which shows the old picture."""
    if exif is None:
        return None
    patched = bytearray(exif)
    try:
        order, entries = _first_directory(exif)
        struct.pack_into(order + "I", patched, entries.stop, 0)  # the link to the thumbnail's directory
        at, code, _ = _find_orientation(exif)
        struct.pack_into(code, patched, at, 1)
    except (LookupError, struct.error):
        pass
    return bytes(patched)


def _find_orientation(exif: bytes) -> tuple[int, str, int]:
    """(offset, struct code, value); LookupError or struct.error where there is none."""
    order, entries = _first_directory(exif)
    for entry in entries:
        tag, kind = struct.unpack_from(order + "HH", exif, entry)
        if tag == ORIENTATION and kind in TYPES:
            code = order + TYPES[kind]
            value = struct.unpack_from(code, exif, entry + 8)[0]
            if 1 <= value <= 8:
                return entry + 8, code, value
    raise LookupError


def _first_directory(exif: bytes) -> tuple[str, range]:
    """The byte order of TIFF data, and the offsets of the entries of its first directory."""
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    order = {b"II*\0": "<", b"MM\0*": ">"}[exif[start : start + 4]]
    directory = start + struct.unpack_from(order + "I", exif, start + 4)[0]
    count = struct.unpack_from(order + "H", exif, directory)[0]
    return order, range(directory + 2, directory + 2 + 12 * count, 12)
