import numpy as np
import pytest
from conftest import make_photo

from irs_engine.vision.nets.recapture_net import SIDE
from irs_engine.vision.recapture_crops import (
    MOST,
    MOST_NEAR,
    choose_crops,
    cut,
    large_enough,
    whole_view,
)


@pytest.fixture(scope="module")
def large():
    return make_photo(1600, 1200)


def overlap(first, second):
    return all(abs(a - b) < SIDE for a, b in zip(first, second, strict=True))


def test_with_room_there_are_as_many_as_asked_for_side_by_side(large):
    windows = choose_crops(large)
    assert len(windows) == MOST
    assert not any(overlap(a, b) for i, a in enumerate(windows) for b in windows[:i])
    assert len(choose_crops(large, most=3)) == 3


@pytest.mark.parametrize("size", [(256, 256), (257, 256), (256, 1000), (300, 280), (513, 700), (1600, 1200)])
def test_they_lie_inside(large, size):
    width, height = size
    pixels = large[:height, :width]
    windows = choose_crops(pixels)
    assert 1 <= len(windows) <= MOST and len(set(windows)) == len(windows)
    assert all(0 <= left <= width - SIDE and 0 <= top <= height - SIDE for left, top in windows)
    assert cut(pixels, windows).shape == (len(windows) + 1, SIDE, SIDE, 3)


def test_a_picture_of_one_window_has_one(large):
    assert choose_crops(large[:SIDE, :SIDE]) == [(0, 0)]


def test_given_places_come_first_in_the_middle_of_their_crops(large):
    places = [(1200, 300), (500, 900), (10, 1190), (700, 200)]
    windows = choose_crops(large, near=places)
    assert len(windows) == MOST
    for (left, top), (x, y) in zip(windows, places[:MOST_NEAR], strict=False):
        assert left <= x < left + SIDE and top <= y < top + SIDE
    for (left, top), (x, y) in zip(windows, places[:2], strict=False):
        assert abs(left + SIDE / 2 - x) <= SIDE / 8 and abs(top + SIDE / 2 - y) <= SIDE / 8


def test_the_same_place_twice_is_one_crop(large):
    windows = choose_crops(large, near=[(800, 600), (803, 601)])
    assert len(windows) == MOST == len(set(windows))


def test_flat_bright_areas_and_edges_are_found():
    scene = np.full((1024, 1280, 3), 12, np.uint8)  # too dark for anything
    scene[512:768, 256:512] = 200
    scene[0:256, 1024:1280] = np.where(np.arange(256) % 16 < 8, 30, 220)[None, :, None]
    windows = choose_crops(scene)
    assert windows[0] == (256, 512) and (1024, 0) in windows[:2]


def test_cut_takes_the_very_pixels_and_all_of_them_small(large):
    crop, whole = cut(large, [(100, 50)])
    assert np.array_equal(crop, large[50 : 50 + SIDE, 100 : 100 + SIDE])
    for part in (slice(0, SIDE // 2), slice(SIDE // 2, SIDE)):
        rows = slice(part.start * len(large) // SIDE, part.stop * len(large) // SIDE)
        np.testing.assert_allclose(whole[part].mean((0, 1)), large[rows].mean((0, 1)), atol=1)


def test_the_whole_view_of_a_small_photo_is_enlarged():
    assert whole_view(np.full((40, 90, 3), 77, np.uint8)).tolist() == [[[77] * 3] * SIDE] * SIDE


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (100, 255), (255, 400)])
def test_small_pictures_are_mirrored_never_scaled(shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    found = large_enough(pixels)
    height, width = shape
    assert found.shape[:2] == (max(SIDE, height), max(SIDE, width))
    top, left = (max(0, SIDE - length) // 2 for length in shape)
    assert np.array_equal(found[top : top + height, left : left + width], pixels)
    if left and width > 1:
        assert np.array_equal(found[top, left - 1], pixels[0, 0])


def test_large_pictures_are_not_copied(large):
    assert large_enough(large) is large
