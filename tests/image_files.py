"""Image files of kinds that no library here writes, and the set of files that the fuzz test starts from."""

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def saved(image, format, **options):
    """The bytes of an array or PIL image in a format."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def chunk(kind, content=b""):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(samples, color_type, depth, *, before=b"", interlaced=False, size=None, rows=None):
    """A PNG from samples (H, W, C); `size` lies in the header, `rows` keeps only the first rows."""
    samples = samples.reshape(*samples.shape[:2], CHANNELS[color_type])
    height, width = samples.shape[:2]
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [samples[:rows]]
    raw = b"".join(b"\0" + packed(row, depth) for part in passes if part.size for row in part)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), depth, color_type, 0, 0, interlaced)
    return SIGNATURE + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND")


def packed(row, depth):
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8).reshape(-1, 1), axis=1)[:, 8 - depth :]
    return np.packbits(bits.reshape(-1)).tobytes()


def ycck_jpeg(rgb, **options):
    """A CMYK JPEG as Adobe writes them: inks inverted, and three of them as YCbCr (APP14 transform 2)."""
    inks = np.asarray(Image.fromarray(255 - rgb).convert("YCbCr"))
    stored = np.dstack([inks, np.full(rgb.shape[:2], 255, np.uint8)])
    data = saved(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=95, subsampling=0, **options)
    assert data.count(b"Adobe\0") == 1
    at = data.index(b"Adobe\0") + 11
    return data[:at] + b"\x02" + data[at + 1 :]


def rgba_bmp(rgba):
    """A BMP whose header (version 4) has a mask for alpha, which makes it count; PIL does not write it."""
    height, width = rgba.shape[:2]
    info = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, 0, 0, 0, 0, 0)
    info += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    return (
        b"BM"
        + struct.pack("<IHHI", 122 + rgba.size, 0, 0, 122)
        + info
        + rgba[::-1, :, [2, 1, 0, 3]].tobytes()
    )


def rle8_bmp(width, height):
    """A BMP of bars, run-length coded."""
    row = b"".join(bytes([1, x % 7]) for x in range(width)) + b"\0\0"
    pixels = row * height + b"\0\1"
    palette = b"".join(bytes([36 * i, 255 - 36 * i, 128, 0]) for i in range(7)) + bytes(4 * 249)
    offset = 54 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + palette + pixels


def exif_bytes(orientation=6, order="<", thumbnail=b""):
    """EXIF data with an orientation and, if given, a thumbnail in its second directory."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    first = struct.pack(order + "IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0)
    link = struct.pack(order + "I", 26 if thumbnail else 0)
    second = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(thumbnail), 0)
    return b"Exif\0\0" + head + first + link + (second + thumbnail if thumbnail else b"")


@functools.cache  # the profile holds the time of its making
def rgb_profile(swap=False):
    """sRGB; with `swap` red and green are exchanged, so that the use of the profile cannot be overlooked."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if swap:
        red, green = data.index(b"rXYZ", 128), data.index(b"gXYZ", 128)
        data[red : red + 4], data[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(data)


def profile(kind, space, pcs, tags):
    """An ICC profile of version 2."""
    d50 = struct.pack(">iii", 63190, 65536, 54061)
    tags = {b"wtpt": b"XYZ \0\0\0\0" + d50, **tags}
    table, content, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(content), len(data))
        content += data + bytes(-len(data) % 4)
    head = struct.pack(">4xI4s4s4s12x4s28x", 0x02400000, kind, space, pcs, b"acsp") + d50 + bytes(48)
    return struct.pack(">I", 4 + len(head) + len(table) + len(content)) + head + table + content


def grey_profile(gamma):
    curve = b"curv" + struct.pack(">4xIH", 1, round(256 * gamma))
    return profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": curve})


def cmyk_profile():
    """Any ink at all gives black, which plain formulas do not say."""
    lab = b"".join(bytes([0 if inks else 255, 128, 128]) for inks in range(16))
    straight = bytes(range(256))
    head = bytes([4, 3, 2, 0]) + struct.pack(">9i", *np.eye(3, dtype=int).ravel() * 65536)
    table = b"mft1" + bytes(4) + head + 4 * straight + lab + 3 * straight
    return profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def fuzz_seeds(photo):
    """Small files of every format and of most variants, by name."""
    grey, alpha = photo[..., 1], 255 - photo[..., 0]
    rgba = np.dstack([photo, alpha])
    pil = Image.fromarray(photo)
    palette = pil.quantize(64)
    frames = [Image.fromarray(np.roll(photo, 7 * i, 1)) for i in range(3)]
    extras = {
        "exif": exif_bytes(6, ">", thumbnail=saved(photo[:32, :32], "JPEG")),
        "icc_profile": rgb_profile(swap=True),
    }
    sixteen = rgba.astype(np.uint16) * 257
    return {
        "baseline.jpg": saved(photo, "JPEG", quality=85),
        "tagged.jpg": saved(photo, "JPEG", quality=75, **extras),
        "progressive.jpg": saved(photo, "JPEG", quality=85, progressive=True),
        "restart.jpg": saved(photo, "JPEG", quality=85, restart_marker_rows=1),
        "grey.jpg": saved(grey, "JPEG"),
        "ycck.jpg": ycck_jpeg(photo),
        "rgb.png": saved(photo, "PNG", **extras),
        "rgba.png": saved(rgba, "PNG"),
        "palette.png": saved(palette, "PNG", transparency=3),
        "bit.png": saved(pil.convert("1"), "PNG"),
        "grey16.png": png(sixteen[..., 0], 0, 16),
        "rgba16.png": png(sixteen, 6, 16),
        "interlaced.png": png(photo, 2, 8, interlaced=True),
        "animated.png": saved(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "rgb.bmp": saved(photo, "BMP"),
        "rgba.bmp": rgba_bmp(rgba),
        "palette.bmp": saved(palette, "BMP"),
        "bit.bmp": saved(pil.convert("1"), "BMP"),
        "rle.bmp": rle8_bmp(64, 48),
        "lossy.webp": saved(photo, "WEBP", quality=80),
        "lossless.webp": saved(photo, "WEBP", lossless=True),
        "alpha.webp": saved(rgba, "WEBP", quality=60, **extras),
        "animated.webp": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
    }
