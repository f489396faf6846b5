"""People's own detectors: from drawn photos to a file that finds what it was shown."""

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from irs_engine.errors import DatasetError, ParameterError, WeightsError
from irs_engine.train import custom_detector
from irs_engine.train.custom_detector import (
    CustomRun,
    _begin_with,
    boxes_in,
    calibrated,
    export_own,
    train,
    train_detector,
)
from irs_engine.train.datasets import read_dataset
from irs_engine.train.progress import Progress
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
    _begin_with(net, start, ("Car", "helmet"), known)
    assert torch.equal(net.stages[1][0][0].weight, start["stages.1.0.0.weight"])
    assert torch.equal(net.heads[0].classes.weight[0], start["heads.0.classes.weight"][2])
    assert torch.equal(net.heads[0].classes.weight[1], before)


def test_what_is_new_learns_fastest_and_what_is_known_slowest(tmp_path, start):
    run = new_run(tmp_path / "run", start)
    run.set_rate(1e-3, progress=0, warm_up=1)
    assert [group["lr"] for group in run.optimiser.param_groups] == pytest.approx([2.5e-4, 1e-3, 1e-2])
    learning = [value for group in run.optimiser.param_groups for value in group["params"]]
    assert {id(value) for value in learning} == {id(v) for v in run.net.parameters() if v.requires_grad}
    assert not any(value.requires_grad for value in run.net.stages[:2].parameters())


def test_it_normalises_by_what_is_known_whatever_the_batch(tmp_path, dataset, start, short):
    run = new_run(tmp_path / "run", start)
    train(dataset, run, tmp_path / "out.safetensors", epochs=1, batch=1)
    learned = run.net.state_dict()
    assert not torch.equal(learned["neck.coarse.0.weight"], start["neck.coarse.0.weight"])
    assert torch.equal(learned["neck.coarse.1.running_mean"], start["neck.coarse.1.running_mean"])


@pytest.fixture
def start_file(tmp_path, start):
    save_file(start, tmp_path / "start.safetensors", {"architecture": "DetectorNet"})
    return tmp_path / "start.safetensors"


@pytest.fixture
def drawn(tmp_path):
    return draw_dataset(tmp_path / "drawn", 16)


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self):
        self.lines, self.passed = [], []

    def line(self, text):
        self.lines.append(text)

    def passing(self, text):
        self.passed.append(text)


@pytest.fixture
def short(monkeypatch):
    """Epochs of seven steps become the number of photos by two."""
    monkeypatch.setattr(custom_detector, "LEAST_STEPS", 2)


def test_it_trains_shows_progress_stops_and_goes_on(tmp_path, drawn, start_file, short):
    out, told = tmp_path / "new" / "helmets.safetensors", Told()
    train_detector(drawn, out, start=start_file, epochs=1, batch=2, device="cpu", progress=told)
    counts, epoch, end = told.lines
    assert counts.startswith("16 photos; boxes: car ") and "helmet" in counts
    assert epoch.startswith("epoch 1 of 1  scores ") and "AP50" in epoch and epoch.endswith("best so far")
    assert str(out) in end and "step 7 of 7" in told.passed[-2]
    assert cv2.imread(str(out.with_suffix(".png"))).shape == (240, 1280, 3)  # two photos are judged by
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "helmets.png",
        "helmets.run",
        "helmets.safetensors",
    ]

    first, told = out.read_bytes(), Told()
    out.with_suffix(".run").joinpath("best.json").write_text('{"AP": [1.0], "AP50": [1.0]}')
    train_detector(drawn, out, start=start_file, epochs=2, batch=2, device="cpu", progress=told)
    assert told.lines[1] == "going on after 1 of 2 epochs" and told.lines[2].startswith("epoch 2 of 2")
    assert out.read_bytes() == first  # a worse state replaces none
    assert Detector(CPU, "fp32", out).tags == tags_of(NAMES)
    train_detector(drawn, out, start=start_file, epochs=2, batch=2, device="cpu", progress=(told := Told()))
    assert told.lines[1].startswith("all 2 epochs are done")


