"""The training of the detector with teachers that answer by rule: does it learn, stop and go on?"""

import cv2
import numpy as np
import pytest
import torch
from conftest import make_photo
from safetensors.torch import load_file

from irs_engine.train import detector
from irs_engine.train.detection_loss import Targets, detection_losses, giou, overlaps
from irs_engine.train.detection_teachers import MAP_CHANNELS, Dense
from irs_engine.train.detection_views import LEAST_LEFT, Labelled, random_view
from irs_engine.train.detector import SMALL, DetectorRun, Photos, agreed, class_loss, to_input
from irs_engine.vision.nets.detector_net import (
    BINS,
    SIDE,
    STRIDES,
    DetectorNet,
    build_detector_net,
    decode_sides,
    grid,
)

PLACES = grid(SIDE, SIDE)


def boxes_of(*rows):
    return torch.tensor(rows, dtype=torch.float32)


# Losses.


def test_overlaps_by_hand():
    first, second = boxes_of((0, 0, 10, 10), (20, 20, 30, 30)), boxes_of((0, 0, 10, 5), (5, 5, 15, 15))
    torch.testing.assert_close(overlaps(first, second), torch.tensor([[0.5, 25 / 175], [0.0, 0.0]]))


def test_giou_by_hand():
    """Of boxes far apart it tells how far; of equal ones it is 1."""
    first = boxes_of((0, 0, 10, 10), (0, 0, 10, 10), (0, 0, 10, 10))
    second = boxes_of((0, 0, 10, 10), (10, 0, 20, 10), (30, 0, 40, 10))
    torch.testing.assert_close(giou(first, second), torch.tensor([1.0, 0.0, -0.5]))


def targets_at(place, label, count=1, score=0.9, places=PLACES):
    scores = torch.zeros(count, len(places[0]), 80)
    scores[:, place, label] = score
    bins = torch.full((count, len(places[0]), 4, BINS), 1 / BINS)
    bins[:, place] = torch.eye(BINS)[[1, 2, 3, 4]]
    return Targets(scores, bins)


def perfect_answers(targets):
    return torch.logit(targets.scores.clamp(1e-6, 1 - 1e-6)), targets.bins.clamp_min(1e-9).log().flatten(2)


def test_a_perfect_answer_loses_nothing():
    targets = targets_at(100, 3)
    for loss in detection_losses(*perfect_answers(targets), targets, PLACES).values():
        assert loss == pytest.approx(0, abs=1e-4)


def test_each_loss_sees_its_own_mistake():
    targets = targets_at(100, 3)
    scores, sides = perfect_answers(targets)
    right = detection_losses(scores, sides, targets, PLACES)
    blind = detection_losses(scores - 5, sides, targets, PLACES)
    assert blind["scores"] > right["scores"] + 0.5 and blind["boxes"] == pytest.approx(0, abs=1e-4)
    shifted = detection_losses(scores, sides.roll(1, 2), targets, PLACES)
    assert shifted["scores"] == right["scores"] and shifted["boxes"] > 0.1 and shifted["bins"] > 1


def test_boxes_of_nothing_do_not_count():
    targets = targets_at(100, 3)
    scores, sides = perfect_answers(targets)
    other = sides.clone()
    other[:, :50] += torch.randn(50, 4 * BINS)
    assert detection_losses(scores, other, targets, PLACES) == detection_losses(
        scores, sides, targets, PLACES
    )


def test_class_loss_is_of_which_class_it_is_and_not_of_how_sure():
    targets = targets_at(100, 3)
    logits, _ = perfect_answers(targets)
    logits = logits.clamp(np.log(1e-5), 9)  # no teacher is taken for surer
    assert class_loss(logits, targets.scores) == pytest.approx(0, abs=1e-4)
    assert class_loss(logits - 5, targets.scores) == pytest.approx(0, abs=1e-4)
    elsewhere = logits.clone()
    elsewhere[:, :50] = torch.randn(50, 80)  # where nothing is seen
    assert class_loss(elsewhere, targets.scores) == pytest.approx(0, abs=1e-4)
    assert class_loss(logits.roll(1, 2), targets.scores) > 1


# Views.


def labelled(width=300, height=200):
    boxes = np.array([(10, 20, 110, 120), (200, 100, 290, 190)], np.float32)
    photo = Labelled(np.zeros((height, width, 3), np.uint8), boxes, np.array([0, 1]))
    for (left, top, right, bottom), color in zip(boxes.astype(int), ((255, 0, 0), (0, 255, 0)), strict=True):
        photo.pixels[top:bottom, left:right] = color
    return photo


