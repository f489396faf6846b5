"""Confidence that means what it says."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from irs_engine.train import calibrate as module
from irs_engine.train.calibrate import (
    Answers,
    _judgement,
    calibrate,
    fit,
    fit_few,
    hold_back,
    labelled_photos,
)
from irs_engine.vision.scoring import TagScorer
from irs_engine.vision.tagger import Tagger
from irs_engine.vision.vocabulary import load_vocabulary

CAT = Path(__file__).parent.parent / "data" / "cat.jpg"
DOG, CAT_ID, ANIMAL, LABRADOR, KITCHEN = "n02084071", "n02121620", "n00015388", "n02099712", "places:kitchen"


def test_calibration_finds_slope_and_shift():
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 2, 20000)
    truth = 1 / (1 + np.exp(-(0.6 * raw - 1.2)))
    assert fit(1 / (1 + np.exp(-raw)), truth) == pytest.approx((0.6, -1.2), abs=0.01)


def test_calibration_of_heads_that_were_far_too_sure():
    """From where Newton's steps would leap to and fro."""
    rng = np.random.default_rng(0)
    right = rng.random(400) < 0.8
    slope, shift = fit(np.full(400, 0.99), right)
    assert 1 / (1 + np.exp(-slope * np.log(99) - shift)) == pytest.approx(right.mean(), abs=1e-3)


def test_a_few_that_were_right_are_no_certainty():
    slope, shift = fit_few(np.array([0.999] * 8 + [0.001] * 8), np.arange(16) < 8)
    likely, unlikely = (1 / (1 + np.exp(-slope * np.log(odds) - shift)) for odds in (999, 1 / 999))
    assert (likely, unlikely) == pytest.approx((0.9, 0.1), abs=1e-3)
    assert fit_few(np.array([0.9, 0.1]), np.array([False, True]))[0] > 0  # what is likelier stays so


def test_a_label_judges_what_it_can():
    right, judged = _judgement(load_vocabulary(), DOG, [DOG, CAT_ID, ANIMAL, LABRADOR, KITCHEN])
    assert right.tolist() == [True, False, True, False, False]
    assert judged.tolist() == [True, True, True, False, False]  # which dog, and where, nobody said
    assert _judgement(load_vocabulary(), KITCHEN, [DOG, KITCHEN])[1].tolist() == [False, True]


def test_heads_are_calibrated_where_there_are_labels(tagger_weights, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LEAST", 0)
    monkeypatch.setattr(module, "FEWEST", 10)
    (tmp_path / CAT_ID).mkdir()
    shutil.copy(CAT, tmp_path / CAT_ID)
    found = calibrate(Tagger(torch.device("cpu"), weights=tagger_weights), tmp_path)
    assert set(found) == {"coco"} and np.isfinite(found["coco"]).all()  # nobody labelled a place


def test_shifts_are_held_back_until_enough_is_right():
    vocabulary = load_vocabulary()
    scorer = TagScorer(vocabulary, {"places": 365})
    ids = [tag.id for tag in scorer.tags]
    kitchen = vocabulary.labels("places").index(KITCHEN)
    logits = np.full((10, 365), -4.0, np.float32)
    logits[:7, kitchen], logits[7:, kitchen - 1] = (
        4,
        2.2,
    )  # three of ten are taken for another place, less surely
    answers = [Answers({"places": logits}, KITCHEN, *_judgement(vocabulary, KITCHEN, ids))]
    held = hold_back(scorer, {"places": (1.0, 8.0)}, answers)
    slope, shift = held["places"]
    assert slope == 1 and 0 <= shift < 8
    boldest = scorer.with_calibration({"places": (1.0, 8.0)})({"places": logits})
    assert (scorer.with_calibration(held)({"places": logits}) >= 0.6).sum() < (boldest >= 0.6).sum()


def test_a_folder_that_is_no_tag(tmp_path):
    (tmp_path / "cats").mkdir()
    with pytest.raises(SystemExit, match="not the id of a tag"):
        list(labelled_photos(tmp_path))
