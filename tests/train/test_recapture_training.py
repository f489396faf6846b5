"""The training of the recapture network on a few simulated pairs: does it learn, stop and go on?"""

import os
import time

import cv2
import numpy as np
import pytest
import torch
from conftest import make_photo
from safetensors import safe_open
from safetensors.torch import save_file

from irs_engine.errors import WeightsError
from irs_engine.train import recapture_lessons
from irs_engine.train.calibrate_recapture import fit, log_odds, main
from irs_engine.train.recapture import BAG, RecaptureRun, auc, make_bags, to_tensor
from irs_engine.train.recapture_lessons import (
    CLASS_OF_KIND,
    RealCrops,
    Views,
    WholeLessons,
    alike,
    are_twins,
    faded,
)
from irs_engine.train.recapture_simulator import KINDS
from irs_engine.vision.nets.recapture_net import CLASSES, SIDE
from irs_engine.vision.recapture import RecaptureDetector


def store(path, pairs, age=60):
    originals, recaptures, kinds = pairs
    np.savez(path, originals=originals, recaptures=recaptures, kinds=[KINDS.index(kind) for kind in kinds])
    os.utime(path, (time.time() - age,) * 2)


@pytest.fixture
def views(some_pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(Views, "HELD_OUT", 1)
    folder = tmp_path / "views"
    folder.mkdir()
    for number, pairs in enumerate(some_pairs):
        store(folder / f"{number}.npz", pairs)
    return Views(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.manual_seed(0)
    return RecaptureRun(tmp_path_factory.mktemp("run"))


def test_kinds_are_screens_and_prints():
    names = dict(zip(KINDS, CLASS_OF_KIND.tolist(), strict=True))
    assert CLASSES[names["original"]] == "original"
    assert all(CLASSES[names[kind]] == "screen" for kind in ("stripe", "chevron", "diamond", "projector"))
    assert all(CLASSES[names[kind]] == "print" for kind in ("laser", "inkjet", "photo", "grey copy"))


def test_views_are_pairs(views):
    crops, labels = views.draw(4, np.random.default_rng(0))
    assert crops.shape == (8, SIDE, SIDE, 3) and crops.dtype == np.uint8
    assert labels[:4].tolist() == [0] * 4 and set(labels[4:].tolist()) <= {1, 2}
    held, _ = views.draw(3, np.random.default_rng(1), held_out=True)
    again, _ = views.draw(3, np.random.default_rng(2), held_out=True)
    assert np.array_equal(held, again)


def test_both_of_a_pair_are_cut_and_turned_alike(views, monkeypatch):
    views.recaptures = views.originals
    crops, _ = views.draw(6, np.random.default_rng(0))
    assert not np.array_equal(crops[:6], crops[6:])  # disguised each in its own way
    monkeypatch.setattr(recapture_lessons, "disguised", lambda crop, rng: crop)
    crops, _ = views.draw(6, np.random.default_rng(0))
    assert np.array_equal(crops[:6], crops[6:])


def test_twins_are_known_and_fade(photo):
    original = cv2.resize(photo, (SIDE, SIDE))
    stripes = np.where(np.arange(SIDE) % 4 < 2, 12, -12)[None, :, None]
    twin = np.clip(original.astype(int) + stripes, 0, 255).astype(np.uint8)
    assert are_twins(original, twin) and not are_twins(original, original[:, ::-1])
    plain = []
    for seed in range(12):
        scene, patterned = faded(original, twin, np.random.default_rng(seed))
        pattern = patterned.astype(float) - scene
        inside = (scene > 30) & (scene < 225)
        strength = np.abs(pattern[inside]).mean()
        assert 0.19 * 12 - 0.5 < strength < 12.5  # weaker, and still all that differs
        assert np.sign(pattern[inside]).mean() == pytest.approx(0, abs=0.1)
        plain.append(cv2.Laplacian(scene, cv2.CV_32F).std())
    assert min(plain) < 0.3 * cv2.Laplacian(original, cv2.CV_32F).std() <= max(plain)


@pytest.mark.parametrize("swapped", [False, True])
def test_pairs_are_made_alike_in_sharpness_and_contrast(photo, swapped):
    sharp = cv2.resize(photo, (SIDE, SIDE))
    dull = (cv2.GaussianBlur(sharp[:, ::-1], (0, 0), 1.5) * 0.4 + 100).astype(np.uint8)
    given = (dull, sharp) if swapped else (sharp, dull)
    first, second = (crop.astype(float) for crop in alike(*given))
    assert first.std((0, 1)).mean() == pytest.approx(second.std((0, 1)).mean(), rel=0.1)
    rough = [cv2.Laplacian(crop, cv2.CV_64F).std() for crop in (first, second)]
    assert max(rough) < 1.6 * min(rough) < cv2.Laplacian(sharp, cv2.CV_64F).std()


def test_what_is_held_out_is_not_learned_from(views, monkeypatch):
    monkeypatch.setattr(recapture_lessons, "disguised", lambda crop, rng: crop)
    black = np.zeros_like(views.originals[0])
    for number in range(3):
        views.originals[number] = views.recaptures[number] = black
    crops, _ = views.draw(20, np.random.default_rng(0))
    assert all(crop.max() > 50 for crop in crops)
    held, _ = views.draw(3, np.random.default_rng(0), held_out=True)
    assert held.max() <= 2  # JPEG's black is not quite black


def test_a_kind_can_be_left_out(views, tmp_path):
    for left, name in ((1, "print"), (2, "screen")):
        some = Views(views.folder, without=name)
        assert 0 < len(some.kinds) < len(views.kinds) and len(some.originals) == len(some.recaptures)
        assert set(CLASS_OF_KIND[some.kinds].tolist()) == {left}
    for name in CLASSES:
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), make_photo(300, 300))
    assert [label for label, _ in RealCrops([tmp_path], without="screen").groups] == [0, 2]


