"""torchvision's detectors, with weights of random numbers that are installed as the published ones are."""

import numpy as np
import pytest
import torch
from conftest import make_photo
from safetensors.torch import load_file, save_file
from torchvision.models import get_model
from torchvision_files import published, random_tensors

from irs_engine import cli
from irs_engine.engine import Engine
from irs_engine.errors import WeightsError
from irs_engine.image import read_rgb
from irs_engine.vision.detector import Detector, tags_of
from irs_engine.vision.detectors import load_detector
from irs_engine.vision.nets.torchvision_net import categories_of
from irs_engine.vision.torchvision_detector import (
    LARGEST,
    LONGEST_ASPECT,
    TorchvisionDetector,
    input_size,
)
from irs_engine.vision.torchvision_weights import MODELS
from irs_engine.vision.vocabulary import load_vocabulary

CPU = torch.device("cpu")
SSD, FASTER, LARGER = MODELS


@pytest.fixture(scope="module")
def ssd(tmp_path_factory):
    """The installed file, and torchvision's own network with the same weights."""
    return installed(SSD, tmp_path_factory.mktemp("ssd"))


@pytest.fixture(scope="module")
def detector(ssd):
    return load_detector(CPU, weights=ssd[0])


def installed(name, folder):
    with published(random_tensors(name), folder, name):
        with pytest.raises(SystemExit) as exit:
            cli.main(["weights", "install", name])
        assert exit.value.code == 0
        plain = get_model(name, weights="DEFAULT", progress=False).eval()
    return folder / "home" / "irs_engine" / f"{name}.safetensors", plain


def rows_of(plain, photo, threshold):
    """What torchvision itself finds in an (H, W, 3) uint8 photo, as rows of ours."""
    with torch.inference_mode():
        (answer,) = plain([torch.tensor(photo).permute(2, 0, 1).float() / 255])
    names, categories = load_vocabulary().source_names("coco"), categories_of(SSD)
    columns = (answer[key].tolist() for key in ("boxes", "scores", "labels"))
    rows = [
        (*box, score, names.index(categories[label]))
        for box, score, label in zip(*columns, strict=True)
        if score >= threshold and categories[label] in names
    ]
    return np.array([row for row in rows if row[2] > row[0] and row[3] > row[1]], np.float32)


def assert_same_boxes(found, expected):
    """But for ties, which rounding may decide the other way."""
    assert len(found) == pytest.approx(len(expected), rel=0.02) and len(expected) > 3
    apart = np.abs(found[:, None] - expected[None]) < [0.1, 0.1, 0.1, 0.1, 1e-3, 0.5]
    assert apart.all(2).any(0).mean() > 0.97


@pytest.mark.parametrize("threshold", [0.02, 0.3])
def test_it_finds_what_torchvision_itself_finds(ssd, detector, photo, threshold):
    (found,) = detector.boxes([photo], threshold)
    assert_same_boxes(found, rows_of(ssd[1], photo, threshold))


def test_faster_rcnn_does_too(tmp_path, photo):
    """Also below the 0.05 where torchvision stops; pictures of any shape, one after the other."""
    path, plain = installed(FASTER, tmp_path)
    detector = load_detector(CPU, weights=path)
    photos = [photo, make_photo(160, 200), *(np.zeros((h, w, 3), np.uint8) for h, w in ((1, 1), (1, 4096)))]
    found = detector.boxes(photos, 0.02)
    plain.roi_heads.score_thresh = 0.02
    for rows, picture in zip(found[:2], photos, strict=False):
        assert_same_boxes(rows, rows_of(plain, picture, 0.02))
    assert (found[0][:, 4] < 0.05).any()


def test_boxes_are_in_the_photo(detector, photo):
    (found,) = detector.boxes([photo], 0.3)
    height, width = photo.shape[:2]
    assert 0 < len(found) <= 300 and found.dtype == np.float32 and (np.diff(found[:, 4]) <= 0).all()
    assert (found[:, :4] >= 0).all() and (found[:, 2:4] <= (width, height)).all()
    assert (found[:, 2:4] > found[:, :2]).all() and (found[:, 4] >= 0.3).all()


def test_objects_are_tags(detector, photo):
    result = detector.detect(read_rgb(photo), 30, tiles=False)
    vocabulary = load_vocabulary()
    assert result.size == (320, 240) and result.objects and detector.tags == tags_of()
    assert all(thing.id in vocabulary and thing.confidence >= 30 for thing in result.objects)


