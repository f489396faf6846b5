"""The way in and out of an enhancement: what comes back is what came in."""

import io

import numpy as np
import pytest
from image_files import exif_bytes, png, rgb_profile, rgba_bmp, saved, ycck_jpeg
from PIL import Image

from irs_engine.errors import ImageSizeError, ParameterError
from irs_engine.image import read_picture, read_rgb


def round_trip(image):
    picture = read_picture(image)
    return picture.restore(picture.pixels)


def sample(channels, dtype):
    """(20, 30, channels) of noise; (20, 30) for none."""
    shape = (20, 30, channels) if channels else (20, 30)
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_arrays_come_back_alike(dtype, channels):
    array = sample(channels, dtype)
    result = round_trip(array)
    assert result.dtype == dtype and result.shape == array.shape and (result == array).all()


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_tensors_come_back_alike(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(sample(3, np.uint8)).permute(2, 0, 1)
    tensor = tensor if dtype == "uint8" else (tensor / 255).to(getattr(torch, dtype))
    result = round_trip(tensor)
    assert result.dtype == tensor.dtype and result.shape == tensor.shape and result.device == tensor.device
    assert (result.double() - tensor.double()).abs().max() < 1e-3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_pil_images_come_back(photo, mode):
    image = Image.fromarray(photo[:20, :30])
    image = Image.fromarray(sample(0, np.uint16)) if mode == "I;16" else image.convert(mode)
    image.info["icc_profile"] = rgb_profile(swap=True)
    result = round_trip(image)
    assert result.mode == {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode, mode) and result.size == image.size
    assert result.info.get("icc_profile") == (None if mode == "CMYK" else image.info["icc_profile"])
    if mode == "I;16":
        assert (np.asarray(result) == np.asarray(image)).all()
    else:
        assert result.convert("RGBA").tobytes() == image.convert("RGBA").tobytes()


@pytest.mark.parametrize(
    "format,options",
    [
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG", {"quality": 95}),
    ],
)
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_bytes_come_back_in_their_format(photo, format, options, mode):
    if mode.endswith("A") and format in ("JPEG", "BMP"):
        return
    data = saved(Image.fromarray(photo).convert(mode), format, **options)
    result = round_trip(data)
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(result))
    assert after.format == format and after.mode == before.mode and after.size == before.size
    difference = np.abs(np.asarray(after).astype(int) - np.asarray(before)).max()
    assert difference <= (20 if format == "JPEG" else 0)


def test_bmp_alpha_comes_back():
    rgba = sample(4, np.uint8)
    result = round_trip(rgba_bmp(rgba))
    picture = read_picture(result)
    assert (picture.pixels == rgba[..., :3]).all() and (picture.alpha == rgba[..., 3]).all()


def test_lossy_webp_stays_lossy(photo):
    data = saved(photo, "WEBP", quality=80)
    assert b"VP8L" not in round_trip(data) and read_picture(round_trip(data)).size == (320, 240)


@pytest.mark.parametrize("color_type,channels", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_16_bit_png_comes_back_with_profile_and_exif(color_type, channels):
    samples = sample(channels, np.uint16)
    plain = png(samples, color_type, 16)
    picture = read_picture(plain)
    again = read_picture(round_trip(plain))
    assert again.pixels.dtype == np.uint16 and (again.pixels == picture.pixels).all()
    if picture.alpha is not None:
        assert (again.alpha == picture.alpha).all()
    tagged = saved(
        Image.fromarray(sample(0, np.uint16)), "PNG", icc_profile=rgb_profile(swap=True), exif=exif_bytes(3)
    )
    once = read_picture(tagged)
    again = read_picture(once.restore(once.pixels))
    assert (again.pixels == once.pixels).all() and again.icc == once.icc == rgb_profile(swap=True)
    assert again.exif.removeprefix(b"Exif\0\0") == exif_bytes(1)[6:]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_profile_and_exif_are_kept_and_the_thumbnail_is_dropped(photo, format):
    exif = exif_bytes(6, thumbnail=saved(photo[:40, :40], "JPEG"))
    result = Image.open(
        io.BytesIO(round_trip(saved(photo, format, exif=exif, icc_profile=rgb_profile(swap=True))))
    )
    assert result.size == (240, 320)
    assert result.info["icc_profile"] == rgb_profile(swap=True)
    assert result.getexif()[0x0112] == 1 and not result.getexif().get_ifd(1)


def test_a_path_gives_a_pil_image(photo, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(saved(photo, "JPEG", exif=exif_bytes(6), icc_profile=rgb_profile(swap=True)))
    result = round_trip(path)
    assert isinstance(result, Image.Image) and result.size == (240, 320)
    assert result.info["icc_profile"] == rgb_profile(swap=True) and result.getexif()[0x0112] == 1
    assert (np.asarray(result) == read_picture(path).pixels).all()
    result.save(tmp_path / "b.jpg", exif=result.info["exif"])
    assert read_rgb(tmp_path / "b.jpg").size == (240, 320)


def test_cmyk_leaves_as_rgb(photo):
    result = Image.open(io.BytesIO(round_trip(ycck_jpeg(photo))))
    assert (result.format, result.mode) == ("JPEG", "RGB")


def test_larger_results_scale_the_alpha(photo):
    rgba = np.dstack([photo, photo[..., 0]])
    for image in (rgba, rgba.astype(np.uint16) * 257):
        picture = read_picture(image)
        tripled = np.repeat(np.repeat(picture.pixels, 3, 0), 3, 1)
        result = picture.restore(tripled)
        assert result.shape == (720, 960, 4) and result.dtype == image.dtype
        shrunk = result[1::3, 1::3, 3].astype(float) - image[..., 3]
        assert np.abs(shrunk).max() <= 1
        own = np.zeros((720, 960), image.dtype)
        assert not picture.restore(tripled, own)[..., 3].any()
        with pytest.raises(ParameterError, match="alpha"):
            picture.restore(tripled, own[1:])


def test_depth_is_that_of_the_original(photo):
    assert read_picture(photo).restore(photo.astype(np.uint16) * 257).dtype == np.uint8
    assert (read_picture(photo.astype(np.uint16) * 257).restore(photo) == photo.astype(np.uint16) * 257).all()
    with pytest.raises(ParameterError, match="uint8 or uint16"):
        read_picture(photo).restore(photo / 255)
    with pytest.raises(ParameterError, match="pixels"):
        read_picture(photo).restore(photo[..., 0])


def test_results_that_the_format_cannot_hold():
    picture = read_picture(saved(np.zeros((4, 4, 3), np.uint8), "WEBP"))
    with pytest.raises(ImageSizeError, match="WEBP holds 16383"):
        picture.restore(np.zeros((1, 20000, 3), np.uint8))


def test_nothing_given_is_written_to(photo):
    picture = read_picture(photo)
    assert np.shares_memory(picture.pixels, photo) and not picture.pixels.flags.writeable