def test_new_views_are_found_once_they_are_written(views, some_pairs):
    count = len(views.kinds)
    store(views.folder / "new.npz", some_pairs[0], age=60)
    store(views.folder / "being_written.npz", some_pairs[0], age=0)
    views.look()
    views.look()
    assert len(views.kinds) == len(views.originals) == len(views.recaptures) == count + 2


def test_real_crops(tmp_path, monkeypatch):
    monkeypatch.setattr(recapture_lessons, "disguised", lambda crop, rng: crop)
    for number, name in enumerate(("original", "print")):
        (tmp_path / name).mkdir()
        photo = make_photo(700, 500) if number == 0 else np.full((500, 700, 3), (200, 60, 60), np.uint8)
        cv2.imwrite(str(tmp_path / name / "a.png"), photo[..., ::-1])
    (tmp_path / "print" / "notes.txt").write_text("no picture")
    crops, labels = RealCrops([tmp_path]).draw(6, np.random.default_rng(0))
    assert crops.shape == (6, SIDE, SIDE, 3) and set(labels.tolist()) == {0, 2}
    for crop, label in zip(crops, labels.tolist(), strict=True):
        red = crop[..., 0].mean() > 1.5 * crop[..., 2].mean()
        assert red == (label == 2)


@pytest.mark.parametrize("kind", ["screen", "print"])
def test_whole_views_are_small_and_a_kind_can_be_left_out(tmp_path, kind):
    cv2.imwrite(str(tmp_path / "photo.jpg"), make_photo(480, 420)[..., ::-1])
    crops, labels = WholeLessons([tmp_path], without=kind).draw(40, np.random.default_rng(0))
    assert crops.shape == (40, SIDE, SIDE, 3) and crops.dtype == np.uint8
    assert set(labels.tolist()) == {0, CLASSES.index({"screen": "print", "print": "screen"}[kind])}


@pytest.mark.parametrize("share", [0, 1])
def test_some_real_crops_show_the_whole_photo(monkeypatch, share):
    monkeypatch.setattr(recapture_lessons, "WHOLE_SHARE", share)
    photo = np.zeros((900, 1200, 3), np.uint8)
    photo[:450, :600] = 250  # a quarter is bright
    found = [recapture_lessons._real_crop(photo, 1, np.random.default_rng(seed)) for seed in range(8)]
    quarters = [abs((crop > 125).mean() - 0.25) < 0.02 for crop in found]
    assert all(crop.shape == (SIDE, SIDE, 3) for crop in found)
    assert all(quarters) if share else not all(quarters)


