"""People's own classifiers: from folders of photos to a file that tags them beside all the tagger knows."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import irs_engine as irs
from irs_engine.errors import DatasetError, ParameterError
from irs_engine.train import custom_classifier
from irs_engine.train.class_folders import read_class_folders
from irs_engine.train.custom_classifier import (
    CROPS,
    Features,
    calibrated,
    features,
    learn_head,
    train_classifier,
)
from irs_engine.train.progress import Progress
from irs_engine.train.site_scenes import write_classifier_data
from irs_engine.vision.tagger import Tagger, prepare

CPU = torch.device("cpu")
COLORS = {"red disc": (200, 50, 40), "安全帽": (40, 80, 200), "none": (120, 120, 120)}
NEEDED = 0.8  # of drawn heads that are told right


def draw_folders(folder, count=10):
    """Discs and squares on noise, small and not square."""
    rng = np.random.default_rng(0)
    for name, color in COLORS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            photo = rng.normal(120, 20, (60, 90, 3)).clip(0, 255).astype(np.uint8)
            x, y = int(rng.uniform(20, 70)), int(rng.uniform(20, 40))
            if name == "red disc":
                cv2.circle(photo, (x, y), 18, color, -1)
            else:
                cv2.rectangle(photo, (x - 16, y - 16), (x + 16, y + 16), color, -1)
            Image.fromarray(photo).save(folder / name / f"{number}.png")
    return folder


class Told(Progress):
    def __init__(self):
        self.lines, self.passed = [], []

    def line(self, text):
        self.lines.append(text)

    def passing(self, text):
        self.passed.append(text)


@pytest.fixture(scope="module")
def few_views():
    """Of photos that are easily told apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custom_classifier, "CROPS", 1)
        yield


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_folders(tmp_path_factory.mktemp("drawn") / "data")


@pytest.fixture(scope="module")
def trained(drawn, tmp_path_factory, tagger_weights, few_views):
    """A file that was trained from random features, what was told, and the shares that were right."""
    out, told = tmp_path_factory.mktemp("out") / "new" / "own.safetensors", Told()
    shares = train_classifier(drawn, out, start=tagger_weights, device="cpu", progress=told)
    return out, told, shares


def test_it_learns_and_says_how_well(trained):
    out, told, shares = trained
    assert shares["all"] == 1 and set(shares) == {"all", *COLORS}
    assert told.lines[0] == "photos: red disc 10, 安全帽 10, none 10; 6 of them are kept to judge by"
    assert told.lines[1].startswith("epoch 1 of 20  loss ") and "right: all 100.0 %" in told.lines[20]
    assert "taken for:  red disc" in told.lines[22] and "4 of 4 photos get their tag" in told.lines[23]
    assert "24 of 24 photos seen" in told.passed[-7] and "6 of 6" in told.passed[-1]
    assert Image.open(out.with_suffix(".png")).size == (1280, 480)
    assert sorted(path.name for path in out.parent.iterdir()) == ["own.png", "own.safetensors"]
    assert out.stat().st_mode & 0o777 == 0o644


def test_its_classes_are_tags_beside_all_others(trained, drawn, tagger_weights):
    before, after = Tagger(CPU, weights=tagger_weights), Tagger(CPU, weights=trained[0])
    old, new = ([tag.id for tag in tagger.scorer.tags] for tagger in (before, after))
    assert set(new) - set(old) == {"own:red-disc", "own:安全帽"}  # none is hidden
    photo = np.asarray(Image.open(drawn / "安全帽" / "3.png"))
    one, other = before.scores([photo])[0], after.scores([photo])[0]
    np.testing.assert_allclose(other[[new.index(id) for id in old]], one, atol=1e-5)
    assert other[new.index("own:安全帽")] > 0.6 > 0.4 > other[new.index("own:red-disc")]


def test_the_file_says_what_it_is(trained, tagger_weights):
    with safe_open(trained[0], "pt") as file:
        about = file.metadata()
    assert about == {"architecture": "TaggerNet", "classes": '["red disc", "安全帽", null]'}
    tensors, start = load_file(trained[0]), load_file(tagger_weights)
    assert set(tensors) - set(start) == {"heads.own.weight", "heads.own.bias", "calibration.own"}
    assert all(torch.equal(tensors[name], value) for name, value in start.items())


def test_an_engine_takes_it(trained, drawn):
    found = irs.Engine(device="cpu", weights=trained[0]).tag(
        drawn / "red disc" / "1.png", threshold=60, detect=False
    )
    assert "own:red-disc" in {tag.id for tag in found.tags}


@pytest.mark.cuda
def test_it_learns_on_cuda(drawn, tagger_weights, tmp_path):
    shares = train_classifier(drawn, tmp_path / "own.safetensors", start=tagger_weights, device="cuda")
    assert shares["all"] == 1


def test_own_classes_take_the_place_of_earlier_ones(trained, tmp_path):
    folder = draw_folders(tmp_path / "data", 8)
    (folder / "安全帽").rename(folder / "box")
    (folder / "red disc").rename(folder / "ball")
    train_classifier(folder, tmp_path / "b.safetensors", start=trained[0], device="cpu")
    ids = {tag.id for tag in Tagger(CPU, weights=tmp_path / "b.safetensors").scorer.tags}
    assert {"own:box", "own:ball"} <= ids and "own:red-disc" not in ids


