"""Every format, colour mode and depth gives the pixels that it should."""

import io
import struct
import zlib

import numpy as np
import pytest
from image_files import (
    chunk,
    cmyk_profile,
    exif_bytes,
    grey_profile,
    png,
    rgb_profile,
    rgba_bmp,
    rle8_bmp,
    saved,
    ycck_jpeg,
)
from PIL import Image, ImageOps

from irs_engine.image import read_picture, read_rgb
from irs_engine.image.raster import upright

LOSSLESS = {"PNG": {}, "BMP": {}, "WEBP": {"lossless": True}}


def same(actual, expected, tolerance=0):
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= tolerance


def grey_rgb(grey):
    return np.repeat(grey[..., None], 3, axis=2)


def white(rgb, alpha):
    """The oracle of compositing, in floating point."""
    share = alpha[..., None] / 255
    return (rgb * share + 255 * (1 - share)).round().astype(np.uint8)


@pytest.mark.parametrize("format", LOSSLESS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (17, 31)])
def test_lossless_formats_are_exact(photo, format, size):
    pixels = photo[: size[1], 100 : 100 + size[0]]
    rgb = read_rgb(saved(pixels, format, **LOSSLESS[format]))
    assert rgb.size == size and rgb.pixels.flags.c_contiguous and rgb.pixels.dtype == np.uint8
    same(rgb.pixels, pixels)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]
)
def test_jpeg_is_what_libjpeg_makes_of_it(photo, options):
    data = saved(photo, "JPEG", quality=90, **options)
    same(read_rgb(data).pixels, np.asarray(Image.open(io.BytesIO(data))))


def test_large_jpeg_decodes_the_same(photo):
    large = np.tile(photo, (7, 6, 1))  # beyond the size at which cv2 takes over
    for pixels in (large, large[..., 1]):
        data = saved(pixels, "JPEG", quality=60)
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        same(read_rgb(data).pixels, expected, tolerance=1)  # two builds of libjpeg-turbo


@pytest.mark.parametrize("format", ["JPEG", *LOSSLESS])
def test_grey(photo, format):
    data = saved(photo[..., 1], format, **LOSSLESS.get(format, {"quality": 95}))
    same(read_rgb(data).pixels, grey_rgb(photo[..., 1]), tolerance=20 if format == "JPEG" else 0)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("interlaced", [False, True])
def test_grey_png_of_every_depth(depth, interlaced):
    samples = np.random.default_rng(0).integers(0, 2**depth, (13, 11))
    expected = (samples * 255 / (2**depth - 1)).round()
    same(read_rgb(png(samples, 0, depth, interlaced=interlaced)).pixels, grey_rgb(expected))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("color_type", [0, 2, 4, 6])
@pytest.mark.parametrize("interlaced", [False, True])
def test_png_keeps_depth_and_alpha(color_type, depth, interlaced):
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color_type]
    samples = np.random.default_rng(0).integers(0, 2**depth, (13, 11, channels))
    picture = read_picture(png(samples, color_type, depth, interlaced=interlaced))
    assert picture.pixels.dtype == (np.uint16 if depth == 16 else np.uint8)
    same(picture.pixels, samples[..., :3] if channels > 2 else grey_rgb(samples[..., 0]))
    if channels in (2, 4):
        same(picture.alpha, samples[..., -1])
        eight = (samples * 255 / (2**depth - 1)).round()
        color = eight[..., :3] if channels == 4 else grey_rgb(eight[..., 0])
        same(read_rgb(png(samples, color_type, depth)).pixels, white(color, eight[..., -1]))
    else:
        assert picture.alpha is None


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette_png(depth):
    random = np.random.default_rng(0)
    colors, alphas = random.integers(0, 256, (2**depth, 3)), random.integers(0, 256, 2**depth)
    samples = random.integers(0, 2**depth, (13, 11))
    plte, trns = (
        chunk(b"PLTE", colors.astype(np.uint8).tobytes()),
        chunk(b"tRNS", alphas.astype(np.uint8).tobytes()),
    )
    same(read_rgb(png(samples, 3, depth, before=plte)).pixels, colors[samples])
    picture = read_picture(png(samples, 3, depth, before=plte + trns))
    same(picture.pixels, colors[samples])
    same(picture.alpha, alphas[samples])
    same(read_rgb(png(samples, 3, depth, before=plte + trns)).pixels, white(colors[samples], alphas[samples]))


@pytest.mark.parametrize("depth", [1, 8, 16])
@pytest.mark.parametrize("color_type", [0, 2])
def test_one_transparent_color(color_type, depth):
    if (color_type, depth) == (2, 1):
        return
    channels = 3 if color_type else 1
    samples = np.random.default_rng(0).integers(0, 2**depth, (13, 11, channels))
    key = samples[5, 5]
    picture = read_picture(
        png(samples, color_type, depth, before=chunk(b"tRNS", key.astype(">u2").tobytes()))
    )
    matches = (samples == key).all(axis=2)
    same(picture.alpha == 0, matches)
    assert (picture.alpha[~matches] == np.iinfo(picture.alpha.dtype).max).all()


