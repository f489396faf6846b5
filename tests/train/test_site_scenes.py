"""Drawn building sites: boxes that fit the heads, and files that the training reads."""

import numpy as np
import pytest
from PIL import Image

from irs_engine.errors import ParameterError
from irs_engine.train.class_folders import read_class_folders
from irs_engine.train.datasets import read_dataset
from irs_engine.train.site_scenes import NONE, SIZE, draw_scene, write_classifier_data, write_detector_data
from irs_engine.train.site_workers import CLASSES, HELMETS, Pen, draw_worker


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(np.random.default_rng(seed)) for seed in range(12)]


def test_scenes_have_people_of_both_kinds_in_the_photo(scenes):
    labels = [label for scene in scenes for _, label in scene.heads]
    assert {0, 1} == set(labels) and all(1 <= len(scene.heads) <= 7 for scene in scenes)
    for scene in scenes:
        assert scene.pixels.shape == (SIZE[1], SIZE[0], 3) and scene.pixels.dtype == np.uint8
        for (left, top, right, bottom), _ in scene.heads:
            assert 0 <= left < right <= SIZE[0] and 0 <= top < bottom <= SIZE[1]


def test_the_same_lot_draws_the_same_photo(scenes):
    again, other = (draw_scene(np.random.default_rng(seed)) for seed in (3, 4))
    assert (again.pixels == scenes[3].pixels).all() and again.heads == scenes[3].heads
    assert (other.pixels != again.pixels).any()


@pytest.mark.parametrize("label", range(len(CLASSES)))
def test_a_box_is_what_of_the_head_was_drawn(label):
    """Against a sheet of one colour, the box ends where that colour begins, but for neck and long hair."""
    for seed in range(8):
        sheet = Image.new("RGB", (400, 700), (1, 2, 3))
        left, top, right, bottom = draw_worker(Pen(sheet, (200, 690), 80), np.random.default_rng(seed), label)
        drawn = (np.asarray(sheet) != (1, 2, 3)).any(2)
        rows, columns = (
            np.flatnonzero(drawn.any(1)),
            np.flatnonzero(drawn[: int(top + 0.4 * (bottom - top))].any(0)),
        )
        raised = rows[0] < top - 3  # an arm or a plank
        assert raised or abs(rows[0] - top) < 3
        assert raised or (columns[0] > left - 3 and columns[-1] < right + 3)
        assert 60 < bottom - top < 130 and 60 < right - left < 130


def test_helmets_have_their_colours():
    near = []
    for seed in range(24):
        sheet = Image.new("RGB", (400, 700))
        left, top, right, bottom = draw_worker(Pen(sheet, (200, 690), 80), np.random.default_rng(seed), 0)
        upper = np.asarray(sheet)[round(top) : round((top + bottom) / 2), round(left) : round(right)]
        distances = [abs(upper.astype(int) - color).sum(2).min() for color in HELMETS]
        near.append(int(np.argmin(distances)))
    assert set(near) == set(range(len(HELMETS)))


def test_data_of_a_detector(tmp_path):
    write_detector_data(tmp_path / "site", 6)
    dataset = read_dataset(tmp_path / "site")
    assert dataset.names == CLASSES and len(dataset.photos) == 6
    first = min(dataset.photos, key=lambda photo: photo.path)
    scene = draw_scene(np.random.default_rng([0, 0]))
    np.testing.assert_allclose(first.boxes, [box for box, _ in scene.heads], atol=0.01)
    assert first.labels.tolist() == [label for _, label in scene.heads]
    assert abs(np.asarray(Image.open(first.path)).astype(int) - scene.pixels).mean() < 6


def test_data_of_a_classifier(tmp_path):
    write_classifier_data(tmp_path / "heads", 25)
    folders = read_class_folders(tmp_path / "heads")
    assert folders.names == ("bare head", "helmet", NONE)
    counts = [sum(label == one for _, label in folders.photos) for one in range(3)]
    assert sorted(counts) == [8, 8, 9]
    for path, _ in folders.photos:
        width, height = Image.open(path).size
        assert abs(width - height) <= 1 and min(width, height) > 30


def test_other_seeds_draw_others_and_nothing_is_overwritten(tmp_path):
    for seed in (0, 1):
        write_detector_data(tmp_path / str(seed), 1, seed)
    files = [tmp_path / str(seed) / "images" / "site_0001.jpg" for seed in (0, 1)]
    assert files[0].read_bytes() != files[1].read_bytes()
    with pytest.raises(ParameterError, match="there is something already"):
        write_detector_data(tmp_path / "0", 1)
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match="there is something already"):
        write_classifier_data(tmp_path / "file", 1)
