"""Train a detector of one's own things, beginning with the weights of this package; resumable at any moment.

    irs-engine train detector --data site/ --out helmets.safetensors

`--data` is in any layout of `datasets.py`; every seventh photo is kept to judge by. After each epoch the
losses and the average precision on those are shown. The best state so far is in `--out`, and beside it a
sheet of what it finds. Stop it at any time: the same command goes on where it was, from the folder OUT.run.
"""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irs_engine.device import choose_device, choose_threads, wants_bf16
from irs_engine.draw import HUES
from irs_engine.errors import ParameterError
from irs_engine.image import read_rgb
from irs_engine.train.assign import assign
from irs_engine.train.calibrate import fit_few
from irs_engine.train.calibrate_detector import LEAST as LEAST_TELLING
from irs_engine.train.calibrate_detector import judge as judge_boxes
from irs_engine.train.datasets import Dataset, LabelledFile, Problems, check_readable, read_dataset
from irs_engine.train.depthwise import full_precision_gradients
from irs_engine.train.detection_ap import average_precision
from irs_engine.train.detection_loss import Targets, detection_losses
from irs_engine.train.detection_views import Labelled, random_view
from irs_engine.train.detector import WEIGHTS, to_input
from irs_engine.train.own_files import find_start, named_out, part_of, prepare_out, put_in_place, write_text
from irs_engine.train.progress import Progress, time_left
from irs_engine.train.runs import Run, ahead, keep_statistics, write_weights
from irs_engine.train.sheets import MOST, TRUTH, Tile, write_sheet
from irs_engine.vision.detector import SIDE, Detector
from irs_engine.vision.detector import WEIGHTS as NAME
from irs_engine.vision.nets.detector_net import DetectorNet, build_detector_net, grid, widths_of
from irs_engine.vision.vocabulary import load_vocabulary
from irs_engine.weights import read_weights, weights_about

RATE, TRUNK_SHARE = 2e-3, 0.25  # of the heads, and of it for what was learned before
NEW_SHARE = 10.0  # of the rows of new classes: they have a long way to go
FROZEN = 2  # stages of the trunk that stay as they are: edges are the same everywhere
LEAST_STEPS = 10  # of an epoch: of few photos there are several views
LOWEST_SCORE = 0.01  # of boxes that are judged
LEAST_PHOTOS = 10


class CustomRun(Run[DetectorNet]):
    """A run on the photos of one data set.

    Args:
        start: Tensors of a detector to begin with, whatever its classes are.
        known: Its classes: what they learned stays where a class has the same name.
    """

    def __init__(
        self,
        folder: Path,
        names: tuple[str, ...],
        start: Mapping[str, Tensor],
        known: Sequence[str],
        device: torch.device,
    ):
        torch.manual_seed(0)
        net = DetectorNet(len(names), widths_of(start))
        _begin_with(net, start, names, known)
        net = full_precision_gradients(net).to(device).to(memory_format=torch.channels_last)
        net.stages[:FROZEN].requires_grad_(False)
        trunk = list(net.stages[FROZEN:].parameters())
        behind = [item for item in net.named_parameters() if not item[0].startswith("stages.")]
        new = [value for name, value in behind if ".classes." in name]
        others = [value for name, value in behind if ".classes." not in name]
        groups: list[dict[str, Any]] = [
            {"params": trunk, "share": TRUNK_SHARE},
            {"params": others},
            {"params": new, "share": NEW_SHARE},
        ]
        super().__init__(folder, net, torch.optim.AdamW(groups, RATE, weight_decay=0.02), most_kept=0.99)
        self.device = device
        self.bfloat16 = wants_bf16("auto", device.type)
        centres, strides = grid(SIDE, SIDE)
        self.places = (centres.to(device), strides.to(device))

    def step(self, views: list[Labelled]) -> dict[str, float]:
        """One step; returns the losses before it."""
        pixels = to_input(np.stack([view.pixels for view in views])).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            answers = self.net(pixels)
        scores, sides = (answer.float() for answer in answers)
        boxes, labels = (
            [torch.from_numpy(np.ascontiguousarray(getattr(view, name))).to(self.device) for view in views]
            for name in ("boxes", "labels")
        )
        targets: Targets = assign(scores.detach(), sides.detach(), boxes, labels, self.places)
        losses = detection_losses(scores, sides, targets, self.places)
        self.descend(torch.stack([WEIGHTS[name] * loss for name, loss in losses.items()]).sum(), longest=5.0)
        return {name: loss.item() for name, loss in losses.items()}