@pytest.mark.parametrize("size", [(1, 1), (4096, 1), (1, 300), (33, 2000)])
@pytest.mark.parametrize("tiles", [False, True])
def test_odd_pictures(detector, size, tiles):
    result = detector.detect(read_rgb(make_photo(*size)), 30, tiles)
    assert result.size == size
    for found in result.objects:
        assert found.box.left + found.box.width <= size[0] + 0.1 and found.box.height <= size[1] + 0.1


def test_no_pictures(detector):
    assert detector.boxes([], 0.5) == []


@pytest.mark.parametrize("size", [(1, 1), (640, 480), (4096, 1), (1, 300), (9000, 100), (5000, 4000)])
def test_only_the_largest_and_the_thinnest_are_resized_by_us(size):
    width, height = input_size((0.0, 0.0, *map(float, size)))
    assert 1 <= min(width, height) and max(width, height) <= LARGEST
    assert max(width, height) <= LONGEST_ASPECT * min(width, height)
    if max(size) <= min(LARGEST, LONGEST_ASPECT * min(size)):
        assert (width, height) == size


def test_boxes_of_large_photos_are_in_their_own_pixels(detector):
    photo = make_photo(320, 250).repeat(8, 0).repeat(8, 1)
    (found,) = detector.boxes([photo], 0.02)
    assert found[:, 2].max() > LARGEST and found[:, 3].max() > 0.9 * 2000


def test_tiles_are_looked_at_one_by_one(detector, monkeypatch):
    seen = []

    def net(pictures):
        seen.append(tuple(pictures[0].shape))
        box = torch.tensor([[100.0, 100.0, 200.0, 200.0]])
        return [{"boxes": box, "scores": torch.tensor([0.9]), "labels": torch.tensor([17])}]

    monkeypatch.setattr(detector, "net", net)
    (found,) = detector.boxes([make_photo(1000, 640)], 0.5, tiles=True)
    assert seen == [(3, 640, 1000)] + 2 * [(3, 640, 571)]
    assert found[:, 0].tolist() == pytest.approx(
        [100, 100 + 1000 - 1000 / 1.75], abs=0.2
    )  # the first one twice
    assert {detector.tags[int(label)].en for label in found[:, 5]} == {"cat"}


def test_labels_without_a_name_are_dropped_and_all_others_are_coco(detector, monkeypatch):
    answer = {
        "boxes": torch.tensor([[10.0, 10.0, 20.0, 20.0]]).repeat(91, 1),
        "scores": torch.full((91,), 0.5),
        "labels": torch.arange(91),
    }
    monkeypatch.setattr(detector, "net", lambda pictures: [answer])
    (found,) = detector.boxes([make_photo(30, 30)], 0.3)
    assert found[:, 5].tolist() == list(range(80))
    assert [name for name in categories_of(SSD) if name not in ("N/A", "__background__")] == list(
        load_vocabulary().source_names("coco")
    )


def test_precision_changes_nothing(ssd, detector):
    half = TorchvisionDetector(CPU, "bf16", ssd[0])
    assert {p.dtype for p in half.net.parameters()} == {torch.float32}


# Which detector the weights are for.


def test_the_weights_decide(ssd, detector_weights, tmp_path):
    own = tmp_path / "own.safetensors"
    save_file(load_file(detector_weights / "detector_s.safetensors"), own, {"architecture": "DetectorNet"})
    for given, kind in (
        (ssd[0], TorchvisionDetector),
        (own, Detector),
        ([own, ssd[0]], Detector),
        ([ssd[0], own], TorchvisionDetector),
        (detector_weights, Detector),
    ):
        assert type(load_detector(CPU, "fp32", given)) is kind


def test_an_engine_takes_them_by_name(ssd, photo, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(ssd[0].parent.parent))
    engine = Engine(device="cpu", threads=1, weights=SSD)
    assert engine.detect_objects(photo, threshold=30).objects
    assert isinstance(engine.load_detector(), TorchvisionDetector)


def test_weights_of_something_else_are_refused(detector_weights, tmp_path):
    with pytest.raises(WeightsError, match="torchvision's detectors are ssdlite320"):
        TorchvisionDetector(CPU, weights=detector_weights)
    save_file({"a": torch.zeros(2)}, tmp_path / "a.safetensors", {"architecture": SSD})
    with pytest.raises(WeightsError, match=f"do not fit torchvision's {SSD}"):
        load_detector(CPU, weights=tmp_path / "a.safetensors")


@pytest.mark.cuda
def test_cuda_agrees_with_the_cpu(ssd, detector, photo):
    there = TorchvisionDetector(torch.device("cuda"), weights=ssd[0])
    expected, found = (some.boxes([photo], 0.3)[0] for some in (detector, there))
    assert len(found) == pytest.approx(len(expected), rel=0.1)