def test_one_bit(photo):
    bits = photo[..., 1] > 128
    for format in ("PNG", "BMP"):
        same(read_rgb(saved(Image.fromarray(bits), format)).pixels, grey_rgb(bits * 255))


@pytest.mark.parametrize("format", ["PNG", "BMP", "WEBP"])
def test_alpha_is_composited_on_white_and_kept_apart(photo, format):
    alpha = np.tile(np.arange(photo.shape[1]) % 256, (photo.shape[0], 1)).astype(np.uint8)
    visible = np.where(alpha[..., None] > 0, photo, 0)  # WEBP drops colours that nobody can see
    options = {"WEBP": {"lossless": True, "exact": True}}.get(format, {})
    rgba = np.dstack([visible, alpha])
    data = rgba_bmp(rgba) if format == "BMP" else saved(rgba, format, **options)
    same(read_rgb(data).pixels, white(visible, alpha))
    picture = read_picture(data)
    same(picture.pixels, visible)
    same(picture.alpha, alpha)


def test_cmyk_and_ycck_jpeg(photo):
    cmyk = saved(Image.fromarray(photo).convert("CMYK"), "JPEG", quality=98, subsampling=0)
    for data in (cmyk, ycck_jpeg(photo)):
        for pixels in (read_rgb(data).pixels, read_picture(data).pixels):
            assert np.abs(pixels.astype(int) - photo).mean() < 3
        assert read_rgb(data, at_least=30).pixels.shape == (30, 40, 3)


def test_bmp_variants(photo):
    height, width = 5, 6
    rgb = photo[:height, 50 : 50 + width]
    rows = [np.dstack([row[None, :, ::-1], np.zeros((1, width), np.uint8)]).tobytes() for row in rgb]
    head = struct.pack("<iHHIIiiII", -height, 1, 32, 0, 0, 0, 0, 0, 0)
    top_down = b"BM" + struct.pack("<IHHIIi", 0, 0, 0, 54, 40, width) + head + b"".join(rows)
    same(read_rgb(top_down).pixels, rgb)
    os2 = b"BM" + struct.pack("<IHHIIHHHH", 0, 0, 0, 26, 12, width, height, 1, 24)
    os2 += b"".join(row[:, ::-1].tobytes() + b"\0\0" for row in rgb[::-1])
    same(read_rgb(os2).pixels, rgb)
    same(
        read_rgb(rle8_bmp(64, 48)).pixels, np.asarray(Image.open(io.BytesIO(rle8_bmp(64, 48))).convert("RGB"))
    )


def test_first_frame_of_animations(photo):
    frames = [Image.fromarray(np.roll(photo, 9 * i, 1)) for i in range(3)]
    for format, options in (("WEBP", {"lossless": True}), ("PNG", {})):
        data = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
        same(read_rgb(data).pixels, photo)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(photo, format, orientation):
    options = LOSSLESS.get(format, {"quality": 90})
    plain = Image.open(io.BytesIO(saved(photo, format, **options)))
    plain.load()
    plain.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(plain))
    for order in "<>":
        data = saved(photo, format, exif=exif_bytes(orientation, order), **options)
        rgb = read_rgb(data)
        same(rgb.pixels, expected)
        assert rgb.size == expected.shape[1::-1] and rgb.pixels.flags.c_contiguous
        picture = read_picture(data)
        same(picture.pixels, expected)
        assert Image.open(io.BytesIO(picture.restore(picture.pixels))).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_large_pictures_turn_the_same(photo, orientation):
    large = np.tile(photo, (7, 6, 1))  # turned by cv2
    for pixels in (large, large[..., 0], large.astype(np.uint16) * 257):
        small = pixels[:240, :320]
        turned = upright(pixels, orientation)
        height, width = upright(small, orientation).shape[:2]
        same(turned[:height, :width], upright(small, orientation))
        assert turned.flags.c_contiguous and turned.size == pixels.size


def test_orientation_of_a_pil_image_counts(photo, tmp_path):
    (tmp_path / "a.png").write_bytes(saved(photo, "PNG", exif=exif_bytes(6)))
    with Image.open(tmp_path / "a.png") as image:
        same(read_rgb(image).pixels, read_rgb(tmp_path / "a.png").pixels)
        assert read_rgb(image).size == (240, 320)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0II",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        exif_bytes(0),
        exif_bytes(9),
        exif_bytes()[:20],
        exif_bytes().replace(b"\x12\x01", b"\x13\x01"),
        b"Exif\0\0" + bytes(100),
        b"\xff" * 200,
    ],
)
def test_broken_exif_is_ignored(photo, exif):
    for format, options in {"JPEG": {}, **LOSSLESS}.items():
        if format != "BMP":
            picture = read_picture(saved(photo, format, **options, exif=exif))
            assert picture.size == (320, 240)
            picture.restore(picture.pixels)


