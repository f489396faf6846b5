"""Object detection with a network of random numbers: everything but what a photo shows."""

import itertools

import numpy as np
import pytest
import torch
from conftest import make_photo
from safetensors.torch import load_file, save_file

from irs_engine import _native
from irs_engine.errors import WeightsError
from irs_engine.image import Rgb, read_rgb
from irs_engine.vision.detector import (
    MOST,
    MOST_OVERLAP,
    SIDE,
    TILE,
    Detector,
    select,
    select_with_torch,
    windows_of,
)
from irs_engine.vision.nets.detector_net import (
    BINS,
    STRIDES,
    DetectorNet,
    build_detector_net,
    decode_sides,
    grid,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def detector(detector_weights):
    return Detector(CPU, "fp32", detector_weights)


def random_answers(seed, classes=80, spread=3.0):
    """Logits and sides of all places, sorted by nothing."""
    rng = np.random.default_rng(seed)
    centres, strides = grid(SIDE, SIDE)
    places = torch.cat([centres, strides[:, None]], 1).numpy()
    logits = rng.normal(-6, spread, (len(places), classes)).astype(np.float32)
    sides = rng.normal(0, 2, (len(places), 4 * BINS)).astype(np.float32)
    return logits, sides, places


# The grids and what places say.


def test_the_grid_counts_all_places():
    centres, strides = grid(SIDE, SIDE)
    assert len(centres) == 52 * 52 + 26 * 26 + 13 * 13 + 7 * 7
    assert centres[0].tolist() == [4, 4] and centres[-1].tolist() == [6.5 * 64, 6.5 * 64]
    assert [int((strides == stride).sum()) for stride in STRIDES] == [2704, 676, 169, 49]
    wide, _ = grid(64, 128)
    assert wide[1].tolist() == [12, 4]  # rows go first


@pytest.mark.parametrize("size", [(SIDE, SIDE), (64, 128), (96, 32)])
def test_the_network_answers_for_every_place(size):
    net = DetectorNet(3, (8, 8, 16, 16)).eval()
    with torch.inference_mode():
        logits, sides = net(torch.zeros(2, 3, *size))
    places = len(grid(*size)[0])
    assert logits.shape == (2, places, 3) and sides.shape == (2, places, 4 * BINS)
    assert logits.sigmoid().mean() == pytest.approx(0.01, abs=0.005)  # it begins with next to nothing


def test_sides_are_distances_in_strides():
    centres, strides = grid(SIDE, SIDE)
    sides = torch.full((len(centres), 4, BINS), -50.0)
    for side, distance in enumerate([1, 2, 3, 7]):
        sides[:, side, distance] = 50
    boxes = decode_sides(sides.flatten(1), centres, strides)
    expected = torch.stack(
        [
            centres[:, 0] - strides,
            centres[:, 1] - 2 * strides,
            centres[:, 0] + 3 * strides,
            centres[:, 1] + 7 * strides,
        ],
        1,
    )
    torch.testing.assert_close(boxes, expected)


# What is kept of them, natively and by torch.


@pytest.mark.parametrize("threshold", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("classes", [1, 80])
def test_native_selection_is_that_of_torch(threshold, classes):
    answers = random_answers(classes, classes)
    native = select(*answers, threshold)
    expected = select_with_torch(*map(torch.from_numpy, answers), threshold)
    assert 0 < len(native) <= MOST and native.shape == expected.shape
    np.testing.assert_allclose(native, expected, rtol=1e-4, atol=1e-2)
    assert (native[:, 4] >= threshold - 1e-6).all() and (np.diff(native[:, 4]) <= 0).all()


def test_nothing_above_the_threshold_is_nothing():
    logits, sides, places = random_answers(0)
    assert select(logits - 100, sides, places, 0.5).shape == (0, 6)
    assert select_with_torch(*map(torch.from_numpy, (logits - 100, sides, places)), 0.5).shape == (0, 6)


def test_what_is_no_number_is_nothing():
    logits, sides, places = random_answers(0)
    assert len(select(np.full_like(logits, np.nan), sides, places, 0.5)) == 0


def rows(*boxes):
    return np.array(boxes, np.float32)


def test_of_boxes_that_overlap_the_likeliest_stays():
    found = rows(
        (0, 0, 10, 10, 0.9, 1),
        (0, 0, 10, 9, 0.8, 1),  # overlaps the first by 0.9
        (0, 0, 10, 10, 0.7, 2),  # another class
        (0, 0, 10, 5, 0.6, 1),  # by a half
        (20, 0, 30, 10, 0.5, 1),
    )
    kept = found[: _native.suppress_boxes(found, MOST_OVERLAP)]
    assert kept[:, 4].tolist() == pytest.approx([0.9, 0.7, 0.6, 0.5])


def test_what_is_hidden_hides_nothing():
    found = rows((0, 0, 10, 10, 0.9, 0), (0, 3, 10, 12, 0.8, 0), (0, 4.5, 10, 14, 0.7, 0))
    assert _native.suppress_boxes(found.copy(), 0.5) == 2  # the second goes, so that the third stays


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": np.zeros((4, 2))}, "logits: expected float32"),
        ({"sides": np.zeros((3, 32), np.float32)}, r"sides: expected float32 \(4, n\)"),
        ({"sides": np.zeros((4, 30), np.float32)}, "as many bins for each of 4 sides"),
        ({"places": np.zeros((4, 4), np.float32)}, r"places: expected float32 \(4, 3\)"),
        ({"out": np.zeros((5, 5), np.float32)}, "out: expected float32"),
        ({"threshold": 1.0}, "threshold"),
        ({"most_overlap": 0.0}, "most_overlap"),
    ],
)
def test_wrong_arguments_are_refused(change, message):
    fitting = {
        "logits": np.zeros((4, 2), np.float32),
        "sides": np.zeros((4, 32), np.float32),
        "places": np.zeros((4, 3), np.float32),
        "out": np.zeros((5, 6), np.float32),
        "threshold": 0.5,
        "most_overlap": 0.6,
    }
    with pytest.raises((ValueError, TypeError), match=message):
        _native.select_boxes(**(fitting | change))