def test_a_kill_costs_what_came_after_the_last_state(tmp_path, dataset, start, short, monkeypatch):
    """The same steps on the same photos, whether or not it was stopped in between."""
    monkeypatch.setattr("irs_engine.train.runs.SAVING", -1)  # a state after every step

    def run_until(folder, stop):
        run = new_run(tmp_path / folder, start)
        step = run.step

        def stopping(views):
            if run.steps == stop:
                raise KeyboardInterrupt
            return step(views)

        run.step = stopping
        train(dataset, run, tmp_path / f"{folder}.safetensors", epochs=1, batch=2)
        return run

    whole = run_until("whole", stop=None)
    with pytest.raises(KeyboardInterrupt):
        run_until("killed", stop=4)
    again = run_until("killed", stop=None)
    assert again.steps == whole.steps == 7
    for one, other in zip(again.average.parameters(), whole.average.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.cuda
def test_it_trains_on_cuda_and_goes_on_anywhere(tmp_path, drawn, start_file, short):
    out, told = tmp_path / "helmets.safetensors", Told()
    train_detector(drawn, out, start=start_file, epochs=1, batch=2, device="cuda", progress=told)
    assert "AP50" in told.lines[1] and Detector(CPU, "fp32", out).tags == tags_of(NAMES)
    for epochs, device in ((2, "cuda"), (3, "cpu")):
        train_detector(drawn, out, start=start_file, epochs=epochs, batch=2, device=device, progress=told)
        assert f"going on after {epochs - 1} of {epochs} epochs" in told.lines


def test_what_is_not_a_run_of_this_is_refused(tmp_path, drawn, start_file, short):
    def run(out, **options):
        return train_detector(drawn, out, start=start_file, epochs=1, device="cpu", **options)

    with pytest.raises(ParameterError, match=r"ends in .safetensors, such as a.safetensors"):
        run(tmp_path / "a.pt")
    out = tmp_path / "helmets.safetensors"
    run(out, batch=2)
    with pytest.raises(ParameterError, match="was begun with batch 2, not 4"):
        run(out, batch=4)
    (drawn / "classes.txt").write_text("car\nhat")
    with pytest.raises(ParameterError, match="is there already, and not weights of the classes car, hat"):
        run(out, batch=2)
    (drawn / "classes.txt").write_text("\n".join(NAMES))
    out.with_suffix(".run").rename(tmp_path / "elsewhere")
    with pytest.raises(ParameterError, match=r"the folder helmets\.run of its training is not"):
        run(out, batch=2)
    assert out.exists()


def test_weights_of_something_else_are_no_start(tmp_path, drawn):
    other = tmp_path / "other.safetensors"
    for about, error in (({"architecture": "TaggerNet"}, ParameterError), ({}, WeightsError)):
        save_file({"a": torch.zeros(1)}, other, about)
        with pytest.raises(error, match=r"DetectorNet"):
            train_detector(drawn, tmp_path / "out.safetensors", start=other)


def test_one_photo_is_too_few(tmp_path):
    draw_dataset(tmp_path / "data", 1, seed=3)
    (tmp_path / "data" / "classes.txt").write_text("car")
    label = next((tmp_path / "data" / "labels").iterdir())
    label.write_text("0 0.5 0.5 0.2 0.2")
    with pytest.raises(DatasetError, match="photos: 1 are too few, 10 are needed"):
        train_detector(tmp_path / "data", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.run").exists()


def test_damaged_photos_are_named_before_anything_is_learned(tmp_path, drawn):
    photo = drawn / "images" / "3.png"
    photo.write_bytes(photo.read_bytes()[:-2000])
    with pytest.raises(DatasetError, match=r"1 problem\(s\)\n.*3.png: not a readable photo"):
        train_detector(drawn, tmp_path / "out.safetensors")


def test_a_class_that_cannot_be_learned_is_said(tmp_path, drawn):
    _, judge = read_dataset(drawn).split()
    for number, label in enumerate(sorted((drawn / "labels").iterdir())):
        kept = label.stem in [photo.path.stem for photo in judge.photos]
        label.write_text(f"{int(kept)} 0.5 0.5 0.2 0.2" if number else "")
    with pytest.raises(DatasetError, match="all photos of 'helmet' are among those kept to judge by"):
        train_detector(drawn, tmp_path / "out.safetensors")


def test_a_detector_of_ones_own_is_a_start_with_its_classes(tmp_path, drawn, start, short):
    net = DetectorNet(2, WIDTHS)
    export_own(net, tmp_path / "own.safetensors", ("helmet", "car"))
    monitor = {}

    class Seen(CustomRun):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            monitor["classes"] = self.net.heads[0].classes.weight.detach().clone()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(custom_detector, "CustomRun", Seen)
        train_detector(
            drawn, tmp_path / "o.safetensors", start=tmp_path / "own.safetensors", epochs=1, batch=8
        )
    torch.testing.assert_close(
        monitor["classes"], net.heads[0].classes.weight.detach().flip(0).half().float()
    )


def test_classes_are_tags():
    car, helmet = tags_of(NAMES)
    assert car.id == "n02958343" and car.zh
    assert (helmet.id, helmet.en, helmet.zh, helmet.kind) == ("own:helmet", "helmet", "helmet", "object")
    assert tags_of(["Red hat!"])[0].id == "own:red-hat" and tags_of(["安全帽"])[0].id == "own:安全帽"
    assert len(tags_of()) == 80


def test_judging_is_by_the_file(tmp_path, dataset):
    net = DetectorNet(2, WIDTHS)
    export_own(net, tmp_path / "a.safetensors", NAMES, (2.0, 0.5))
    found = boxes_in(dataset, tmp_path / "a.safetensors", CPU)
    assert len(found) == 16 and all(rows.shape[1:] == (6,) for rows in found)
    assert load_file(tmp_path / "a.safetensors")["heads.0.sides.weight"].dtype == torch.float16
    assert Detector(CPU, weights=tmp_path / "a.safetensors").calibration == (2.0, 0.5)


def test_confidence_is_how_often_a_box_is_right(dataset):
    """All boxes at 0.3 that are right nearly always become nearly sure ones; nothing found is no reason."""
    found = [
        np.column_stack([photo.boxes, np.full(len(photo.boxes), 0.3), photo.labels]).astype(np.float32)
        for photo in dataset.photos
    ]
    wrong = np.array([[0, 0, 9, 9, 0.06, 0]], np.float32)
    slope, shift = calibrated(dataset, [np.concatenate([rows, wrong]) for rows in found])
    confidence = 1 / (1 + np.exp(-slope * np.log(0.3 / 0.7) - shift))
    assert slope > 0 and 0.9 < confidence < 0.99
    assert calibrated(dataset, [np.zeros((0, 6), np.float32)] * 16) == (1.0, 0.0)


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
