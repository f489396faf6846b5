"""Damaged files, headers that lie, and files made to hurt."""

import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from image_files import SIGNATURE, chunk, fuzz_seeds, png, saved
from PIL import Image

from irs_engine.errors import ImageDataError, ImageError, ImageFormatError, ImageSizeError
from irs_engine.image import Limits, read_picture, read_rgb


@pytest.fixture(scope="module")
def files(photo):
    return fuzz_seeds(photo[::2, ::2])


@pytest.mark.parametrize("at_least", [None, 10])
def test_truncated_files_of_every_kind(files, at_least):
    for name, data in files.items():
        read_rgb(data, at_least=at_least)
        for share in (0.0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99):
            with pytest.raises(ImageError):
                read_rgb(data[: int(share * len(data))], at_least=at_least)
                pytest.fail(f"{name} accepted at {share}")


def test_truncated_large_jpeg(photo):
    data = saved(np.tile(photo, (7, 6, 1)), "JPEG", quality=50)  # of the size that cv2 decodes
    for share in (0.25, 0.5, 0.75, 0.99):
        cut = data[: int(share * len(data))]
        for damaged in (cut, cut + b"\xff\xd9"):
            with pytest.raises(ImageDataError):
                read_picture(damaged)


@pytest.mark.parametrize("kind", ["baseline.jpg", "restart.jpg", "grey.jpg", "ycck.jpg"])
@pytest.mark.parametrize("at_least", [None, 10])
def test_jpeg_cut_and_closed_again(files, kind, at_least):
    """libjpeg fills the rest with grey and is content."""
    data = files[kind]
    for share in (0.5, 0.75, 0.9):
        with pytest.raises(ImageDataError, match="truncated"):
            read_rgb(data[: int(share * len(data))] + b"\xff\xd9", at_least=at_least)


def test_jpeg_that_only_lacks_its_end_marker(files):
    """Some cameras never write it."""
    whole = files["baseline.jpg"]
    assert (read_rgb(whole[:-2]).pixels == read_rgb(whole).pixels).all()
    with pytest.raises(ImageDataError):
        read_rgb(files["progressive.jpg"][:-2])


def test_jpeg_with_things_behind_its_end(files):
    for kind in ("baseline.jpg", "progressive.jpg"):
        whole = files[kind]
        for more in (b"\0" * 100, b"trailer", whole):
            assert (read_rgb(whole + more).pixels == read_rgb(whole).pixels).all()


def test_jpeg_that_really_is_grey(photo):
    for shape in ((64, 64), (64, 64, 3), (65, 67, 3)):
        for options in ({}, {"progressive": True}):
            flat = np.full(shape, 128, np.uint8)
            assert (read_rgb(saved(flat, "JPEG", **options)).pixels == 128).all()


def test_jpeg_taller_than_its_data(files):
    for kind in ("baseline.jpg", "grey.jpg", "ycck.jpg", "restart.jpg"):
        data = bytearray(files[kind])
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 2] = struct.pack(">H", 300)
        with pytest.raises(ImageDataError):
            read_rgb(bytes(data))


@pytest.mark.parametrize(
    "at,value,error",
    [
        (5, b"\0\0", ImageFormatError),
        (7, b"\0\0", ImageSizeError),
        (4, b"\x0c", ImageFormatError),
        (9, b"\x05", ImageDataError),
        (1, b"\xc3", ImageFormatError),
        (2, b"\0\0", ImageDataError),
        (2, b"\xff\xff", ImageDataError),
    ],
)
def test_jpeg_frame_header_lies(files, at, value, error):
    data = bytearray(files["baseline.jpg"])
    start = data.index(b"\xff\xc0") + at
    data[start : start + len(value)] = value
    with pytest.raises(error):
        read_rgb(bytes(data))


def test_png_with_fewer_rows_than_it_says(photo):
    for rows in (1, 100, 239):
        with pytest.raises(ImageDataError, match="ends before"):
            read_rgb(png(photo, 2, 8, rows=rows))
        with pytest.raises(ImageDataError):
            read_rgb(png(photo.astype(np.uint16), 2, 16, rows=rows))
    with pytest.raises(ImageDataError):
        read_rgb(png(photo, 2, 8, interlaced=True, size=(320, 248)))
    black = np.zeros_like(photo)
    assert not read_rgb(png(black, 2, 8)).pixels.any()  # really black is all right


