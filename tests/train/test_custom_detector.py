"""People's own detectors: from drawn photos to a file that finds what it was shown."""

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from irs_engine.errors import DatasetError
from irs_engine.train import custom_detector
from irs_engine.train.custom_detector import CustomRun, _begin_with, export_own, judged, train
from irs_engine.train.datasets import read_dataset
from irs_engine.vision.detector import Detector, tags_of
from irs_engine.vision.nets.detector_net import DetectorNet

CPU = torch.device("cpu")
WIDTHS = (16, 24, 32, 48)
NAMES = ("car", "helmet")  # the first is one of COCO's
COLORS = {0: (210, 60, 40), 1: (240, 200, 40)}


def draw_dataset(folder, count, seed=0):
    """Red rectangles and yellow discs on grey noise, in YOLO's layout."""
    rng = np.random.default_rng(seed)
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(NAMES))
    for number in range(count):
        photo = rng.normal(120, 12, (240, 320, 3)).clip(0, 255).astype(np.uint8)
        lines = []
        for _ in range(rng.integers(1, 4)):
            label = int(rng.integers(2))
            w, h = (rng.uniform(40, 90), rng.uniform(40, 90)) if label == 0 else (rng.uniform(40, 80),) * 2
            x, y = rng.uniform(w / 2, 320 - w / 2), rng.uniform(h / 2, 240 - h / 2)
            start, end = (int(x - w / 2), int(y - h / 2)), (int(x + w / 2), int(y + h / 2))
            if label == 0:
                cv2.rectangle(photo, start, end, COLORS[0], -1)
            else:
                cv2.circle(photo, (int(x), int(y)), int(w / 2), COLORS[1], -1)
            lines.append(f"{label} {x / 320:.5f} {y / 240:.5f} {w / 320:.5f} {h / 240:.5f}")
        cv2.imwrite(str(folder / "images" / f"{number}.png"), photo[..., ::-1])
        (folder / "labels" / f"{number}.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return read_dataset(draw_dataset(tmp_path_factory.mktemp("drawn") / "data", 16))


@pytest.fixture(scope="module")
def start():
    torch.manual_seed(1)
    return DetectorNet(80, WIDTHS).state_dict()


def new_run(folder, start, names=NAMES):
    return CustomRun(folder, names, start, tuple(str(i) for i in range(80)), CPU)


def test_it_begins_with_what_was_learned(start):
    net = DetectorNet(2, WIDTHS)
    known = tuple(f"class {i}" if i != 2 else "car" for i in range(80))
    before = net.heads[0].classes.weight[1].clone()
    _begin_with(net, start, NAMES, known)
    assert torch.equal(net.stages[1][0][0].weight, start["stages.1.0.0.weight"])
    assert torch.equal(net.heads[0].classes.weight[0], start["heads.0.classes.weight"][2])
    assert torch.equal(net.heads[0].classes.weight[1], before)


def test_the_trunk_learns_slower(tmp_path, start):
    run = new_run(tmp_path / "run", start)
    run.set_rate(1e-3, progress=0, warm_up=1)
    assert [group["lr"] for group in run.optimiser.param_groups] == pytest.approx([2e-4, 1e-3])


def test_it_trains_shows_progress_stops_and_goes_on(tmp_path, dataset, start, monkeypatch, caplog):
    monkeypatch.setattr(custom_detector, "LEAST_STEPS", 2)
    caplog.set_level("INFO", logger="irs_engine")  # other tests may have set its level
    out = tmp_path / "helmets.safetensors"
    train(dataset, new_run(tmp_path / "run", start), out, epochs=1, batch=2)
    assert "epoch 1 of 1  scores " in caplog.text and "AP50" in caplog.text
    assert cv2.imread(str(out.with_suffix(".png"))).shape == (240, 1280, 3)  # two photos are judged by
    (tmp_path / "run" / "best.json").write_text('{"AP": [1.0], "AP50": [1.0]}')
    first = out.read_bytes()
    again = new_run(tmp_path / "run", start)
    assert again.steps == 7  # 14 photos, two at a time
    train(dataset, again, out, epochs=2, batch=2)
    assert "epoch 2 of 2" in caplog.text and caplog.text.count("epoch 1 of") == 1
    assert out.read_bytes() == first  # a worse state replaces none
    assert Detector(CPU, "fp32", out).tags == tags_of(NAMES)


def test_a_run_of_other_classes_is_refused(tmp_path, start):
    new_run(tmp_path / "run", start)
    with pytest.raises(DatasetError, match="was begun with other classes"):
        new_run(tmp_path / "run", start, ("cat", "dog"))


def test_classes_are_tags():
    car, helmet = tags_of(NAMES)
    assert car.id == "n02958343" and car.zh
    assert (helmet.id, helmet.en, helmet.zh, helmet.kind) == ("own:helmet", "helmet", "helmet", "object")
    assert tags_of(["Red hat!"])[0].id == "own:red-hat" and tags_of(["安全帽"])[0].id == "own:安全帽"
    assert len(tags_of()) == 80


def test_judging_is_by_the_file(tmp_path, dataset, start):
    net = DetectorNet(2, WIDTHS)
    export_own(net, tmp_path / "a.safetensors", NAMES)
    found = judged(dataset, tmp_path / "a.safetensors", CPU)
    assert set(found) == {"AP", "AP50", "small", "medium", "large"} and 0 <= found["AP50"][0] < 0.5
    assert load_file(tmp_path / "a.safetensors")["heads.0.sides.weight"].dtype == torch.float16


@pytest.mark.slow
def test_it_learns_to_find(tmp_path, start):
    """From random numbers, without the shipped weights: most of what was drawn is found."""
    dataset = read_dataset(draw_dataset(tmp_path / "data", 80))
    run = new_run(tmp_path / "run", start)
    best = train(dataset, run, tmp_path / "out.safetensors", epochs=24, batch=8)
    assert best["AP50"][0] > 0.7


def test_weights_that_are_no_detector_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(Exception, match="do not fit DetectorNet"):
        Detector(CPU, weights=tmp_path / "other.safetensors")
