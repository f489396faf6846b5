"""Dark enhance: the native path against the torch one, and what it promises to people."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import instruction_set, make_photo
from oracle import psnr

import irs_engine as irs
from irs_engine import _native
from irs_engine.enhance.dark_enhance import enhance, enhance_on_torch
from irs_engine.errors import ParameterError

SIZES = [(1, 1), (1, 7), (5, 1), (33, 47), (480, 640), (400, 1100), (1030, 20)]  # the last ones: thumbnails


def darken(photo, exposure, noise=0.0015, seed=0):
    """The photo with so little light, and the noise of a sensor, as a camera would have developed it."""
    light = (photo / 255) ** 2.2 * exposure
    light += np.random.default_rng(seed).normal(0, noise, light.shape)
    return np.round(light.clip(0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def bright_photo():
    return make_photo(480, 360, seed=3)


@pytest.fixture(scope="session")
def dark_photo(bright_photo):
    dark = darken(bright_photo, 0.04)
    dark.flags.writeable = False
    return dark


def as_dtype(pixels, dtype):
    """The same picture; 16 bits get something to tell apart in the lower ones."""
    if dtype == np.uint8:
        return pixels
    return pixels * np.uint16(256) + np.random.default_rng(5).integers(0, 256, pixels.shape, np.uint16)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 1), (np.uint16, 48)])  # float32 over 65535
def test_the_native_path_is_that_of_torch(device, size, dtype, tolerance):
    height, width = size
    pixels = as_dtype(darken(make_photo(width, height), 0.05), dtype)
    for brightness in (0.4, 0.9):
        found, expected = enhance(pixels, brightness), enhance_on_torch(pixels, brightness, device)
        assert found.dtype == dtype and found.shape == pixels.shape
        assert np.abs(found.astype(int) - expected.astype(int)).max() <= tolerance


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(33, 47), (300, 777)])
def test_every_instruction_set_and_number_of_threads_gives_the_same_bits(size, dtype):
    pixels = as_dtype(darken(make_photo(size[1], size[0]), 0.05), dtype)
    before = _native.num_threads()
    with instruction_set("generic"):
        _native.set_num_threads(1)
        expected = enhance(pixels, 0.9)
    assert (expected != pixels).any()
    try:
        for name in _native.isas():
            for threads in (1, 2, 3):
                _native.set_num_threads(threads)
                with instruction_set(name):
                    np.testing.assert_array_equal(enhance(pixels, 0.9), expected)
    finally:
        _native.set_num_threads(before)


def test_rows_may_lie_anywhere_and_be_read_only(dark_photo):
    for view in (dark_photo[::-1], dark_photo[::2], dark_photo[5:99, 20:90], dark_photo[:, 3:4]):
        assert not view.flags.writeable
        np.testing.assert_array_equal(enhance(view, 0.9), enhance(view.copy(), 0.9))


def test_nothing_beside_the_output_is_touched(dark_photo):
    frame = np.full((100, 90, 3), 77, np.uint8)
    _native.dark_enhance(dark_photo[:40, :31], frame[7:87:2, 9:40], 0.9)
    np.testing.assert_array_equal(frame[7:87:2, 9:40], enhance(dark_photo[:40, :31], 0.9))
    frame[7:87:2, 9:40] = 77
    assert (frame == 77).all()


def test_grey_stays_grey(dark_photo):
    for dtype in (np.uint8, np.uint16):
        grey = np.repeat(as_dtype(dark_photo[..., 1], dtype)[..., None], 3, axis=2)
        found = enhance(grey, 0.9)
        assert (found == found[..., :1]).all() and found.mean() > grey.mean()


def test_brightness_0_gives_the_picture_back(dark_photo):
    np.testing.assert_array_equal(irs.dark_enhance(dark_photo, brightness=0), dark_photo)


def test_more_brightness_is_brighter(dark_photo):
    means = [irs.dark_enhance(dark_photo, brightness=step / 10).mean() for step in range(11)]
    steps = np.diff(means)
    assert (steps > 0.5).all() and steps.max() < 20  # and goes on without jumps


def test_a_well_lit_photo_comes_back_unchanged(bright_photo):
    np.testing.assert_array_equal(irs.dark_enhance(bright_photo), bright_photo)


@pytest.mark.parametrize("level", [0, 255])
def test_flat_black_and_flat_white_stay(level):
    flat = np.full((40, 50, 3), level, np.uint8)
    np.testing.assert_array_equal(irs.dark_enhance(flat), flat)


@pytest.mark.parametrize("exposure", [0.01, 0.02, 0.05])
def test_a_dark_photo_comes_near_to_the_bright_one(bright_photo, exposure):
    dark = darken(bright_photo, exposure)
    assert psnr(irs.dark_enhance(dark), bright_photo) > psnr(dark, bright_photo) + 6


def test_lamps_stay_below_white_and_keep_their_order(dark_photo):
    night = dark_photo.copy()
    lamps = np.linspace(150, 250, 40).astype(np.uint8)
    night[100:140, 100:140] = lamps[:, None, None]
    found = irs.dark_enhance(night)[100:140, 120].astype(int)
    assert (np.diff(found, axis=0) >= 0).all() and (found[-1] - found[0] > 20).all()
    assert found.max() < 255


def test_noise_is_not_amplified_as_much_as_light():
    """In a dark flat area the noise grows less than the brightness does."""
    random = np.random.default_rng(0)
    scene = np.full((240, 320, 3), 12.0)
    scene[:, 160:] = 30
    noisy = np.round(scene + random.normal(0, 1.5, scene.shape)).clip(0, 255).astype(np.uint8)
    found = irs.dark_enhance(noisy).astype(float)
    area = (slice(20, 220), slice(20, 120))
    assert found[area].std() / noisy[area].std() < 0.8 * found[area].mean() / noisy[area].mean()


def test_the_size_of_the_picture_does_not_matter(bright_photo):
    large = darken(make_photo(1440, 1080, seed=3), 0.04, noise=0.0)
    half = large.reshape(540, 2, 720, 2, 3).mean((1, 3)).round().astype(np.uint8)
    found = irs.dark_enhance(large).reshape(540, 2, 720, 2, 3).mean((1, 3))
    assert psnr(irs.dark_enhance(half), found) > 35


def test_frames_that_hardly_differ_do_not_flicker(bright_photo):
    means = [irs.dark_enhance(darken(bright_photo, 0.04, seed=seed)).mean() for seed in range(3)]
    assert max(means) < 1.005 * min(means)


def test_alpha_and_16_bits_pass_the_engine(dark_photo):
    alpha = np.random.default_rng(0).integers(0, 256, dark_photo.shape[:2], np.uint8)
    found = irs.dark_enhance(np.dstack([dark_photo, alpha]))
    np.testing.assert_array_equal(found[..., 3], alpha)
    np.testing.assert_array_equal(found[..., :3], irs.dark_enhance(dark_photo))
    deep = irs.dark_enhance(dark_photo.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16 and np.abs(deep / 257 - found[..., :3]).max() < 0.75  # fixed point


def test_parameters_are_checked(dark_photo):
    for brightness in (-0.1, 1.1, "much", float("nan")):
        with pytest.raises(ParameterError, match="brightness"):
            irs.dark_enhance(dark_photo, brightness=brightness)
    with pytest.raises(ValueError, match=r"brightness: expected 0\.\.1, got 2"):
        _native.dark_enhance(dark_photo, np.empty_like(dark_photo), 2)
    with pytest.raises(ValueError, match="out: expected the size of the image"):
        _native.dark_enhance(dark_photo, np.empty((3, 3, 3), np.uint8), 0.9)


def test_it_works_without_torch():
    code = "import sys; sys.modules['torch'] = None; import numpy as np\n"
    code += "from irs_engine.enhance.dark_enhance import enhance\n"
    code += "print(enhance(np.full((8, 8, 3), 20, np.uint8), 0.9).mean() > 25)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("True\n", "")