def _begin_with(
    net: DetectorNet, start: Mapping[str, Tensor], names: tuple[str, ...], known: Sequence[str]
) -> None:
    own, places = net.state_dict(), {name.casefold(): place for place, name in enumerate(known)}
    for name, value in start.items():
        if name in own and own[name].shape == value.shape and ".classes." not in name:
            own[name].copy_(value)
        elif ".classes." in name:
            for row, class_name in enumerate(names):
                if class_name.casefold() in places:
                    own[name][row] = value[places[class_name.casefold()]]
    net.load_state_dict(own)


def train_detector(
    data: str | Path,
    out: str | Path,
    *,
    start: str | Path | None = None,
    epochs: int = 30,
    batch: int = 8,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, list[float]]:
    """Train on the labelled photos of a folder, or go on with it; see the top of this file.

    Args:
        start: The detector to begin with; the shipped one by default.
        batch: Photos of a step.

    Returns:
        Average precision of `out` (see `average_precision`).

    Raises:
        DatasetError: See `read_dataset`; or too few photos to learn from and to judge by.
        ParameterError: `out` is something else, or its run was begun otherwise.
    """
    progress = progress or Progress()
    where, out = choose_device(device), named_out(out)
    dataset = read_dataset(data)
    problems = Problems(Path(data))
    check_readable((photo.path for photo in dataset.photos), problems, progress)
    _check_parts(dataset, problems)
    problems.raise_any()
    prepare_out(out, DetectorNet.__name__, dataset.names)
    path = find_start(NAME, DetectorNet.__name__, start)
    tensors = {name: value for name, value in read_weights(path).items() if name != "calibration"}
    build_detector_net(tensors)  # or an error that says why not
    about = weights_about(path)
    known = json.loads(about["classes"]) if "classes" in about else load_vocabulary().source_names("coco")
    boxes = np.bincount(np.concatenate([photo.labels for photo in dataset.photos]))
    counts = ", ".join(f"{name} {count}" for name, count in zip(dataset.names, boxes, strict=True))
    progress.line(f"{len(dataset.photos)} photos; boxes: {counts}")
    folder = out.with_suffix(".run")
    _check_run(folder, out, dataset.names, batch)
    torch.set_num_threads(choose_threads())
    run = CustomRun(folder, dataset.names, tensors, known, where)
    return train(dataset, run, out, epochs, batch, progress)


def _check_parts(dataset: Dataset, problems: Problems) -> None:
    if (count := len(dataset.photos)) < LEAST_PHOTOS:
        problems.add(
            "photos", f"{count} are too few, {LEAST_PHOTOS} are needed at least, better some hundred"
        )
        return
    learn, judge = dataset.split()
    learned = {label for photo in learn.photos for label in photo.labels.tolist()}
    for label, name in enumerate(dataset.names):
        if label not in learned:
            problems.add("classes", f"all photos of {name!r} are among those kept to judge by: add some")
    if not any(len(photo.labels) for photo in judge.photos):
        problems.add("photos", "none of those kept to judge by has a box: label more photos")


