import numpy as np
import pytest

from irs_engine.results import Category
from irs_engine.vision.scoring import STAND_INS, TagScorer
from irs_engine.vision.vocabulary import TagEntry, Vocabulary, load_vocabulary


def entry(id, *parents):
    return TagEntry(id, id, id, "object", "animal", parents)


@pytest.fixture
def animals():
    """imagenet: two dogs, a cat, a hidden class; objects: dog and cat as independent labels; birds gated."""
    tags = (
        entry("animal"),
        entry("dog", "animal"),
        entry("beagle", "dog"),
        entry("pug", "dog"),
        entry("cat", "animal"),
        entry("n01503061", "animal"),
        entry("robin", "n01503061"),
        entry("crow", "n01503061"),
    )
    labels = {
        "imagenet": ("beagle", "pug", "cat", None),
        "objects": ("dog", "cat", "n01503061"),
        "birds": ("robin", "crow"),
    }
    return Vocabulary(tags, labels, {"animal": Category("animal", "animal", "动物")}, {})


def scores(scorer, **probabilities):
    """Tag id -> score, for one picture whose heads say these probabilities."""
    logits = {}
    for head, values in probabilities.items():
        p = np.clip(np.array([values], np.float64), 1e-7, 1 - 1e-7)
        logits[head] = np.log(p / (1 - p)) if head == "objects" else np.log(p)
    return dict(zip((tag.id for tag in scorer.tags), scorer(logits)[0], strict=True))


def test_a_parent_is_as_likely_as_its_children_together(animals):
    scorer = TagScorer(animals, {"imagenet": 4})
    found = scores(scorer, imagenet=[0.4, 0.3, 0.1, 0.2])
    assert found == pytest.approx(
        {"beagle": 0.4, "pug": 0.3, "dog": 0.7, "cat": 0.1, "animal": 0.8}, abs=1e-4
    )


def test_of_independent_labels_a_parent_takes_the_likeliest(animals):
    scorer = TagScorer(animals, {"objects": 3})
    found = scores(scorer, objects=[0.6, 0.5, 0.1])
    assert found == pytest.approx({"dog": 0.6, "cat": 0.5, "n01503061": 0.1, "animal": 0.6}, abs=1e-4)


def test_heads_that_know_the_same_tag_are_combined_by_noisy_or(animals):
    scorer = TagScorer(animals, {"imagenet": 4, "objects": 3})
    found = scores(scorer, imagenet=[0.4, 0.3, 0.1, 0.2], objects=[0.5, 0.2, 0.0])
    assert found["dog"] == pytest.approx(1 - 0.3 * 0.5, abs=1e-4)
    assert found["beagle"] == pytest.approx(0.4, abs=1e-4)


def test_a_gated_head_speaks_only_where_its_parent_is_likely(animals):
    scorer = TagScorer(animals, {"birds": 2, "objects": 3})
    found = scores(scorer, birds=[0.9, 0.1], objects=[0.0, 0.0, 0.5])
    assert found["robin"] == pytest.approx(0.45, abs=1e-3)
    assert scores(scorer, birds=[0.9, 0.1], objects=[0.9, 0.0, 0.0])["robin"] < 1e-3


def test_a_specialist_says_nothing_of_its_gate(animals):
    scorer = TagScorer(animals, {"birds": 2, "objects": 3})
    found = scores(scorer, birds=[0.9, 0.1], objects=[0.0, 0.0, 0.5])
    assert found["n01503061"] == found["animal"] == pytest.approx(0.5, abs=1e-3)


def test_a_place_that_stands_in_for_a_thing_counts_as_far_as_the_thing_is_not_seen():
    cat, clinic, hospital = "n00015388", "places:veterinarians-office", "hospital"
    tags = (entry(cat), entry("medical"), entry(clinic, "medical"), entry(hospital, "medical"))
    labels = {"imagenet": (cat, None), "places": (clinic, hospital)}
    vocabulary = Vocabulary(tags, labels, {"animal": Category("animal", "animal", "动物")}, {})
    scorer = TagScorer(vocabulary, {"places": 2, "imagenet": 2})
    found = scores(scorer, imagenet=[0.9, 0.1], places=[0.8, 0.2])
    assert found[clinic] == pytest.approx(0.08, abs=1e-3)
    assert found[hospital] == pytest.approx(0.2, abs=1e-3)
    assert found["medical"] == pytest.approx(0.28, abs=1e-3)
    assert scores(scorer, imagenet=[0.0, 1.0], places=[0.8, 0.2])[clinic] == pytest.approx(0.8, abs=1e-3)


def test_stand_ins_are_places_and_things_of_the_vocabulary():
    vocabulary = load_vocabulary()
    assert set(STAND_INS) <= set(vocabulary.labels("places"))
    assert all(thing in vocabulary for thing in STAND_INS.values())


def test_calibration_moves_the_log_odds(animals):
    scorer = TagScorer(animals, {"imagenet": 4}, {"imagenet": (2.0, -1.0)})
    raw = np.log(0.7 / 0.3)
    assert scores(scorer, imagenet=[0.4, 0.3, 0.1, 0.2])["dog"] == pytest.approx(
        1 / (1 + np.exp(1 - 2 * raw)), abs=1e-4
    )


def test_extreme_logits_stay_probabilities(animals):
    scorer = TagScorer(animals, {"imagenet": 4, "objects": 3})
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = scorer({"imagenet": np.array([[1e4, -1e4, 0, 0]]), "objects": np.array([[-1e4, 1e4, 0]])})
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1


def test_a_head_of_another_size_is_refused(animals):
    with pytest.raises(ValueError, match=r"imagenet.*5.*4"):
        TagScorer(animals, {"imagenet": 5})


def test_in_the_real_vocabulary_every_parent_is_at_least_as_likely_as_its_child():
    vocabulary = load_vocabulary()
    heads = {head: len(vocabulary.labels(head)) for head in vocabulary.heads}
    scorer = TagScorer(vocabulary, heads)
    rng = np.random.default_rng(0)
    found = scorer({head: 4 * rng.standard_normal((3, classes)) for head, classes in heads.items()})
    column = {tag.id: i for i, tag in enumerate(scorer.tags)}
    for tag in scorer.tags:
        for parent in tag.parents:
            assert (found[:, column[parent]] >= found[:, column[tag.id]] - 1e-5).all(), (tag.id, parent)