def test_boxes_stay_on_their_things():
    """Views of a red and a green rectangle: inside each box is its colour, and hardly any outside."""
    seen = 0
    for seed in range(40):
        view = random_view(labelled, np.random.default_rng(seed))
        assert view.pixels.shape == (SIDE, SIDE, 3) and len(view.boxes) == len(view.labels)
        left_over = view.pixels.copy()
        for (left, top, right, bottom), label in zip(
            view.boxes.round().astype(int), view.labels, strict=True
        ):
            inside = view.pixels[top:bottom, left:right].reshape(-1, 3).mean(0)
            assert inside.argmax() == label and inside[label] > 120
            assert min(left, top) >= 0 and max(right, bottom) <= SIDE
            left_over[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3] = 0
            seen += 1
        assert (left_over > 100).mean() < LEAST_LEFT * 0.4  # what was cut so far that it does not count
    assert seen > 60


def test_a_box_that_is_nearly_gone_is_left_out():
    part = labelled().part(100, 0, 200, 200)  # a tenth of the red one
    assert part.labels.tolist() == [1] and part.boxes.tolist() == [[100, 100, 190, 190]]
    part = labelled().part(60, 0, 240, 200)
    assert part.labels.tolist() == [0, 1] and part.boxes[0].tolist() == [0, 20, 50, 120]


# What the teachers agree on.


def test_yolox_raises_what_it_sees_and_lowers_what_it_does_not():
    place = 52 * 20 + 20
    scores = torch.zeros(1, len(PLACES[0]), 80)
    scores[0, place, [3, 5]] = 0.6
    dense = Dense(scores, torch.zeros(1, len(PLACES[0]), 4 * BINS), [])
    box = decode_sides(dense.sides[0], *PLACES)[place]
    theirs = torch.zeros(1, 2, 80)
    theirs[0, 0, 3] = 1.0
    boxes = torch.stack([box, torch.tensor([0.0, 0, 9, 9])])[None]
    found = agreed(dense, boxes, theirs, PLACES)
    assert found.scores[0, place, 3] == pytest.approx(0.6 * 1.15)
    assert found.scores[0, place, 5] == pytest.approx(0.6 * 0.8)
    assert found.bins.shape == (1, len(PLACES[0]), 4, BINS)
    assert dense.scores[0, place, 3] == pytest.approx(0.6)  # what was given is as it was
    nothing = agreed(dense, boxes, torch.zeros(1, 2, 80), PLACES)
    assert nothing.scores[0, place, 3] == pytest.approx(0.6 * 0.8)


