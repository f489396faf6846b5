"""Average precision beside cases that can be counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from irs_engine.train.datasets import LabelledFile
from irs_engine.train.detection_ap import average_precision


def photo(*things):
    boxes = np.array([thing[:4] for thing in things], np.float32).reshape(-1, 4)
    return LabelledFile(Path("photo.jpg"), boxes, np.array([thing[4] for thing in things], np.int64))


def rows(*found):
    return np.array(found, np.float32).reshape(-1, 6)


TRUTH = [photo((0, 0, 50, 50, 0), (100, 100, 120, 120, 1)), photo((10, 10, 210, 210, 0))]
RIGHT = [
    rows((0, 0, 50, 50, 0.9, 0), (100, 100, 120, 120, 0.8, 1)),
    rows((10, 10, 210, 210, 0.7, 0)),
]


def test_all_right_is_one():
    found = average_precision(TRUTH, RIGHT, classes=3)
    assert found == {name: [pytest.approx(1)] for name in ("AP", "AP50", "small", "medium", "large")}


def test_nothing_found_is_zero():
    found = average_precision(TRUTH, [rows(), rows()], classes=3)
    assert found["AP"] == found["AP50"] == [0]


def test_one_of_two_is_half():
    """COCO reads precision at 101 recalls: of a class with one of two found, 51 of them."""
    found = average_precision(TRUTH, [RIGHT[0], rows()], classes=3)
    assert found["AP50"][0] == pytest.approx((51 / 101 + 1) / 2)
    assert found["large"] == [0] and found["small"][0] == pytest.approx(1)


def test_a_false_alarm_above_the_right_one_halves_precision():
    found = average_precision(TRUTH, [rows((300, 300, 350, 350, 0.99, 1), *RIGHT[0]), RIGHT[1]], classes=3)
    assert found["AP50"][0] == pytest.approx((1 + 0.5) / 2)


def test_loose_boxes_count_for_ap50_alone():
    loose = [rows((0, 0, 50, 40, 0.9, 0), *RIGHT[0][1:]), RIGHT[1]]  # overlaps by 0.8
    found = average_precision(TRUTH, loose, classes=3)
    assert found["AP50"][0] == pytest.approx(1) and 0.8 < found["AP"][0] < 1


def test_the_wrong_class_is_wrong():
    wrong = [rows((0, 0, 50, 50, 0.9, 2), *RIGHT[0][1:]), RIGHT[1]]
    assert average_precision(TRUTH, wrong, classes=3)["AP50"][0] == pytest.approx((51 / 101 + 1) / 2)


def test_intervals_hold_the_value():
    truth = TRUTH * 6
    found = average_precision(truth, [*RIGHT, RIGHT[0], rows()] * 3, classes=3, draws=20)
    value, low, high = found["AP50"]
    assert 0 < low < value < high <= 1
    assert found == average_precision(truth, [*RIGHT, RIGHT[0], rows()] * 3, classes=3, draws=20)


def test_what_is_not_there_has_no_value():
    found = average_precision(TRUTH[:1], RIGHT[:1], classes=1)
    assert np.isnan(found["large"][0]) and found["medium"][0] == pytest.approx(1)
