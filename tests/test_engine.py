import inspect
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_photo
from PIL import Image

import irs_engine as irs
from irs_engine.batches import pictures_in
from irs_engine.engine import Engine, default_engine
from irs_engine.errors import DeviceError, ImageError, ParameterError, WeightsNotFound

DATA = Path(__file__).parent / "data"
PHOTOS = [DATA / name for name in ("cat.jpg", "coffee.jpg", "rocket.jpg")]


@pytest.fixture(scope="module")
def engine(tagger_weights):
    return Engine(device="cpu", weights=tagger_weights.parent)


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "a.JPG", "deep/c.jpg", ".hidden.jpg", ".git/d.jpg", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(PHOTOS[0], path)
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    return tmp_path


def test_tag(engine):
    result = engine.tag(PHOTOS[0], threshold=0, limit=7, language="zh")
    assert result.size == (451, 300) and len(result.tags) == 7
    confidences = [tag.confidence for tag in result.tags]
    assert confidences == sorted(confidences, reverse=True) and 0 <= confidences[-1] <= confidences[0] <= 100
    assert all(tag.name == tag.zh for tag in result.tags)
    assert engine.tag(PHOTOS[0], threshold=100).tags == ()


def test_tags_say_where_things_are_unless_told_not_to(engine):
    """By weights of random numbers, so what is where means nothing."""
    with_boxes = engine.tag(PHOTOS[0], threshold=0)
    assert any(tag.instances for tag in with_boxes.tags)
    assert not any(tag.instances for tag in engine.tag(PHOTOS[0], threshold=0, detect=False).tags)
    ((_, batched),) = engine.tag_many([PHOTOS[0]], threshold=0)
    assert [tag.instances for tag in batched.tags] == [tag.instances for tag in with_boxes.tags]
    ((_, plain),) = engine.tag_many([PHOTOS[0]], threshold=0, detect=False)
    assert not any(tag.instances for tag in plain.tags)


@pytest.mark.parametrize("tiles", [False, True])
def test_detect_objects(engine, tiles):
    result = engine.detect_objects(PHOTOS[2], threshold=30, tiles=tiles)
    assert result.size == (640, 427) and result.objects
    for thing in result.objects:
        box = thing.box
        assert box.left >= 0 and box.left + box.width <= 640.1 and box.top + box.height <= 427.1
        assert 30 <= thing.confidence <= 100
    assert result.draw(PHOTOS[2]).size == (960, 640)
    assert engine.detect_objects(PHOTOS[2], threshold=100).objects == ()


def test_boxes_are_at_full_size_however_large_the_photo(engine, tmp_path):
    """A large JPEG is decoded small; what is found lies where it lies in the photo."""
    pixels = make_photo(3200, 2400)
    Image.fromarray(pixels).save(tmp_path / "large.jpg", quality=95)
    from_file, from_pixels = (
        engine.detect_objects(image, threshold=30) for image in (tmp_path / "large.jpg", pixels)
    )
    assert from_file.size == from_pixels.size == (3200, 2400)
    span = [max(thing.box.left + thing.box.width for thing in r.objects) for r in (from_file, from_pixels)]
    assert min(span) > 2000


@pytest.mark.parametrize("detect", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (4096, 1), (1, 300)])
def test_odd_pictures_have_tags(engine, size, detect):
    assert engine.tag(make_photo(*size), threshold=0, detect=detect).size == size


@pytest.mark.parametrize("kind", ["grey", "grey16", "rgb16", "rgba"])
def test_odd_kinds_of_pixels(engine, kind):
    pixels = make_photo(120, 80)
    picture = {
        "grey": pixels[..., 0],
        "grey16": pixels[..., 0].astype(np.uint16) * 257,
        "rgb16": pixels.astype(np.uint16) * 257,
        "rgba": np.dstack([pixels, np.full((80, 120), 255, np.uint8)]),
    }[kind]
    plain = np.repeat(pixels[..., :1], 3, 2) if "grey" in kind else pixels
    assert engine.detect_objects(picture).to_dict() == engine.detect_objects(plain).to_dict()


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 101},
        {"threshold": float("nan")},
        {"limit": 0},
        {"limit": 1001},
        {"language": "fr"},
        {"treshold": 1},
    ],
)
def test_bad_options(engine, options):
    for call in (
        engine.tag,
        lambda image, **o: engine.tag_many([image], **o),
        lambda _, **o: engine.tag_folder(DATA, **o),
    ):
        with pytest.raises(ParameterError, match=next(iter(options))):
            call(PHOTOS[0], **options)


