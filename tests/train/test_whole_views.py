"""Simulated whole views: a display or a sheet lies in front of what is around it, and shows the photo."""

import cv2
import numpy as np
import pytest
from conftest import make_photo

from irs_engine.train import whole_views
from irs_engine.train.whole_views import LONGER, WholeViews, on_display, on_paper, with_panel


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, size in enumerate([(480, 640), (640, 480), (500, 500)]):
        cv2.imwrite(str(folder / f"{number}.jpg"), make_photo(*size, number))
    (folder / "broken.jpg").write_bytes(b"no photo")
    cv2.imwrite(str(folder / "small.png"), np.zeros((90, 90, 3), np.uint8))
    return folder


def flat(colour, height=LONGER, width=LONGER):
    return np.broadcast_to(np.array(colour, np.float32), (height, width, 3))


GREEN, RED = flat((0, 0.7, 0)), flat((0.7, 0, 0))


def green(picture):
    """Which pixels are more of the photo than of what is around it."""
    return picture[..., 1] > 2 * picture[..., 0] + 0.1


def test_views_have_classes_and_seeds_repeat(folder):
    views = WholeViews([folder])
    drawn = [views.draw(np.random.default_rng(seed)) for seed in range(40)]
    assert {label for _, label in drawn} == {0, 1, 2}
    assert all(
        view.dtype == np.uint8 and view.shape[2] == 3 and max(view.shape) == LONGER for view, _ in drawn
    )
    again, label = views.draw(np.random.default_rng(7))
    assert np.array_equal(again, drawn[7][0]) and label == drawn[7][1]


def test_no_photos_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="no photos among 0 files"):
        WholeViews([tmp_path]).draw(np.random.default_rng(0))
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(ValueError, match="no photos among 1 files"):
        WholeViews([tmp_path]).draw(np.random.default_rng(0))


@pytest.mark.parametrize("draw", [on_display, on_paper])
def test_recaptures_show_the_photo_and_mostly_what_is_around(draw):
    seen = [draw(GREEN, RED, np.random.default_rng(seed)) for seed in range(40)]
    shares = np.array([green(picture).mean() for picture in seen])
    assert all(picture.shape == GREEN.shape and np.isfinite(picture).all() for picture in seen)
    assert shares.min() > 0.05 and 0.3 < np.median(shares) < 0.95
    assert (shares < 0.98).mean() > 0.8  # a rim, a page or a border is in view


def test_a_panel_has_straight_rims_and_no_picture():
    photo = make_photo(LONGER, LONGER).astype(np.float32) / 255
    for seed in range(10):
        changed = np.abs(with_panel(photo, np.random.default_rng(seed)) - photo).max(2) > 0.02
        assert 0.1 < changed.mean() <= 1
        kernel = np.ones((9, 9), np.uint8)
        inside = cv2.erode(changed.astype(np.uint8), kernel).astype(bool)
        rough = cv2.Laplacian(with_panel(photo, np.random.default_rng(seed)), cv2.CV_32F)
        assert np.median(np.abs(rough[inside])) < 0.01


@pytest.mark.parametrize("aspect", whole_views.SHAPES)
def test_parts_of_photos_have_the_shape_that_was_asked_for(aspect):
    part = whole_views._shaped(make_photo(480, 640), aspect, np.random.default_rng(0))
    assert max(part.shape[:2]) == LONGER and part.shape[1] / part.shape[0] == pytest.approx(aspect, rel=0.01)