def _check_run(folder: Path, out: Path, names: tuple[str, ...], batch: int) -> None:
    """Whether this is the first call, or goes on with the run that the folder holds."""
    about, wanted = folder / "run.json", {"classes": list(names), "batch": batch}
    if not about.exists():
        if out.exists():
            raise ParameterError(
                f"--out {out}: is there already, but the folder {folder.name} of its training is not, so it "
                "cannot go on; remove the file or choose another name"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_text(about, json.dumps(wanted, ensure_ascii=False))
    begun = json.loads(about.read_text(encoding="utf-8"))
    for what, value in wanted.items():
        if begun[what] != value:
            raise ParameterError(
                f"{folder}: was begun with {what} {begun[what]}, not {value}; remove it together with "
                f"{out.name} to begin anew, or choose another --out"
            )


def train(
    dataset: Dataset, run: CustomRun, out: Path, epochs: int, batch: int, progress: Progress | None = None
) -> dict[str, list[float]]:
    """Train to the end; returns the best average precision, whose state is in `out`."""
    progress = progress or Progress()
    learn, judge = dataset.split()
    steps = max(LEAST_STEPS, math.ceil(len(learn.photos) / batch))
    record = run.folder / "best.json"
    best: dict[str, list[float]] = json.loads(record.read_text()) if record.exists() else {}

    def lesson(step: int) -> list[Labelled]:
        rng = np.random.default_rng(step)
        draw = functools.partial(_drawn, learn.photos, rng)
        return [random_view(draw, rng) for _ in range(batch)]

    lessons = ahead(lesson, run.steps)
    if run.steps >= epochs * steps:
        progress.line(f"all {epochs} epochs are done; more of them with a larger --epochs")
    elif run.steps:
        progress.line(f"going on after {run.steps // steps} of {epochs} epochs")
    for epoch in range(run.steps // steps, epochs):
        losses: list[dict[str, float]] = []
        run.net.train()
        keep_statistics(run.net)
        started = time.monotonic()
        while run.steps < (epoch + 1) * steps:
            with run.timed():
                run.set_rate(RATE, run.steps / (epochs * steps), warm_up=min(100, steps))
                losses.append(run.step(next(lessons)))
            left = time_left((time.monotonic() - started) / len(losses) * (epochs * steps - run.steps))
            done = f"step {run.steps - epoch * steps} of {steps}  {left}"
            progress.passing(f"epoch {epoch + 1} of {epochs}  {done}  {_mean(losses[-10:])}")
            if run.steps < (epoch + 1) * steps:  # a state after the last step would be one of a judged epoch
                run.save_at_times()
        export_own(run.average, part_of(out), dataset.names)
        progress.passing(
            f"epoch {epoch + 1} of {epochs}  looking at the {len(judge.photos)} photos kept back"
        )
        rows = boxes_in(judge, part_of(out), run.device)
        found = average_precision(judge.photos, rows, len(judge.names))
        better = not best or _score(found) >= _score(best)
        figures = "AP {:.3f}  AP50 {:.3f}".format(*_two(found))
        progress.line(f"epoch {epoch + 1} of {epochs}  {_mean(losses)}  {figures}{'  best so far' * better}")
        if better:
            best = found
            export_own(run.average, part_of(out), dataset.names, calibrated(judge, rows))
            put_in_place(out)
            write_text(record, json.dumps(best))
            sheet(judge, out, run.device)
        run.save()
    part_of(out).unlink(missing_ok=True)
    figures = "AP {:.3f}  AP50 {:.3f}".format(*_two(best))
    progress.line(f"the best: {figures}  in {out}, a sheet of photos in {out.with_suffix('.png')}")
    return best


def _mean(losses: list[dict[str, float]]) -> str:
    return "  ".join(f"{name} {np.mean([of[name] for of in losses]):.3f}" for name in WEIGHTS)


def _score(figures: dict[str, list[float]]) -> float:
    return float(np.nan_to_num(figures["AP"][0], nan=-1.0))


def _two(figures: dict[str, list[float]]) -> tuple[float, float]:
    return figures["AP"][0], figures["AP50"][0]


def _drawn(photos: tuple[LabelledFile, ...], rng: np.random.Generator) -> Labelled:
    photo = photos[rng.integers(len(photos))]
    read = read_rgb(photo.path, at_least=2 * SIDE)
    scale = np.array(
        [read.pixels.shape[1] / read.size[0], read.pixels.shape[0] / read.size[1]] * 2, np.float32
    )
    return Labelled(read.pixels, photo.boxes * scale, photo.labels)


def boxes_in(dataset: Dataset, weights: Path, device: torch.device) -> list[np.ndarray]:
    """What a weights file finds, by the very code that users run: see `Detector.boxes`."""
    detector = Detector(device, weights=weights)
    return [detector.boxes([read_rgb(photo.path).pixels], LOWEST_SCORE)[0] for photo in dataset.photos]


def calibrated(dataset: Dataset, found: list[np.ndarray]) -> tuple[float, float]:
    """Slope and shift that make the score of a box agree with how often such a box is right."""
    scores, right = judge_boxes(dataset.photos, [rows[rows[:, 4] > LEAST_TELLING] for rows in found])
    return fit_few(scores, right) if len(scores) else (1.0, 0.0)


def sheet(dataset: Dataset, weights: Path, device: torch.device, least: float = 50) -> Path:
    """A picture of what is found in some photos, and, in grey, of what is there."""
    detector = Detector(device, weights=weights)
    ids = [tag.id for tag in detector.tags]
    tiles = []
    for photo in dataset.photos[:MOST]:
        read = read_rgb(photo.path)
        tile = Tile(read.pixels)
        for box in photo.boxes.tolist():
            tile.frame(box, TRUTH)
        for thing in detector.detect(read, least, tiles=False).objects:
            left, top, width, height = thing.box.left, thing.box.top, thing.box.width, thing.box.height
            color = HUES[ids.index(thing.id) % len(HUES)]
            tile.frame((left, top, left + width, top + height), color, f"{thing.en} {thing.confidence:.0f}")
        tiles.append(tile)
    return write_sheet(tiles, weights.with_suffix(".png"))


def export_own(
    net: DetectorNet, path: Path, names: tuple[str, ...], calibration: tuple[float, float] = (1.0, 0.0)
) -> None:
    """One file that `irs.Engine(weights=...)` takes: half precision, with the names of the classes."""
    about = {"architecture": DetectorNet.__name__, "classes": json.dumps(names, ensure_ascii=False)}
    write_weights(net, path, about, {"calibration": torch.tensor(calibration)})