def test_of_originals_plain_places_are_learned_from(monkeypatch):
    monkeypatch.setattr(recapture_lessons, "WHOLE_SHARE", 0)
    photo = np.full((1600, 1600, 3), 128, np.uint8)
    photo[:, 800:] = np.random.default_rng(0).integers(0, 256, (1600, 800, 3))
    rough = [
        np.mean(
            [
                recapture_lessons._real_crop(photo, label, np.random.default_rng(i)).std() > 20
                for i in range(40)
            ]
        )
        for label in (0, 1)
    ]
    assert rough[0] < 0.6 * rough[1]


def test_bags_of_recaptures_may_show_what_is_around():
    torch.manual_seed(0)
    labels = torch.tensor([0] * 6 + [1] * 3 + [2] * 3)
    mixed = 0
    for _ in range(10):
        members, classes = make_bags(labels)
        assert members.shape == (12, BAG) and torch.equal(classes, labels)
        for bag, label in zip(labels[members], classes, strict=True):
            assert (bag == label).any() and ((bag == label) | (bag == 0)).all()
            mixed += int((bag != label).any())
    assert 20 < mixed < 60  # of 60
    members, classes = make_bags(torch.tensor([1, 1, 2]))
    assert torch.equal(torch.tensor([1, 1, 2])[members], classes[:, None].expand(-1, BAG))


def test_auc():
    scores = torch.tensor([0.1, 0.4, 0.35, 0.8])
    assert auc(scores, torch.tensor([False, False, True, True])) == 0.75
    assert auc(torch.zeros(4), torch.tensor([False, True, True, False])) == 0.5


def test_the_loss_falls_and_a_run_goes_on_where_it_was(run, views):
    crops, labels = views.draw(1, np.random.default_rng(0))
    run.net.train()
    run.set_rate(1e-4, progress=0, warm_up=1)
    losses = [run.step(to_tensor(crops), labels) for _ in range(6)]
    assert losses[-1] < 0.7 * losses[0]
    run.save()
    again = RecaptureRun(run.folder)
    assert again.steps == 6 and again.spent == run.spent
    for name, value in run.average.state_dict().items():
        assert torch.equal(value, again.average.state_dict()[name])
    assert not torch.equal(again.net.classes.weight, again.average.classes.weight)
    again.net.train()
    again.set_rate(1e-4, progress=0, warm_up=1)
    assert again.step(to_tensor(crops), labels) < 0.8 * losses[0]
    again.train(views, minutes=0.005, batch=1)
    assert again.steps > 7 and again.spent >= 0.3
    assert RecaptureRun(run.folder).steps == again.steps
    steps = again.steps
    again.train(views, minutes=0.005, batch=1)  # the minutes are spent
    assert again.steps == steps


def test_no_real_photos_are_an_error_and_no_endless_search(tmp_path):
    with pytest.raises(ValueError, match="no photos in folders called"):
        RealCrops([tmp_path]).draw(1, np.random.default_rng(0))
    (tmp_path / "original").mkdir()
    (tmp_path / "original" / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(ValueError, match="real photos can be read"):
        RealCrops([tmp_path]).draw(1, np.random.default_rng(0))


def test_real_crops_and_whole_views_are_learned_from_too(views, tmp_path, monkeypatch):
    def prints(count, rng):
        return np.zeros((count, SIDE, SIDE, 3), np.uint8), torch.full((count,), 2)

    def step(crops, labels):
        assert len(crops) == 6 + 3 + 2 and labels[6:].tolist() == [2] * 5 and not crops[6:].any()
        run.spent = 60.0
        return 1.0

    run, real, whole = RecaptureRun(tmp_path / "run"), RealCrops([]), WholeLessons([])
    monkeypatch.setattr(real, "draw", prints)
    monkeypatch.setattr(whole, "draw", prints)
    monkeypatch.setattr(run, "step", step)
    monkeypatch.setattr(run, "steps", 1)
    run.train(views, minutes=0.01, batch=3, real=real, whole=whole)
    assert run.spent >= 60


def test_answers_are_log_odds_of_a_recapture(run):
    crops = torch.rand(2, 3, SIDE, SIDE)
    odds = run.answers(crops)
    with torch.inference_mode():
        chances = run.average.eval()(crops[:, None]).softmax(1)
    torch.testing.assert_close(odds.sigmoid(), 1 - chances[:, 0], rtol=0, atol=1e-5)


def test_what_is_exported_is_a_detector(run, tmp_path):
    path = tmp_path / "recapture_s.safetensors"
    run.export(path)
    assert path.stat().st_size < 4e6
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"architecture": "RecaptureNet", "steps": str(run.steps)}
    detector = RecaptureDetector(torch.device("cpu"), "fp32", path)
    crops = np.stack([make_photo(SIDE, SIDE, seed) for seed in range(2)])
    with torch.inference_mode():
        expected = run.average.eval()(to_tensor(crops)[None]).softmax(1)[0]
    np.testing.assert_allclose(detector.probabilities(crops)[0], expected, atol=0.01)  # half precision


