"""The tagger with the shipped weights, on real photos."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from irs_engine import _native
from irs_engine.image import read_rgb
from irs_engine.vision.tagger import CELL, SHORT_SIDE, Tagger, prepare
from irs_engine.vision.vocabulary import load_vocabulary

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def tagger():
    return Tagger(torch.device("cpu"))


@pytest.fixture(scope="module")
def cat():
    return read_rgb(DATA / "cat.jpg", at_least=SHORT_SIDE)


def names(result) -> set[str]:
    return {tag.en for tag in result.tags}


def test_a_cat_is_a_cat(tagger, cat):
    (result,) = tagger.tag_batch([cat])
    assert {"cat", "animal"} <= names(result)
    assert not {"dog", "bird", "vehicle", "food"} & names(result)


def test_results_are_sorted_filtered_and_in_both_languages(tagger, cat):
    (everything,) = tagger.tag_batch([cat], threshold=0)
    confidences = [tag.confidence for tag in everything.tags]
    assert len(everything.tags) == len(tagger.scorer.tags) and confidences == sorted(
        confidences, reverse=True
    )
    (chinese,) = tagger.tag_batch([cat], threshold=30, limit=3, language="zh")
    assert [tag.id for tag in chinese.tags] == [tag.id for tag in everything.tags[:3]]
    assert all(tag.name == tag.zh and tag.confidence >= 30 and tag.instances == () for tag in chinese.tags)


def test_a_batch_of_mixed_shapes_gives_what_single_pictures_give(tagger, cat):
    rng = np.random.default_rng(0)
    photos = [
        cat.pixels,
        rng.integers(0, 256, (300, 240, 3), np.uint8),
        cat.pixels[:, ::-1],
        cat.pixels[:224, :224],
    ]
    together = tagger.scores(photos)
    for row, photo in zip(together, photos, strict=True):  # another batch size sums in another order
        np.testing.assert_allclose(row, tagger.scores([photo])[0], atol=1e-3)


def test_features_tell_how_alike_photos_are(tagger, cat):
    rng = np.random.default_rng(0)
    photos = [cat.pixels, cat.pixels[:, ::-1], rng.integers(0, 256, (300, 240, 3), np.uint8)]
    features = tagger.features(photos)
    assert features.shape == (3, tagger.net.feature_width) and features.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    alike = features @ features[0]
    assert alike[1] > 0.8 > 0.6 > alike[2]


def test_features_are_what_the_heads_read(tagger, cat):
    """All that lies between them and the logits of a head is its matrix, but for their length."""
    logits, features = tagger.logits_and_features([cat.pixels])
    head = tagger.net.heads["imagenet"]
    with torch.no_grad():
        directions = features @ head.weight.float().numpy().T
        wanted = logits["imagenet"] - head.bias.float().numpy()
    length = (wanted * directions).sum() / (directions**2).sum()
    assert length > 0 and np.corrcoef(directions[0], wanted[0])[0, 1] > 0.999


def test_an_empty_batch_is_empty(tagger):
    assert tagger.tag_batch([]) == []


@pytest.mark.parametrize("shape", [(224, 224), (300, 451), (4000, 1000), (50, 2000), (1, 1), (225, 224)])
def test_the_network_sees_the_whole_photo_in_whole_cells(shape):
    photo = np.full((*shape, 3), 128, np.uint8)
    seen = prepare(photo)
    assert seen.dtype == np.float32 and seen.shape[0] == 3
    assert min(seen.shape[1:]) == SHORT_SIDE and max(seen.shape[1:]) <= 2 * SHORT_SIDE
    assert all(side % CELL == 0 for side in seen.shape[1:])
    assert (seen.shape[1] >= seen.shape[2]) == (shape[0] >= shape[1])
    assert abs(seen - (128 / 127.5 - 1)).max() < 1e-5


def test_threads_may_share_it(tagger, cat):
    from concurrent.futures import ThreadPoolExecutor

    expected = tagger.scores([cat.pixels])
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(tagger.scores, [[cat.pixels]] * 8):
            np.testing.assert_array_equal(found, expected)


def test_every_label_of_the_vocabulary_fits_the_heads(tagger):
    vocabulary = load_vocabulary()
    for head, classes in tagger.net.classes.items():
        assert len(vocabulary.labels(head)) == classes


def test_bf16_is_nearly_the_same(tagger, cat, tagger_weights):
    half = Tagger(torch.device("cpu"), precision="bf16", weights=tagger_weights)
    exact = Tagger(torch.device("cpu"), precision="fp32", weights=tagger_weights)
    np.testing.assert_allclose(half.scores([cat.pixels]), exact.scores([cat.pixels]), atol=0.02)


@pytest.mark.parametrize(("pays", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_bf16_where_the_cpu_is_fast_with_it(tagger_weights, monkeypatch, pays, dtype):
    monkeypatch.setattr(_native, "bf16_pays", lambda: pays)
    assert Tagger(torch.device("cpu"), weights=tagger_weights).dtype == dtype


def test_own_classes_are_tags_beside_all_others(tmp_path, tagger_weights, cat):
    tensors = load_file(tagger_weights)
    feature = tensors["heads.places.weight"].shape[1]
    own = {"heads.own.weight": torch.zeros(4, feature), "heads.own.bias": torch.tensor([9.0, 0.0, 0.0, 0.0])}
    about = {"architecture": "TaggerNet", "classes": json.dumps(["Red hat", "安全帽", "cat", None])}
    save_file(tensors | own, tmp_path / "own.safetensors", about)
    tagger = Tagger(torch.device("cpu"), weights=tmp_path / "own.safetensors")
    ids = [tag.id for tag in tagger.scorer.tags]
    without = [tag.id for tag in Tagger(torch.device("cpu"), weights=tagger_weights).scorer.tags]
    assert set(ids) == {*without, "own:red-hat", "own:安全帽"}  # a cat is COCO's cat
    found = {tag.id: tag for tag in tagger.tag_batch([cat], threshold=0)[0].tags}
    hat = found["own:red-hat"]
    assert (hat.en, hat.zh, hat.kind, hat.category.id) == ("Red hat", "Red hat", "object", "other")
    assert hat.confidence > 99 > 1 > found["own:安全帽"].confidence


@pytest.mark.cuda
def test_cuda_agrees_with_the_cpu(tagger, cat):
    there = Tagger(torch.device("cuda"), precision="fp32")
    np.testing.assert_allclose(there.scores([cat.pixels]), tagger.scores([cat.pixels]), atol=5e-3)
