"""What every operator that changes pictures keeps to; they are found by their signatures."""

import io

import numpy as np
import pytest
import torch
from image_files import saved
from PIL import Image

from irs_engine.engine import Engine
from irs_engine.registry import list_operators

LARGER = {"super_resolve"}  # results of another size, with tests of their own
NAMES = [operator.name for operator in list_operators() if operator.enhances and operator.name not in LARGER]
SHAPES = [(1, 1), (1, 9), (7, 1), (33, 47), (40, 90, 1), (1, 1, 3), (5, 33, 3), (31, 8, 4), (1, 5, 4)]


@pytest.fixture(scope="module")
def engine():
    return Engine(device="cpu")


@pytest.fixture(params=NAMES)
def enhance(request, engine):
    return getattr(engine, request.param)


@pytest.fixture(scope="session")
def dim_photo(photo):
    """Dark in one half and bright in the other, so that every operator finds something to do."""
    return (photo * np.linspace(0.1, 1, photo.shape[1])[None, :, None]).astype(np.uint8)


def picture(shape, dtype):
    largest = np.iinfo(dtype).max
    return np.random.default_rng(len(shape)).integers(0, largest // 4, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", SHAPES)
def test_arrays_keep_shape_and_type_and_are_not_written_to(enhance, shape, dtype):
    given = picture(shape, dtype)
    before = given.copy()
    given.flags.writeable = False
    found = enhance(given)
    assert found.dtype == dtype and found.shape in (shape, shape[:2] if shape[-1] == 1 else shape)
    assert found.flags.writeable and not np.shares_memory(found, given)
    np.testing.assert_array_equal(given, before)


def test_rows_and_pixels_may_lie_anywhere(enhance, dim_photo):
    wide = np.dstack([dim_photo, dim_photo])
    for view in (dim_photo[::-1], dim_photo[:, ::-1], dim_photo[::3, 5:], wide[..., 1:4], wide[..., 2::-1]):
        np.testing.assert_array_equal(enhance(view), enhance(view.copy()))


def test_alpha_stays(enhance, dim_photo):
    alpha = picture(dim_photo.shape[:2], np.uint8)
    found = enhance(np.dstack([dim_photo, alpha]))
    np.testing.assert_array_equal(found[..., 3], alpha)
    np.testing.assert_array_equal(found[..., :3], enhance(dim_photo))


def test_grey_is_worked_on_as_three_equal_colours(enhance, dim_photo):
    grey = dim_photo[..., 1]
    as_colours = enhance(np.repeat(grey[..., None], 3, axis=2)).astype(int)
    luma = as_colours @ np.array([0.299, 0.587, 0.114])  # what a network tints becomes grey again
    assert np.abs(enhance(grey) - luma).max() <= 1


def test_16_bits_give_what_8_bits_give(enhance, dim_photo):
    deep = enhance(dim_photo.astype(np.uint16) * 257)
    assert np.abs(deep / 257 - enhance(dim_photo)).max() <= 1


def test_the_kind_of_image_that_came_in_comes_out(enhance, dim_photo, tmp_path):
    expected = enhance(dim_photo)
    data = saved(dim_photo, "PNG")
    (tmp_path / "photo.png").write_bytes(data)
    np.testing.assert_array_equal(np.asarray(enhance(Image.fromarray(dim_photo))), expected)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(enhance(data)))), expected)
    assert Image.open(io.BytesIO(enhance(saved(dim_photo, "JPEG")))).format == "JPEG"
    tensor = enhance(torch.from_numpy(dim_photo).permute(2, 0, 1))
    assert tensor.dtype == torch.uint8
    np.testing.assert_array_equal(tensor.permute(1, 2, 0).numpy(), expected)
    floats = enhance(torch.from_numpy(dim_photo).permute(2, 0, 1) / 255)
    assert floats.dtype == torch.float32
    assert np.abs(floats.permute(1, 2, 0).numpy() * 255 - expected).max() <= 1


def test_the_same_picture_gives_the_same_result(enhance, dim_photo):
    np.testing.assert_array_equal(enhance(dim_photo), enhance(dim_photo))