def test_many_gives_what_one_by_one_gives(engine):
    images = [PHOTOS[0], PHOTOS[1].read_bytes(), str(PHOTOS[2])]
    alone = [engine.tag(image, threshold=20, limit=5) for image in images]
    for batch_size in (2, 100):
        got = list(engine.tag_many(images, batch_size=batch_size, threshold=20, limit=5))
        assert [image for image, _ in got] == images
        for (_, ours), theirs in zip(got, alone, strict=True):
            assert ours.size == theirs.size
            expected = [tag.confidence for tag in theirs.tags]  # float sums differ by batch
            assert [tag.confidence for tag in ours.tags] == pytest.approx(expected, abs=0.05)


def test_many_is_lazy_and_may_be_left_early(engine):
    asked = []

    def images():
        for number in range(1000):
            asked.append(number)
            yield PHOTOS[0]

    results = engine.tag_many(images(), batch_size=2)
    next(results)
    results.close()
    assert len(asked) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("irs-read")]


def test_a_bad_image_raises_after_those_before_it(engine):
    results = engine.tag_many([PHOTOS[0], b"no", PHOTOS[1]])
    assert next(results)[0] == PHOTOS[0]
    with pytest.raises(ImageError):
        next(results)


def test_on_error_takes_the_place_of_the_result(engine):
    order = []
    images = [b"no", PHOTOS[0], PHOTOS[0].parent / "gone.jpg", PHOTOS[1], b""]
    for image, _ in engine.tag_many(
        images, batch_size=2, on_error=lambda image, error: order.append((image, error))
    ):
        order.append((image, None))
    assert [image for image, _ in order] == images
    assert [isinstance(error, ImageError) for _, error in order] == [True, False, True, False, True]


def test_folder(engine, folder, caplog):
    with caplog.at_level("WARNING", "irs_engine"):
        found = [path for path, _ in engine.tag_folder(folder)]
    assert found == [folder / "a.JPG", folder / "b.jpg"] and "bad.png" in caplog.text


def test_pictures_in(folder):
    assert [p.name for p in pictures_in(folder)] == ["a.JPG", "b.jpg", "bad.png"]
    assert [p.name for p in pictures_in(str(folder), recursive=True)] == [
        "a.JPG",
        "b.jpg",
        "bad.png",
        "c.jpg",
    ]
    with pytest.raises(ImageError, match="not a folder"):
        pictures_in(folder / "b.jpg")


def test_threads_share_one_model(tagger_weights):
    engine = Engine(device="cpu", weights=tagger_weights.parent)
    results, models = [], set()

    def work():
        results.append(engine.tag(PHOTOS[0], threshold=20).to_json())
        models.add(engine.load_detecting_tagger())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and len(set(results)) == len(models) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"device": "tpu"}, DeviceError, "device='tpu'"),
        ({"precision": "int8"}, ParameterError, "auto, fp32 or bf16"),
        ({"threads": 0}, ParameterError, "threads=0"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, error, message):
    with pytest.raises(error, match=message):
        Engine(**arguments)


def test_missing_weights(tmp_path):
    with pytest.raises(WeightsNotFound):
        Engine(weights=tmp_path / "gone.safetensors").tag(PHOTOS[0])


def test_module_functions_are_verbs_of_the_default_engine(tagger_weights, monkeypatch):
    signature = inspect.signature(irs.tag)
    assert (
        list(signature.parameters) == ["image", "threshold", "limit", "language", "detect"]
        and irs.tag.__doc__
    )
    monkeypatch.setattr(default_engine(), "weights", tagger_weights)
    monkeypatch.setattr(default_engine(), "_tagger", None)
    assert irs.tag(PHOTOS[0], threshold=100, detect=False).size == (451, 300)


def test_device_is_chosen_once(tagger_weights, monkeypatch):
    monkeypatch.setenv("IRS_DEVICE", "cpu")
    engine = Engine()
    assert engine.device == torch.device("cpu")
    monkeypatch.setenv("IRS_DEVICE", "cuda:9")
    assert engine.device == torch.device("cpu")