def test_a_run_begins_with_the_weights_of_an_earlier_one(run, tmp_path):
    path = tmp_path / "recapture_s.safetensors"
    run.export(path)
    net, crops = RecaptureRun(tmp_path / "next", path).net, torch.rand(2, 1, 3, SIDE, SIDE)
    with torch.inference_mode():
        expected = run.average.eval()(crops)
        torch.testing.assert_close(net.eval()(crops), expected, rtol=0, atol=0.01)  # half precision
    earlier = run.average.state_dict()
    later = RecaptureRun(tmp_path / "later")
    before = {name: value.clone() for name, value in later.average.state_dict().items()}
    later.keep(path, 0.25)
    for name, value in later.average.state_dict().items():
        if value.is_floating_point():
            expected = 0.75 * before[name] + 0.25 * earlier[name]
            torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-3)
    with pytest.raises(WeightsError, match="do not fit"):
        save_file({"weigh": torch.zeros(1)}, path)
        RecaptureRun(tmp_path / "next", path)


def test_calibration_finds_scales_and_shift():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(40_000, 2, 3, generator=random)
    chance = torch.sigmoid(log_odds(logits, torch.tensor([0.5, 0.2]), 0.3))
    recaptured = torch.rand(len(logits), generator=random) < chance
    weights = torch.where(
        recaptured, chance.mean(), 1 - chance.mean()
    )  # as many of both, which fit() ensures
    scales, shift = fit(logits, recaptured, weights)
    prior = float(torch.logit(chance.mean()))
    assert np.allclose(scales, [0.5, 0.2], atol=0.03) and abs(shift - (0.3 - prior)) < 0.05


def test_calibration_is_what_the_detector_uses(recapture_weights, tmp_path, photo, monkeypatch):
    for name in CLASSES[:2]:
        (tmp_path / "source" / name).mkdir(parents=True)
        for number in range(2):
            noisy = photo + np.random.default_rng(number).integers(
                0, 20 if name == "screen" else 2, photo.shape
            )
            cv2.imwrite(
                str(tmp_path / "source" / name / f"{number}.png"), np.clip(noisy, 0, 255).astype(np.uint8)
            )
    raw, out = recapture_weights / "recapture_s.safetensors", tmp_path / "out.safetensors"
    arguments = ["--weights", str(raw), "--photos", str(tmp_path / "source"), "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["calibrate_recapture", *arguments])
    main()
    plain, calibrated = (
        RecaptureDetector(torch.device("cpu"), "fp32", path) for path in (recapture_weights, out)
    )
    assert plain.calibration != calibrated.calibration
    plain.calibration = (1.0, 0.0)
    crops = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    before, after = (np.log(one.probabilities(crops)[0]) for one in (plain, calibrated))
    scale, shift = calibrated.calibration
    odds = log_odds(torch.tensor(before)[None, None], torch.tensor([scale]), shift)
    assert np.isclose(np.logaddexp(after[1], after[2]) - after[0], float(odds), atol=1e-3)