# The run.


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), make_photo(420, 320, number)[..., ::-1])
    (folder / "broken.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(detector, "HELD_OUT", 2)


def by_rule(views):
    """A teacher that sees the same thing in the middle of every view."""
    count, side = views.shape[:2]
    maps = [torch.ones(count, MAP_CHANNELS, -(-side // s), -(-side // s)) for s in STRIDES]
    places = grid(side, side)
    middle = int((places[0][places[1] == STRIDES[0]] - side / 2).square().sum(1).argmin())
    return targets_at(middle, 7, count, places=places), maps


def test_photos_are_views(photos):
    source = Photos([photos])
    assert len(source.files) == 5 and len(source.held_out) == 2
    view, used = source.view(np.random.default_rng(0))
    assert view.shape == (SIDE, SIDE, 3) and view.dtype == np.uint8 and view.std() > 5
    assert len(used) in (1, 4) and max(used) < 5
    assert source.view(np.random.default_rng(0), side=SMALL)[0].shape == (SMALL, SMALL, 3)
    assert np.array_equal(view, source.view(np.random.default_rng(0))[0])
    with pytest.raises(ValueError, match="too few"):
        Photos([photos / "none"])


def test_photos_that_are_gone_are_an_error_and_no_endless_search(photos):
    source = Photos([photos])
    source.files = [photos / "gone.png"]
    with pytest.raises(ValueError, match="none of"):
        source.view(np.random.default_rng(0))


def test_rare_classes_are_drawn_as_often_as_common_ones(photos):
    """Of photos that all show cars one shows a kite too: half the draws by class are of it."""
    source = Photos([photos])
    source.files = [file for file in source.files if file.suffix == ".png"]
    for number in range(len(source.files)):
        source.note([number], [2])
    source.note([1], [33])
    source.note([0, 1, 2, 3], [50])  # a mosaic
    rng = np.random.default_rng(0)
    drawn = np.array([number for _ in range(300) for number in source.view(rng)[1]])
    share = 0.5 * 0.5 + (1 - 0.5 * 0.5) / len(source.files)
    assert (drawn == 1).mean() == pytest.approx(share, abs=0.08)


def test_what_photos_show_is_remembered_by_their_names(photos, tmp_path):
    source = Photos([photos])
    source.note([0], [2, 33])
    source.note([3], [33])
    source.write_down(tmp_path / "showing-1.json")
    (tmp_path / "showing-0.json").write_text('{"5": ["photos/gone.jpg"]}')
    more = tmp_path / "more"
    more.mkdir()
    for number in range(4):
        cv2.imwrite(str(more / f"other{number}.png"), make_photo(420, 320, number))
    again = Photos([photos, more])
    again.remember(tmp_path)
    assert {
        label: {again.files[number] for number in numbers} for label, numbers in again._showing.items()
    } == {2: {source.files[0]}, 33: {source.files[0], source.files[3]}}


def test_a_run_learns_stops_and_goes_on(photos, tmp_path):
    run = DetectorRun(tmp_path / "run")
    views = np.stack([cv2.resize(make_photo(200, 200, seed), (SIDE, SIDE)) for seed in range(2)])
    run.net.train()
    run.set_rate(1e-3, progress=0, warm_up=1)
    losses = [sum(run.step(to_input(views), *by_rule(views)).values()) for _ in range(4)]
    assert losses[-1] < 0.8 * losses[0]
    run.save()
    again = DetectorRun(tmp_path / "run")
    assert again.steps == 4
    for ours, theirs in zip(again.translators.parameters(), run.translators.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_run_begins_where_another_one_ended(photos, tmp_path):
    earlier = DetectorRun(tmp_path / "earlier")
    views = np.stack([cv2.resize(make_photo(200, 200, seed), (SIDE, SIDE)) for seed in range(2)])
    earlier.net.train()
    earlier.step(to_input(views), *by_rule(views))
    earlier.save()
    run = DetectorRun(tmp_path / "run", tmp_path / "earlier", rate=1e-4)
    assert run.steps == 0 and run.optimiser.param_groups[1]["lr"] == 1e-4
    for part, of_earlier in ((run.net, earlier.average), (run.translators, earlier.translators)):
        assert all(
            torch.equal(value, of_earlier.state_dict()[name]) for name, value in part.state_dict().items()
        )
    with pytest.raises(ValueError, match="no run was saved"):
        DetectorRun(tmp_path / "other", tmp_path)


def test_a_network_that_begins_whole_normalises_by_what_it_knows(photos, tmp_path):
    DetectorRun(tmp_path / "earlier").save()
    views = np.stack([cv2.resize(make_photo(200, 200, seed), (SIDE, SIDE)) for seed in range(2)])
    changed = []
    for start in (None, tmp_path / "earlier"):
        run = DetectorRun(tmp_path / f"from {start and start.name}", start)
        mean = run.net.neck.coarse[1].running_mean
        before = mean.clone()
        run.set_modes()
        run.step(to_input(views), *by_rule(views))
        changed.append(not torch.equal(mean, before))
    assert changed == [True, False]


def test_training_spends_its_minutes_and_exports(photos, tmp_path):
    run = DetectorRun(tmp_path / "run")
    sides = []

    def teachers(views, both=True):
        sides.append(views.shape[1])
        return by_rule(views)

    run.train(Photos([photos]), teachers, minutes=0.01, batch=1)
    assert run.steps >= 1 and run.spent >= 0.6
    assert sides[:2] == [SIDE, SMALL]  # of those held out, and of the first lesson
    run.spent = 0.59  # near the end
    run.train(Photos([photos]), teachers, minutes=0.01, batch=1)
    assert sides[-1] == SIDE
    run.export(tmp_path / "detector_s.safetensors")
    tensors = load_file(tmp_path / "detector_s.safetensors")
    net = build_detector_net(tensors)
    assert isinstance(net, DetectorNet) and net.classes == 80
    assert tensors["stages.0.0.0.weight"].dtype == torch.float16


def test_the_trunk_is_that_of_a_tagger(tmp_path, tagger_weights):
    wide = {name: value for name, value in load_file(tagger_weights).items() if name.startswith("stages.")}
    if wide["stages.0.0.0.weight"].shape[0] != DetectorNet(1).stages[0][0][0].weight.shape[0]:
        pytest.skip("the random tagger of the tests is narrower than the shipped one")
    run = DetectorRun(tmp_path / "run", tagger_weights, frozen=2)
    assert torch.equal(run.net.stages[0][0][0].weight.cpu(), wide["stages.0.0.0.weight"].float())
