"""Which places answer for which boxes, beside cases that can be seen by hand."""

import pytest
import torch

from irs_engine.train.assign import TOP, assign
from irs_engine.vision.nets.detector_net import BINS, SIDE, STRIDES, boxes_of_bins, decode_sides, grid

PLACES = grid(SIDE, SIDE)
CENTRES, GRID_STRIDES = PLACES


def answers(classes=3, pictures=1):
    """Of a network that knows nothing."""
    count = len(CENTRES)
    return torch.full((pictures, count, classes), -4.0), torch.zeros(pictures, count, 4 * BINS)


def assigned(boxes, labels, **options):
    boxes = [torch.tensor(of_picture, dtype=torch.float32).reshape(-1, 4) for of_picture in boxes]
    labels = [torch.tensor(of_picture, dtype=torch.int64) for of_picture in labels]
    return assign(*answers(pictures=len(boxes), **options), boxes, labels, PLACES)


def boxes_of(targets, picture, place):
    return boxes_of_bins(targets.bins[picture, place], CENTRES[place], GRID_STRIDES[place])


@pytest.mark.parametrize("box", [(100, 120, 180, 200), (0, 0, 416, 416), (37.5, 60.25, 52, 301)])
def test_places_inside_say_the_very_box(box):
    targets = assigned([[box]], [[2]])
    place = targets.scores[0, :, 2].nonzero().flatten()
    assert 1 <= len(place) <= TOP and not targets.scores[0, :, :2].any()
    assert (CENTRES[place] > torch.tensor(box[:2])).all() and (CENTRES[place] < torch.tensor(box[2:])).all()
    torch.testing.assert_close(
        boxes_of(targets, 0, place), torch.tensor([box]).expand(len(place), -1).float()
    )


def test_a_box_smaller_than_any_cell_has_a_place():
    targets = assigned([[(201, 201, 203, 202)]], [[0]])
    (place,) = targets.scores[0, :, 0].nonzero().flatten()
    assert (CENTRES[place] - torch.tensor([202, 201.5])).abs().max() < STRIDES[0]


def test_pictures_without_boxes_want_nothing():
    targets = assigned([[], [(10, 10, 50, 50)]], [[], [1]])
    assert not targets.scores[0].any() and targets.scores[1].any()


def test_one_place_answers_for_one_box():
    """Two things of one class in one place: none of them is lost."""
    inner, outer = (180, 180, 230, 230), (100, 100, 310, 310)
    targets = assigned([[inner, outer]], [[0, 1]])
    both = targets.scores[0].gt(0).sum(1)
    assert both.max() == 1
    assert targets.scores[0, :, 0].any() and targets.scores[0, :, 1].any()


def test_the_places_that_answer_best_are_chosen_and_surest():
    scores, sides = answers()
    box = torch.tensor([[80.0, 80, 208, 208]])
    middle = ((CENTRES - 144).abs().amax(1) < 1) & (GRID_STRIDES == 32)
    sides[0, middle] = (-8 * (torch.arange(BINS) - 2.0).abs()).repeat(4)  # two strides each way
    torch.testing.assert_close(decode_sides(sides[0], *PLACES)[middle], box, atol=0.1, rtol=0)
    scores[0, middle, 1] = 2.0
    targets = assign(scores, sides, [box], [torch.tensor([1])], PLACES)
    assert targets.scores[0, :, 1].argmax() == middle.nonzero()
    assert targets.scores[0, middle, 1] == pytest.approx(1, abs=0.01)
    others = targets.scores[0, ~middle, 1]
    assert (others > 0).sum() == TOP - 1 and others.max() < 0.2
