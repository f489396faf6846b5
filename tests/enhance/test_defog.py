"""Defog: the native path against the torch one with random weights, and what the shipped weights promise."""

import numpy as np
import pytest
import torch
from conftest import instruction_set, make_photo
from oracle import psnr
from safetensors.torch import load_file, save_file

import irs_engine as irs
from irs_engine import _native
from irs_engine.enhance.defog import MAPS, Defogger, OnNative, OnTorch, thumbnail_size
from irs_engine.enhance.haze_net import HazeNet, clear
from irs_engine.errors import ParameterError, WeightsError


@pytest.fixture(scope="session")
def clear_photo():
    return make_photo(480, 360, seed=3)


@pytest.fixture(scope="session")
def hazy_photo(clear_photo):
    """More haze to the left than to the right."""
    transmission = np.linspace(0.35, 0.8, 480)[None, :, None]
    return np.round(clear_photo * transmission + 225 * (1 - transmission)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (33, 47), (600, 450), (40, 1100)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 1), (np.uint16, 24)])  # float32 over 65535
def test_the_native_path_is_that_of_torch(haze_weights, device, shape, dtype, tolerance):
    noise = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, (*shape, 3), dtype)
    native, oracle = OnNative(haze_weights), OnTorch(device, haze_weights)
    for strength, exponent in ((1.0, 1.0), (1.5, 1.0), (1.0, 0.6)):
        found = native.clear(noise, strength, exponent)
        expected = oracle.clear(noise, strength, exponent)
        assert found.dtype == dtype and found.shape == noise.shape
        # Near black, a power below 1 is steep: whole numbers there stand for many results.
        far = np.abs(found.astype(int) - expected.astype(int)) > tolerance
        assert far.mean() < (1e-3 if exponent != 1 else 1e-9)


def test_maps_are_those_of_the_network(haze_weights, photo):
    net = HazeNet()
    net.load_state_dict(load_file(haze_weights / "haze_s.safetensors"))
    thumbnail = np.empty((96, 128, 3), np.float32)
    _native.thumbnail(photo, thumbnail)
    planes = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].double() / 255
    means = torch.nn.functional.adaptive_avg_pool2d(planes, (96, 128))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(thumbnail, means, rtol=0, atol=1e-7)
    with torch.inference_mode():
        expected = net(torch.from_numpy(thumbnail).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    found = OnNative(haze_weights).maps(photo)
    assert found.shape == (12, 16, MAPS) and found.std() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_instruction_set_and_number_of_threads_gives_the_same_bits(haze_weights, photo, dtype):
    pixels = np.ascontiguousarray(photo[:, :313].astype(dtype) * (np.iinfo(dtype).max // 255))
    native = OnNative(haze_weights)
    before = _native.num_threads()
    with instruction_set("generic"):
        _native.set_num_threads(1)
        expected = [native.clear(pixels, 1.0, exponent) for exponent in (1.0, 0.7)]
    try:
        for name in _native.isas():
            for threads in (1, 2, 3):
                _native.set_num_threads(threads)
                with instruction_set(name):
                    for exponent, known in zip((1.0, 0.7), expected, strict=True):
                        np.testing.assert_array_equal(native.clear(pixels, 1.0, exponent), known)
    finally:
        _native.set_num_threads(before)


def test_strength_0_gives_the_picture_back(haze_weights, photo):
    np.testing.assert_array_equal(OnNative(haze_weights).clear(photo, 0.0, 1.0), photo)


def test_rows_may_lie_anywhere(haze_weights, photo):
    native = OnNative(haze_weights)
    for view in (photo[::-1], photo[::2], photo[5:99, 20:90]):
        np.testing.assert_array_equal(native.clear(view, 1.0, 1.0), native.clear(view.copy(), 1.0, 1.0))


@pytest.mark.parametrize(("airlight", "terms"), [(1, 1), (2, 5.2), (2, 7.9), (2.2, 5), (50, 300), (3e5, 3e7)])
def test_whatever_the_maps_say_the_result_is_that_of_torch(airlight, terms):
    """Also where they leave the range of fixed point; `airlight` and `terms` are how far they go."""
    random = np.random.default_rng(4)
    noise = random.integers(0, 256, (120, 700, 3), np.uint8)
    noise[:40] = random.choice([0, 255], (40, 700, 3))
    for size in ((1, 1), (3, 5), (40, 90)):
        maps = random.uniform(-1, 1, (*size, MAPS)).astype(np.float32)
        maps[..., :3] = 0.5 + maps[..., :3] * airlight / 2
        maps[..., 3:] = np.sign(maps[..., 3:]) * terms if size == (3, 5) else maps[..., 3:] * terms
        found = np.empty_like(noise)
        _native.defog(noise, maps, found, 1.0, 8.0, 1.0)
        planes = torch.from_numpy(noise).permute(2, 0, 1)[None].double() / 255
        cleared = clear(planes, torch.from_numpy(maps).permute(2, 0, 1)[None].double())[0]
        expected = cleared.permute(1, 2, 0).clamp(0, 1).numpy() * 255
        far = np.abs(found - expected) - 0.5
        assert (far > 0.5 if terms < 10 else far > 1).mean() < (1e-9 if terms < 10 else 1e-3)


def test_coarse_maps_follow_edges():
    """A plane over the colour of a pixel tells a dark thing from what is behind it, at full resolution."""
    image = torch.full((1, 3, 64, 64), 0.8)
    image[..., 20:30, 20:30] = 0.5
    maps = torch.tensor([0.9, 0.9, 0.9, 0.0, -2.0, 3.0])[None, :, None, None].expand(1, 6, 2, 2)
    found = clear(image, maps)
    assert found.mul(1000).round().unique().numel() == 2
    assert found[0, 0, 25, 25] == pytest.approx(0.9 + (0.5 - 0.9) * (3 - 2 * 0.5))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4000, 3000), (128, 96)), ((3000, 4000), (96, 128)), ((1, 1), (128, 128)), ((9000, 10), (128, 32))],
)
def test_thumbnails_are_shaped_like_the_picture(size, expected):
    assert thumbnail_size(*size) == expected