# Tiles.


@pytest.mark.parametrize("size", [(1, 1), (TILE, TILE), (3000, 500), (4096, 1), (6000, 4000), (641, 2000)])
def test_tiles_cover_the_photo(size):
    whole, *tiles = windows_of(size, tiles=True)
    assert whole == (0, 0, *size) and windows_of(size, tiles=False) == [whole]
    if max(size) <= TILE:
        assert not tiles
        return
    for axis, length in enumerate(size):
        spans = sorted({(tile[axis], tile[axis] + tile[2 + axis]) for tile in tiles})
        assert spans[0][0] == 0 and spans[-1][1] == pytest.approx(length)
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end - start > 0.2 * (spans[0][1] - spans[0][0])  # a small thing is whole in one of them


def test_what_a_tile_cuts_off_is_left_to_others(detector, monkeypatch):
    """A box at the inner border of a tile is dropped, one at the border of the photo stays."""
    answers = iter([rows()] + [rows((-1, 100, 200, 300, 0.9, 0), (100, 100, SIDE + 1, 300, 0.8, 0))] * 9)
    monkeypatch.setattr(
        detector, "run", lambda batch, threshold: [next(answers).reshape(-1, 6).copy() for _ in batch]
    )
    (found,) = detector.boxes([make_photo(1400, 640)], 0.5, tiles=True)
    assert len(windows_of((1400, 640), True)) == 4
    assert len(found) == 2 and found[0, 0] == 0 and found[1, 2] == 1400


# The whole.


def test_boxes_are_in_the_photo(detector, photo):
    (found,) = detector.boxes([photo], 0.3)
    height, width = photo.shape[:2]
    assert 0 < len(found) <= MOST
    assert (
        (found[:, :4] >= 0).all() and (found[:, [0, 2]] <= width).all() and (found[:, [1, 3]] <= height).all()
    )
    assert (found[:, 2:4] > found[:, :2]).all()


