"""Confidence that means what it says."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from irs_engine.train import calibrate as module
from irs_engine.train.calibrate import _judgement, calibrate, fit, labelled_photos
from irs_engine.vision.tagger import Tagger
from irs_engine.vision.vocabulary import load_vocabulary

CAT = Path(__file__).parent.parent / "data" / "cat.jpg"
DOG, CAT_ID, ANIMAL, LABRADOR, KITCHEN = "n02084071", "n02121620", "n00015388", "n02099712", "places:kitchen"


def test_calibration_finds_slope_and_shift():
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 2, 20000)
    truth = 1 / (1 + np.exp(-(0.6 * raw - 1.2)))
    assert fit(1 / (1 + np.exp(-raw)), truth) == pytest.approx((0.6, -1.2), abs=0.01)


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


def test_a_folder_that_is_no_tag(tmp_path):
    (tmp_path / "cats").mkdir()
    with pytest.raises(SystemExit, match="not the id of a tag"):
        list(labelled_photos(tmp_path))
