"""The kinds of object that an image may be, and the errors for what it may not be."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from image_files import saved
from PIL import Image

from irs_engine import errors
from irs_engine.errors import ImageDataError, ImageError, ImageFormatError, ImageSizeError
from irs_engine.image import Limits, read_picture, read_rgb


@pytest.fixture(params=[read_rgb, read_picture])
def read(request):
    return request.param


def test_all_kinds_give_the_same(photo, tmp_path):
    torch = pytest.importorskip("torch")
    data = saved(photo, "PNG")
    path = tmp_path / "photo.txt"  # the name does not matter
    path.write_bytes(data)
    tensor = torch.tensor(photo).permute(2, 0, 1)
    kinds = [
        str(path),
        path,
        data,
        bytearray(data),
        memoryview(data),
        Image.fromarray(photo),
        Image.open(path),
        photo,
        photo.astype(np.uint16) * 257,
        photo.astype(">u2") * 257,
        tensor,
        tensor.float() / 255,
        (tensor.double() / 255).requires_grad_(),
        tensor.contiguous(),
    ]
    for image in kinds:
        rgb = read_rgb(image)
        assert rgb.size == (320, 240)
        assert rgb.pixels.dtype == np.uint8 and rgb.pixels.flags.c_contiguous
        assert (rgb.pixels == photo).all()


def test_array_layouts(photo):
    read_only = photo.copy()
    read_only.flags.writeable = False
    for view in (
        photo[::-1],
        photo[:, ::-1],
        photo[::2, ::3],
        photo[..., ::-1],
        np.asfortranarray(photo),
        read_only,
        photo.transpose(1, 0, 2),
        np.ma.masked_array(photo),
        photo[:1, :1],
    ):
        before = view.copy()
        assert (read_rgb(view).pixels == before).all() and (view == before).all()
    grey = photo[..., 0]
    for view in (grey, grey[..., None], grey[::-1, ::2], grey.T):
        assert (read_rgb(view).pixels == view.reshape(*view.shape[:2], 1)).all()
    clear = np.dstack([photo, np.zeros_like(grey)])
    assert (read_rgb(clear).pixels == 255).all()
    assert (read_picture(clear).pixels == photo).all()


def test_a_plain_array_is_not_copied(photo):
    assert np.shares_memory(read_rgb(photo).pixels, photo)


@pytest.mark.parametrize(
    "mode",
    [
        "1",
        "L",
        "LA",
        "La",
        "P",
        "PA",
        "RGB",
        "RGBA",
        "RGBa",
        "RGBX",
        "CMYK",
        "YCbCr",
        "HSV",
        "LAB",
        "I",
        "I;16",
        "I;16B",
        "I;16L",
    ],
)
def test_every_mode_of_pil(photo, mode, read):
    image = Image.fromarray(photo)
    if mode in ("I", "I;16", "I;16B", "I;16L"):
        image = Image.fromarray(photo[..., 1].astype(np.uint16) * 257).convert("I").convert(mode)
    elif mode == "LAB":
        image = image.convert("LAB")
    elif mode == "La":
        image = image.convert("LA").convert("La")
    elif mode == "RGBa":
        image = image.convert("RGBA").convert("RGBa")
    else:
        image = image.convert(mode)
    pixels = read(image).pixels
    assert pixels.shape == (240, 320, 3)
    if mode not in ("1", "P", "PA", "HSV", "LAB"):  # those lose colours
        grey = np.repeat(np.asarray(Image.fromarray(photo).convert("L"))[..., None], 3, axis=2)
        expected = photo[..., 1:2] if mode.startswith("I") else grey if mode in ("L", "LA", "La") else photo
        scale = 257 if pixels.dtype == np.uint16 else 1
        assert np.abs(pixels // scale - expected.astype(int)).max() <= 3


@pytest.mark.parametrize(
    "array,hint",
    [
        (np.zeros((4, 5, 3)), "round"),
        (np.full((4, 4, 3), np.nan, np.float32), "round"),
        (np.zeros((4, 5), bool), "255"),
        (np.zeros((4, 5, 3), np.int64), "uint8"),
        (np.zeros((4, 5, 3), np.int8), "uint8"),
        (np.zeros((4, 5), np.uint32), "uint8"),
        (np.zeros((4, 5, 3), object), "uint8"),
        (np.array("a.jpg"), "RGB"),
        (np.zeros((3, 4, 5), np.uint8), "transpose"),
        (np.zeros((4, 5, 2), np.uint8), "H, W"),
        (np.zeros(7, np.uint8), "H, W"),
        (np.zeros((1, 4, 5, 3), np.uint8), "one picture"),
        (np.zeros((0, 5, 3), np.uint8), "nothing"),
        (np.zeros((5, 0), np.uint16), "nothing"),
    ],
)
def test_arrays_that_are_no_images(array, hint, read):
    with pytest.raises(ImageError, match=hint) as caught:
        read(array)
    assert str(array.dtype) in str(caught.value) or isinstance(caught.value, ImageSizeError)


def test_tensors_that_are_no_images(read):
    torch = pytest.importorskip("torch")
    cases = [
        (torch.zeros(4, 5, 3), "permute"),
        (torch.zeros(1, 3, 4, 5), r"tensor\[0\]"),
        (torch.zeros(1, 4, 5), "3, H, W"),
        (torch.zeros(3, 0, 5), "nothing"),
        (torch.zeros(3, 4, 5, dtype=torch.int64), "uint8"),
        (torch.zeros(3, 4, 5, dtype=torch.bool), "uint8"),
        (torch.zeros(3, 4, 5, dtype=torch.complex64), "uint8"),
        (torch.full((3, 4, 5), torch.nan), "NaN"),
        (torch.full((3, 4, 5), -torch.inf), "infinite"),
        (torch.full((3, 4, 5), 200.0), "255"),
        (torch.full((3, 4, 5), -1.0), "normalisation"),
    ]
    for tensor, hint in cases:
        with pytest.raises(ImageError, match=hint):
            read(tensor)


def test_low_precision_tensors(photo):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(photo).permute(2, 0, 1).float() / 255
    for dtype, tolerance in ((torch.float16, 1), (torch.bfloat16, 1)):
        assert np.abs(read_rgb(tensor.to(dtype)).pixels.astype(int) - photo).max() <= tolerance


def test_paths_that_are_no_images(tmp_path, read):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello, this is a text and no picture")
    (tmp_path / "cut.png").write_bytes(saved(np.zeros((5, 5, 3), np.uint8), "PNG")[:20])
    os.mkfifo(tmp_path / "pipe.jpg")  # reading it would wait for ever
    cases = {
        "missing.jpg": "no such file",
        "": "directory",
        "empty.jpg": "0 bytes",
        "text.jpg": "JPEG, PNG, BMP and WEBP",
        "cut.png": "header",
        "pipe.jpg": "regular",
        "nul\0.jpg": "file name",
        "n" * 300: "cannot be read",
    }
    for name, hint in cases.items():
        with pytest.raises(ImageError, match=hint) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))
    with pytest.raises(ImageError, match="downloaded"):
        read("https://example.org/cat.jpg")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not stop this user")
def test_unreadable_file(tmp_path, read):
    path = tmp_path / "secret.jpg"
    path.touch(mode=0)
    with pytest.raises(ImageError, match="cannot be read"):
        read(path)


@pytest.mark.parametrize("thing", [None, 5, 1.5, [1, 2], {}, (3, 4), object(), sys.stdin])
def test_things_that_are_no_images(thing, read):
    with pytest.raises(ImageError, match="expected a path"):
        read(thing)


@pytest.mark.parametrize(
    "data,name",
    [
        (b"GIF89a" + bytes(50), "GIF"),
        (b"II*\0" + bytes(50), "TIFF"),
        (b"%PDF-1.7" + bytes(50), "PDF"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        (b"\0\0\0\x1cftypavif" + bytes(50), "AVIF"),
        (b"RIFF1234WAVE", "RIFF"),
        (b"\xff\xd8", "begins"),
        (b"BM", "begins"),
        (b"\x89PNG", "begins"),
        (b"<html>", "begins"),
        (b"x", "begins"),
    ],
)
def test_other_formats_are_refused_by_name(data, name, read):
    with pytest.raises(ImageFormatError, match=name) as caught:
        read(data)
    assert "JPEG, PNG, BMP and WEBP" in str(caught.value)


def test_pil_images_that_do_not_load(photo, tmp_path, read):
    (tmp_path / "cut.jpg").write_bytes(saved(photo, "JPEG")[:3000])
    with Image.open(tmp_path / "cut.jpg") as image, pytest.raises(ImageDataError):
        read(image)
    for image in (Image.new("F", (4, 4)), Image.new("I", (4, 4), -1), Image.new("I", (4, 4), 65536)):
        with pytest.raises(ImageFormatError):
            read(image)
    with pytest.raises(ImageSizeError):
        read(Image.new("RGB", (0, 4)))


def test_limits(photo, tmp_path, read):
    data = saved(photo, "PNG")
    (tmp_path / "a.png").write_bytes(data)
    for image in (data, tmp_path / "a.png", photo, Image.fromarray(photo)):
        read(image, limits=Limits(max_pixels=320 * 240, max_side=320, min_side=240, max_bytes=len(data)))
        for limit in ({"max_pixels": 320 * 240 - 1}, {"max_side": 319}, {"min_side": 241}):
            with pytest.raises(ImageSizeError, match=f"320 x 240.*{next(iter(limit))}"):
                read(image, limits=Limits(**limit))
    for image in (data, tmp_path / "a.png"):
        with pytest.raises(ImageSizeError, match="max_bytes"):
            read(image, limits=Limits(max_bytes=len(data) - 1))
        with pytest.raises(ImageFormatError, match=r"PNG.*JPEG, BMP"):
            read(image, limits=Limits(formats=("JPEG", "BMP")))


def test_errors_survive_pickling():
    for name, error in vars(errors).items():
        if isinstance(error, type):
            copy = pickle.loads(pickle.dumps(error("what, why, what to do")))
            assert type(copy) is error and str(copy) == "what, why, what to do", name
            assert isinstance(copy, errors.IrsError)
    assert issubclass(errors.ParameterError, ValueError)


def test_reading_photos_needs_neither_torch_nor_cv2(photo, tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved(photo, "JPEG"))
    code = (
        "import sys; from irs_engine.image import read_rgb; read_rgb(sys.argv[1], at_least=60)\n"
        "assert not {'torch', 'cv2'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.jpg"], check=True)