def test_a_second_orientation_in_the_thumbnail_does_not_count(photo):
    thumbnail = saved(photo[:40, :40], "JPEG", exif=exif_bytes(3))
    assert read_rgb(saved(photo, "JPEG", exif=exif_bytes(8, thumbnail=thumbnail))).size == (240, 320)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_profiles_are_converted_to_srgb(photo, format):
    options = LOSSLESS.get(format, {"quality": 95, "subsampling": 0})
    plain = read_rgb(saved(photo, format, **options)).pixels
    same(read_rgb(saved(photo, format, icc_profile=rgb_profile(), **options)).pixels, plain)
    swapped = saved(photo, format, icc_profile=rgb_profile(swap=True), **options)
    assert np.abs(read_rgb(swapped).pixels.astype(int) - plain).max() > 50
    picture = read_picture(swapped)
    same(picture.pixels, plain)  # an enhancement keeps pixels and profile as they are
    assert picture.icc == rgb_profile(swap=True)


def test_grey_and_cmyk_profiles():
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(4, axis=0)
    pixels = read_rgb(saved(ramp, "PNG", icc_profile=grey_profile(1.8))).pixels
    linear = (np.arange(256) / 255) ** 1.8
    expected = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    same(pixels, np.broadcast_to(expected[None, :, None], pixels.shape), tolerance=2)
    cyan = saved(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", icc_profile=cmyk_profile())
    assert read_rgb(cyan).pixels.max() < 10
    assert read_picture(cyan).icc is None


@pytest.mark.parametrize(
    "icc", [b"x", b"\0" * 200, rgb_profile()[:300], rgb_profile().replace(b"RGB ", b"CMYK")]
)
def test_broken_profiles_are_ignored(photo, icc):
    for format, options in (("JPEG", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        plain = read_rgb(saved(photo, format, **options)).pixels
        same(read_rgb(saved(photo, format, icc_profile=icc, **options)).pixels, plain)


def test_rgb_profile_on_grey_is_ignored(photo):
    same(
        read_rgb(saved(photo[..., 0], "PNG", icc_profile=rgb_profile(swap=True))).pixels,
        grey_rgb(photo[..., 0]),
    )


def test_broken_ancillary_chunks_do_not_break_a_png(photo):
    text = chunk(b"zTXt", b"Comment\0\0" + b"garbage")
    bad_checksum = chunk(b"tEXt", b"Title\0x")[:-1] + b"\0"
    same(
        read_rgb(png(photo, 2, 8, before=text + bad_checksum + chunk(b"iCCP", b"name\0\0garbage"))).pixels,
        photo,
    )


def test_of_several_profiles_of_a_png_only_the_first_is_unpacked(photo):
    """There is one by the format; a small file of hundreds kept a CPU busy for a second."""
    swapping, plain = (chunk(b"iCCP", b"a\0\0" + zlib.compress(rgb_profile(swap))) for swap in (True, False))
    assert read_rgb(png(photo, 2, 8, before=swapping + plain)).pixels[0, 0, 1] == photo[0, 0, 0]


@pytest.mark.parametrize(
    "width,height,at_least,expected",
    [
        (320, 240, None, (320, 240)),
        (320, 240, 240, (320, 240)),
        (320, 240, 121, (320, 240)),
        (320, 240, 120, (160, 120)),
        (320, 240, 60, (80, 60)),
        (320, 240, 30, (40, 30)),
        (320, 240, 1, (40, 30)),
        (317, 239, 30, (40, 30)),
        (239, 317, 120, (120, 159)),
        (9, 8, 1, (2, 1)),
        (1, 1, 1, (1, 1)),
        (320, 240, 4000, (320, 240)),
    ],
)
def test_jpeg_at_reduced_size(photo, width, height, at_least, expected):
    data = saved(np.resize(photo, (height, width, 3)), "JPEG", exif=exif_bytes(6))
    rgb = read_rgb(data, at_least=at_least)
    assert rgb.pixels.shape[1::-1] == expected[::-1]  # shown on its side
    assert rgb.size == (height, width)


def test_reduced_jpeg_shows_the_same(photo):
    data = saved(photo, "JPEG", quality=95)
    small = np.asarray(Image.fromarray(photo).resize((80, 60), Image.Resampling.BOX))
    assert np.abs(read_rgb(data, at_least=60).pixels.astype(int) - small).mean() < 4