def test_png_damage_is_noticed(photo):
    data = bytearray(saved(photo, "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(ImageDataError, match="checksum"):
        read_rgb(bytes(data))
    for color_type, depth in ((1, 8), (2, 4), (3, 16), (7, 8)):
        header = struct.pack(">IIBBBBB", 5, 5, depth, color_type, 0, 0, 0)
        with pytest.raises(ImageDataError, match="contradicts"):
            read_rgb(SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND"))


@pytest.mark.parametrize(
    "at,value,error",
    [
        (18, 10**6, ImageSizeError),
        (18, 0, ImageSizeError),
        (22, -(2**31), ImageSizeError),
        (22, 1000, ImageDataError),
        (18, -5, ImageSizeError),
        (10, 10**6, ImageDataError),
        (28, 5, ImageFormatError),
        (30, 4, ImageFormatError),
    ],
)
def test_bmp_header_lies(photo, at, value, error):
    data = bytearray(saved(photo, "BMP"))
    struct.pack_into("<H" if at == 28 else "<i", data, at, value)
    with pytest.raises(error):
        read_rgb(bytes(data))


def test_webp_header_lies(files):
    for name in ("lossy.webp", "lossless.webp", "alpha.webp"):
        data = bytearray(files[name])
        at = {"lossy.webp": 26, "lossless.webp": 21, "alpha.webp": 24}[name]
        data[at : at + 3] = b"\xff\xff\xff"
        with pytest.raises(ImageError):
            read_rgb(bytes(data))
    with pytest.raises(ImageDataError, match="truncated"):
        read_rgb(files["lossy.webp"][:4] + struct.pack("<I", 10**6) + files["lossy.webp"][8:])
    with pytest.raises(ImageDataError, match="header"):
        read_rgb(b"RIFF\x0c\0\0\0WEBPJUNK\0\0\0\0")


def flat_png(width, height):
    """All black, of three colours, and tiny: a thousandth of what it decodes to."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND")


def test_bombs_cost_no_memory(tmp_path):
    few_kb = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))
    few_kb += chunk(b"IDAT", zlib.compress(bytes(3_000_000))) + chunk(b"IEND")
    assert len(few_kb) < 5000
    webp = saved(Image.new("RGB", (4200, 4200)), "WEBP", lossless=True, method=0, quality=0)
    bombs = {"lying.png": few_kb, "true.png": flat_png(5000, 5000), "true.webp": webp}
    code = """if True:
        import resource, sys
        from irs_engine.errors import ImageSizeError
        from irs_engine.image import read_rgb
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for path in sys.argv[1:]:
            try:
                read_rgb(path)
                sys.exit(path + " was decoded")
            except ImageSizeError:
                pass
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    for name, data in bombs.items():
        (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", code, *(tmp_path / name for name in bombs)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 20_000  # kB
    with pytest.raises(ImageError):  # and where the limits would let it in
        read_rgb(few_kb, limits=Limits(max_pixels=10**9))


def test_data_that_cannot_fill_the_picture():
    short = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 8, 2, 0, 0, 0))
    short += chunk(b"IDAT", zlib.compress(bytes(3_000_000))) + chunk(b"IEND")
    with pytest.raises(ImageDataError, match="far too short"):
        read_rgb(short)


def test_progressive_bomb(files):
    data = files["progressive.jpg"]
    last = data.rindex(b"\xff\xda")
    with pytest.raises(ImageDataError, match="scans"):
        read_rgb(data[:-2] + 500 * data[last : last + 10] + b"\xff\xd9")


def test_fill_bytes_before_a_marker(files):
    """They are legal; a file of nothing else once took hours, as the square of its length."""
    whole = files["baseline.jpg"]
    filled = whole[:2] + b"\xff" * 1000 + whole[2:]
    assert (read_rgb(filled).pixels == read_rgb(whole).pixels).all()
    with pytest.raises(ImageDataError):
        read_rgb(whole[:2] + b"\xff" * 8_000_000)


def test_unbelievably_many_chunks(photo):
    many = b"".join([chunk(b"teSt")] * 100_000)
    assert (read_rgb(png(photo, 2, 8, before=many)).pixels == photo).all()


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="no getrusage here")
def test_a_large_photo_is_not_decoded_whole(photo, tmp_path):
    path = tmp_path / "large.jpg"
    path.write_bytes(saved(np.tile(photo, (13, 13, 1)), "JPEG", quality=75))  # 13 megapixels, 39 MB as RGB
    code = """if True:
        import resource, sys
        from irs_engine.image import read_rgb
        read_rgb(open(sys.argv[1], "rb").read(1000) and sys.argv[2], at_least=60)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert read_rgb(sys.argv[1], at_least=224).pixels.shape == (390, 520, 3)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    (tmp_path / "small.jpg").write_bytes(saved(photo, "JPEG"))
    done = subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "small.jpg"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4 * path.stat().st_size / 1000 + 3000