def test_other_weights_are_refused(tmp_path, haze_weights):
    tensors = load_file(haze_weights / "haze_s.safetensors")
    del tensors["whole.bias"]
    save_file(tensors, tmp_path / "haze_s.safetensors")
    for device in ("cpu", "meta"):
        with pytest.raises(WeightsError, match=r"(?s)do not fit HazeNet.*whole\.bias"):
            Defogger(device, tmp_path)


def test_kernels_refuse_what_does_not_fit(haze_weights, photo):
    net = OnNative(haze_weights)._net
    with pytest.raises(ValueError, match="thumbnail: expected sides that are multiples of 32, got 33x32"):
        net.run(np.zeros((32, 33, 3), np.float32), np.zeros((4, 4, 6), np.float32))
    with pytest.raises(ValueError, match="maps: expected 1/8 of the thumbnail's sides"):
        net.run(np.zeros((32, 32, 3), np.float32), np.zeros((4, 5, 6), np.float32))
    with pytest.raises(ValueError, match="layers: expected 13, got 0"):
        _native.HazeNet([])
    maps = np.zeros((2, 2, 6), np.float32)
    with pytest.raises(ValueError, match="out: expected the size of the image"):
        _native.defog(photo, maps, np.empty((3, 3, 3), np.uint8), 1.0, 8.0, 1.0)
    with pytest.raises(ValueError, match="exponent: expected more than 0"):
        _native.defog(photo, maps, np.empty_like(photo), 1.0, 8.0, 0.0)


def test_haze_is_taken_away(clear_photo, hazy_photo):
    found = irs.defog(hazy_photo)
    assert psnr(found, clear_photo) > psnr(hazy_photo, clear_photo) + 4
    left, right = (slice(None), slice(0, 160)), (slice(None), slice(320, 480))
    gain = [found[part].std() / hazy_photo[part].std() for part in (left, right)]
    assert gain[0] > 1.3 * gain[1] > 1.3  # most where most of it was


def test_a_clear_photo_hardly_changes(clear_photo):
    assert psnr(irs.defog(clear_photo), clear_photo) > 30


def test_the_size_of_the_picture_does_not_matter(hazy_photo):
    half = hazy_photo.reshape(180, 2, 240, 2, 3).mean((1, 3)).round().astype(np.uint8)
    found = irs.defog(hazy_photo).reshape(180, 2, 240, 2, 3).mean((1, 3))
    assert psnr(irs.defog(half), found) > 35


def test_gamma_is_brightness(hazy_photo):
    means = [irs.defog(hazy_photo, gamma=gamma).mean() for gamma in (0.1, 0.5, 1.0, 1.5, 1.6, 3.0, 10.0)]
    assert means == sorted(means) and means[0] < 60 and means[-1] > 200
    assert means[4] - means[3] < 10


def test_without_natural_look_more_is_taken_away(hazy_photo):
    assert irs.defog(hazy_photo, natural_look=False).std() > 1.1 * irs.defog(hazy_photo).std()


def test_frames_that_hardly_differ_do_not_flicker(hazy_photo):
    noise = np.random.default_rng(0).integers(-1, 2, hazy_photo.shape)
    other = np.clip(hazy_photo + noise, 0, 255).astype(np.uint8)
    assert abs(irs.defog(other).mean() - irs.defog(hazy_photo).mean()) < 0.5


def test_parameters_are_checked(photo):
    for options in ({"gamma": 0.05}, {"gamma": 11}, {"natural_look": "no"}):
        with pytest.raises(ParameterError):
            irs.defog(photo, **options)