def test_a_batch_says_what_each_says(detector):
    photos = [make_photo(300, 200, seed) for seed in range(3)] + [make_photo(100, 400)]
    for alone, together in zip(photos, detector.boxes(photos, 0.3), strict=True):
        np.testing.assert_allclose(detector.boxes([alone], 0.3)[0], together, rtol=1e-3, atol=0.05)


def test_bf16_finds_nearly_the_same(detector, detector_weights, photo):
    half = Detector(CPU, "bf16", detector_weights)
    expected, found = (some.boxes([photo], 0.4)[0] for some in (detector, half))
    assert len(found) == pytest.approx(len(expected), rel=0.3)
    top = [box for box in expected if box[4] > 0.45][:5]
    for box in top:
        near = np.abs(found[:, :4] - box[:4]).max(1) < 12
        assert (near & (found[:, 5] == box[5])).any()


def test_objects_are_tags(detector, photo):
    result = detector.detect(read_rgb(photo), 30, tiles=False)
    assert result.size == (320, 240) and result.objects
    first = result.objects[0]
    assert first.id in {tag.id for tag in detector.tags} and first.en and first.zh and first.category.en
    assert 30 <= first.confidence <= 100 and first.box.width > 0
    assert list(result.to_dict()["objects"][0]) == ["id", "en", "zh", "category", "box", "confidence"]


def test_objects_are_in_pixels_of_the_photo_as_shown(detector, photo):
    """A JPEG may have been decoded smaller."""
    known, half = read_rgb(photo), Rgb(photo, (640, 480))
    for one, other in zip(*(detector.detect(p, 30, False).objects for p in (known, half)), strict=True):
        assert other.box.left == pytest.approx(2 * one.box.left, abs=0.2)
        assert other.box.height == pytest.approx(2 * one.box.height, abs=0.2)


def test_confidence_is_the_calibrated_score(detector_weights, photo, tmp_path):
    tensors = load_file(detector_weights / "detector_s.safetensors")
    save_file(tensors | {"calibration": torch.tensor([0.5, -1.0])}, tmp_path / "detector_s.safetensors")
    detector = Detector(CPU, "fp32", tmp_path)
    assert detector.calibration == (0.5, -1.0)
    (rows,) = detector.boxes([photo], 0.05)
    odds = rows[:, 4] / (1 - rows[:, 4])
    expected = 100 / (1 + np.exp(1) / np.sqrt(odds))
    least = round(float(np.median(expected)), 2)
    shown = detector.detect(read_rgb(photo), least, tiles=False).objects
    wanted = expected[expected >= least]
    assert len(shown) == pytest.approx(len(wanted), abs=2) and len(wanted) < 0.7 * len(rows)
    assert [thing.confidence for thing in shown] == pytest.approx(expected[: len(shown)], abs=0.01)
    assert len(detector.detect(read_rgb(photo), 100, tiles=False).objects) == 0


@pytest.mark.parametrize("size", [(1, 1), (4096, 1), (1, 300), (33, 2000)])
@pytest.mark.parametrize("tiles", [False, True])
def test_odd_pictures(detector, size, tiles):
    result = detector.detect(read_rgb(make_photo(*size)), 30, tiles)
    assert result.size == size
    for found in result.objects:
        assert found.box.left + found.box.width <= size[0] + 0.1 and found.box.height <= size[1] + 0.1


def test_weights_of_something_else_are_refused(tmp_path, tagger_weights):
    with pytest.raises(WeightsError, match="DetectorNet"):
        build_detector_net({"stages": torch.zeros(2)})
    tensors = load_file(tagger_weights)
    save_file(tensors, tmp_path / "detector_s.safetensors")
    with pytest.raises(WeightsError, match="do not fit"):
        Detector(CPU, weights=tmp_path)