def test_what_is_there_is_not_lost(trained, drawn, tagger_weights, tmp_path, monkeypatch):
    out = tmp_path / "own.safetensors"
    out.write_bytes(tagger_weights.read_bytes())
    with pytest.raises(ParameterError, match="is there already, and not weights of the classes red disc"):
        train_classifier(drawn, out, start=tagger_weights)
    out.write_bytes(trained[0].read_bytes())

    def half(tensors, path, about):
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(custom_classifier, "save_file", half)
    with pytest.raises(KeyboardInterrupt):
        train_classifier(drawn, out, start=tagger_weights, device="cpu")
    assert out.read_bytes() == trained[0].read_bytes()


def test_without_other_photos_it_says_so(tmp_path, tagger_weights, monkeypatch):
    folder, told = draw_folders(tmp_path / "data", 8), Told()
    (folder / "none").rename(folder / "other")
    monkeypatch.setattr(custom_classifier, "EPOCHS", 1)
    train_classifier(folder, tmp_path / "o.safetensors", start=tagger_weights, device="cpu", progress=told)
    assert any("every photo will be one of these: a folder none/" in line for line in told.lines)


def test_views_are_the_whole_its_mirror_image_and_parts(drawn, tagger_weights):
    tagger, path = Tagger(CPU, weights=tagger_weights), drawn / "none" / "0.png"
    pixels = np.asarray(Image.open(path))
    views = list(custom_classifier._views(pixels, CROPS, np.random.default_rng(0)))
    whole = prepare(pixels)
    assert len(views) == 2 + CROPS and all(view.shape == whole.shape for view in views)
    assert (views[0] == whole).all() and (views[1] == whole[..., ::-1]).all()
    assert all(-1 <= view.min() and view.max() <= 1 and abs(view - whole).max() > 0.1 for view in views[2:])
    seen = features(tagger, ((path, 2),), None, Progress())
    assert seen.vectors.shape == (1, 1, tagger.net.FEATURE) and seen.labels.tolist() == [2]


def test_a_class_of_few_photos_counts_as_much():
    rng = np.random.default_rng(0)
    labels = np.array([0] * 400 + [1] * 20)
    vectors = (rng.normal(size=(420, 1, 8)) + 1.5 * labels[:, None, None]).astype(np.float32)
    head = learn_head(Features(vectors, labels), Features(vectors, labels), ("many", "few"), Progress())
    found = (torch.from_numpy(vectors[:, 0]) @ head.weight.T + head.bias).argmax(1).numpy()
    assert (found[labels == 1] == 1).mean() > 0.9


def test_confidence_is_how_often_it_is_right():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=400)
    said = np.where(rng.random(400) < 0.8, truth, 1 - truth)  # sure, and right in four of five
    probabilities = np.where(said[:, None] == np.arange(2), 0.99, 0.01)
    slope, shift = calibrated(probabilities, truth, [True, True])
    assert 1 / (1 + np.exp(-slope * np.log(99) - shift)) == pytest.approx(0.8, abs=0.04)
    slope, shift = calibrated(np.array([[0.99, 0.01]] * 4), np.zeros(4, int), [True, False])
    assert slope > 0 and 0.6 < 1 / (1 + np.exp(-slope * np.log(99) - shift)) < 0.9  # four are not many


# Folders.


def test_every_seventh_photo_of_a_class_is_kept_back(drawn):
    folders = read_class_folders(drawn)
    learn, judge = folders.split()
    assert [sum(label == one for _, label in judge) for one in range(3)] == [2, 2, 2]
    assert set(learn) | set(judge) == set(folders.photos) and not set(learn) & set(judge)
    assert read_class_folders(drawn).split() == (learn, judge)
    assert folders.shown == ("red disc", "安全帽", None)


def test_all_that_is_wrong_is_said_at_once(tmp_path):
    folder = draw_folders(tmp_path / "data", 9)
    (folder / "empty").mkdir()
    (folder / "Red-disc").mkdir()
    for number in range(3):
        (folder / "Red-disc" / f"{number}.png").write_bytes(
            (folder / "red disc" / f"{number}.png").read_bytes()
        )
    whole = (folder / "none" / "4.png").read_bytes()
    (folder / "none" / "4.png").write_bytes(whole[:-3000])
    (folder / "stray.jpg").write_bytes(b"")
    with pytest.raises(DatasetError) as error:
        read_class_folders(folder)
    for said in (
        "empty/: 0 photo(s), 8 are needed at least",
        "Red-disc/: 3 photo(s)",
        "Red-disc and red disc would both be the tag own:red-disc",
        "none/4.png: not a readable photo",
        "stray.jpg: 1 photo(s) are in no class",
        "is 'red disc', and the same photo is 'Red-disc'",
    ):
        assert said in str(error.value)


@pytest.mark.parametrize("names", [[], ["helmet"], ["none"]])
def test_one_class_is_none(tmp_path, names):
    for name in names:
        (tmp_path / "data" / name).mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"two folders of photos are needed at least|no such folder"):
        read_class_folders(tmp_path / "data")


def test_drawn_helmets_are_told_from_bare_heads(tmp_path, monkeypatch):
    """With the shipped tagger, in a part of a minute: the walk-through of the README, with fewer photos."""
    monkeypatch.setattr(custom_classifier, "CROPS", 2)
    write_classifier_data(tmp_path / "heads", 120)
    write_classifier_data(tmp_path / "others", 60, seed=1)
    train_classifier(tmp_path / "heads", tmp_path / "heads.safetensors", device="cpu")
    tagger = Tagger(CPU, weights=tmp_path / "heads.safetensors")
    folders = read_class_folders(tmp_path / "others")
    photos = [np.asarray(Image.open(path)) for path, _ in folders.photos]
    found = tagger.logits(photos)["own"].argmax(1)
    share = (found == [label for _, label in folders.photos]).mean()
    assert share >= NEEDED
