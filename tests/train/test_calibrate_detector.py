import numpy as np
import pytest

from irs_engine.train.calibrate_detector import judge
from irs_engine.train.datasets import LabelledFile


def labelled(*boxes):
    return LabelledFile(
        "a.jpg",
        np.array([box[:4] for box in boxes], np.float32).reshape(-1, 4),
        np.array([box[4] for box in boxes], int),
    )


def rows(*boxes):
    return np.array(boxes, np.float32).reshape(-1, 6)


def test_a_box_is_right_once_for_each_thing_of_its_class():
    photos = [labelled((0, 0, 10, 10, 1), (20, 0, 30, 10, 2)), labelled()]
    found = [
        rows(
            (0, 0, 10, 9, 0.9, 1),  # right
            (0, 1, 10, 10, 0.8, 1),  # the same thing again
            (20, 0, 30, 10, 0.7, 1),  # another class
            (20, 0, 30, 10, 0.6, 2),  # right
            (20, 0, 30, 10, 0.5, 3),  # a class that nobody labelled
            (20, 0, 23, 10, 0.4, 2),  # hardly overlaps
        ),
        rows((0, 0, 5, 5, 0.3, 2)),  # nothing is there
    ]
    scores, right = judge(photos, found)
    assert scores.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.4, 0.3])
    assert right.tolist() == [True, False, False, True, False, False]
