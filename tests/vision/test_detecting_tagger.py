"""Tags with boxes: what a detection does to tags, with a detector whose boxes are given."""

import numpy as np
import pytest
import torch

from irs_engine.image import read_rgb
from irs_engine.image.read import Rgb
from irs_engine.vision.detecting_tagger import SHOWN, DetectingTagger
from irs_engine.vision.detector import Detector
from irs_engine.vision.tagger import Tagger

CPU = torch.device("cpu")
DOG, ANIMAL, CUP = "n02084071", "n00015388", "n03147509"


@pytest.fixture(scope="module")
def tagger(tagger_weights):
    return Tagger(CPU, weights=tagger_weights)


@pytest.fixture
def given(tagger, detector_weights, monkeypatch):
    """A tagger beside a detector that finds the given rows in every photo."""
    detector = Detector(CPU, weights=detector_weights)

    def given(*rows):
        found = np.array(rows, np.float32).reshape(-1, 6)
        monkeypatch.setattr(
            detector, "boxes", lambda photos, threshold, tiles=False: [found.copy() for _ in photos]
        )
        return DetectingTagger(tagger, detector)

    return given


def tags(both, photo, **options):
    (result,) = both.tag_batch([photo], **{"threshold": 0, **options})
    return {tag.id: tag for tag in result.tags}


def class_of(detecting, id):
    return [tag.id for tag in detecting.detector.tags].index(id)


def test_a_detected_thing_raises_its_tag_and_its_parents(given, photo):
    before = tags(given(), read_rgb(photo))
    dog = class_of(given(), DOG)
    weak, strong = (tags(given((10, 20, 110, 120, score, dog)), read_rgb(photo)) for score in (0.5, 0.95))
    for id in (DOG, ANIMAL):
        assert before[id].confidence < weak[id].confidence < strong[id].confidence
    assert strong[DOG].confidence > 95
    others = [id for id in before if id not in (DOG, ANIMAL) and "n02084071" not in id]
    unchanged = [id for id in others if before[id].confidence == strong[id].confidence]
    assert len(unchanged) > 0.95 * len(others)  # all but the other parents


def test_what_is_not_found_takes_nothing_away(given, tagger, photo):
    alone = {tag.id: tag.confidence for tag in tagger.tag_batch([read_rgb(photo)], threshold=0)[0].tags}
    both = tags(given(), read_rgb(photo))
    assert alone.keys() <= both.keys()
    assert all(both[id].confidence == pytest.approx(confidence, abs=0.02) for id, confidence in alone.items())


def test_boxes_are_instances_of_their_own_tag_alone(given, photo):
    dog, cup = class_of(given(), DOG), class_of(given(), CUP)
    found = tags(
        given(
            (10, 20, 110, 120, 0.9, dog),
            (200, 20, 250, 60, 0.7, dog),
            (5, 5, 9, 9, 0.06, dog),
            (0, 0, 50, 60, 0.8, cup),
        ),
        read_rgb(photo),
    )
    assert [instance.box.width for instance in found[DOG].instances] == [100, 50]
    assert found[DOG].instances[0].confidence > found[DOG].instances[1].confidence >= SHOWN
    assert len(found[CUP].instances) == 1 and found[ANIMAL].instances == ()


def test_boxes_are_in_pixels_of_the_picture_as_shown(given, photo):
    """A JPEG is decoded no larger than the networks need it; boxes are told at its full size."""
    dog = class_of(given(), DOG)
    small = Rgb(photo, (4 * photo.shape[1], 4 * photo.shape[0]))
    (instance,) = tags(given((10, 20, 110, 120, 0.9, dog)), small)[DOG].instances
    assert (instance.box.left, instance.box.top, instance.box.width, instance.box.height) == (
        40,
        80,
        400,
        400,
    )


def test_limit_and_language_are_those_of_the_tagger(given, photo):
    dog = class_of(given(), DOG)
    both = given((10, 20, 110, 120, 0.99, dog))
    (result,) = both.tag_batch([read_rgb(photo)], threshold=0, limit=2, language="zh")
    assert len(result.tags) == 2 and {tag.name for tag in result.tags} <= {tag.zh for tag in result.tags}
    assert both.tag_batch([]) == []
