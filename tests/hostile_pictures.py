"""Small files that would become large pictures, or say that they are."""

import functools
import io
import struct
import zlib

from PIL import Image


@functools.cache
def pictures():
    """Right ones, of every format."""
    drawn = Image.effect_noise((40, 30), 80).convert("RGB")
    made = {}
    for kind in ("PNG", "JPEG", "BMP", "WEBP"):
        stream = io.BytesIO()
        drawn.save(stream, kind)
        made[kind] = stream.getvalue()
    return made


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data, depth=8, color=2, before=b""):
    """A PNG file of whatever size it says."""
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = _chunk(b"IHDR", head) + before + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@functools.cache
def bombs():
    """By what they are."""
    rows = zlib.compress(bytes(2**26), 9)  # 64 KiB that are 64 MiB
    sizes = ((4096, 4096), (65535, 65535), (2**31 - 1, 2**31 - 1), (4096, 1), (1, 4096), (0, 10), (4097, 10))
    found = {f"PNG {w}x{h}": png(w, h, rows) for w, h in sizes}
    for kind in ("zTXt", "iTXt", "iCCP"):
        text = _chunk(kind.encode(), b"a\0\0" + rows)
        found[f"PNG with {kind}"] = png(40, 30, zlib.compress(bytes(3630)), before=text)
    found["PNG of 16 bits"] = png(4000, 4000, rows, depth=16, color=6)
    small = pictures()
    at = small["JPEG"].index(b"\xff\xc0") + 5
    for side in (0, 1, 4096, 4097, 65535):
        size = struct.pack(">HH", side, side)
        found[f"JPEG {side}x{side}"] = small["JPEG"][:at] + size + small["JPEG"][at + 4 :]
    for width, height in ((0, 0), (-40, 30), (40, -(2**31)), (2**31 - 1, 2**31 - 1), (60000, 60000)):
        size = struct.pack("<ii", width, height)
        found[f"BMP {width}x{height}"] = small["BMP"][:18] + size + small["BMP"][26:]
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff" * 6
    found["WEBP with a canvas alone"] = b"RIFF" + struct.pack("<I", 4 + len(canvas)) + b"WEBP" + canvas
    frames = [Image.new("RGB", (64, 64), (n, n, n)) for n in range(200)]
    for kind in ("PNG", "WEBP"):
        stream = io.BytesIO()
        frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
        found[f"{kind} of 200 frames"] = stream.getvalue()
    return found
