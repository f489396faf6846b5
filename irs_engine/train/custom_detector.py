"""Train a detector of one's own things, beginning with the weights of this package; resumable at any moment.

    python -m irs_engine.train.custom_detector --data helmets/ --out helmets.safetensors --epochs 30

`--data` is in any layout of `datasets.py`; every seventh photo is kept to judge by. After each epoch the
losses and the average precision on those are shown. The best state so far is in `--out`, and beside it a
sheet of what it finds. Stop it at any time: the same command goes on where it was, from the folder OUT.run.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from irs_engine.device import choose_device, wants_bf16
from irs_engine.errors import DatasetError
from irs_engine.image import read_rgb
from irs_engine.train.assign import assign
from irs_engine.train.datasets import Dataset, LabelledFile, read_dataset
from irs_engine.train.depthwise import full_precision_gradients
from irs_engine.train.detection_ap import average_precision
from irs_engine.train.detection_loss import Targets, detection_losses
from irs_engine.train.detection_views import Labelled, random_view
from irs_engine.train.detector import WEIGHTS, to_input
from irs_engine.train.runs import Run, ahead, write_weights
from irs_engine.vision.detector import SIDE, Detector
from irs_engine.vision.nets.detector_net import DetectorNet, grid, widths_of
from irs_engine.vision.vocabulary import load_vocabulary
from irs_engine.weights import load_weights

log = logging.getLogger(__name__)

RATE, TRUNK_SHARE = 1e-3, 0.2  # of the heads, and of it for what was learned before
LEAST_STEPS = 10  # of an epoch: of few photos there are several views
LOWEST_SCORE = 0.01  # of boxes that are judged
SHEET = (4, 3)  # photos across and down


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
        known: tuple[str, ...],
        device: torch.device,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        about = folder / "classes.json"
        if about.exists() and tuple(json.loads(about.read_text(encoding="utf-8"))) != names:
            raise DatasetError(
                f"{folder}: was begun with other classes than {', '.join(names)}; remove it or choose another"
            )
        about.write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        torch.manual_seed(0)
        net = DetectorNet(len(names), widths_of(start))
        _begin_with(net, start, names, known)
        net = full_precision_gradients(net).to(device).to(memory_format=torch.channels_last)
        trunk = list(net.stages.parameters())
        others = [*net.neck.parameters(), *net.heads.parameters()]
        groups: list[dict[str, Any]] = [{"params": trunk, "share": TRUNK_SHARE}, {"params": others}]
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
    net: DetectorNet, start: Mapping[str, Tensor], names: tuple[str, ...], known: tuple[str, ...]
) -> None:
    own = net.state_dict()
    for name, value in start.items():
        if name in own and own[name].shape == value.shape and ".classes." not in name:
            own[name].copy_(value)
        elif ".classes." in name:
            for row, class_name in enumerate(names):
                if class_name in known:
                    own[name][row] = value[known.index(class_name)]
    net.load_state_dict(own)


def train(dataset: Dataset, run: CustomRun, out: Path, epochs: int, batch: int) -> dict[str, list[float]]:
    """Train to the end; returns the best average precision, whose state is in `out`."""
    learn, judge = dataset.split()
    steps = max(LEAST_STEPS, math.ceil(len(learn.photos) / batch))
    record = run.folder / "best.json"
    best: dict[str, list[float]] = json.loads(record.read_text()) if record.exists() else {}

    def lesson(step: int) -> list[Labelled]:
        rng = np.random.default_rng(step)
        draw = functools.partial(_drawn, learn.photos, rng)
        return [random_view(draw, rng) for _ in range(batch)]

    lessons = ahead(lesson, run.steps)
    for epoch in range(run.steps // steps, epochs):
        sums: dict[str, float] = {}
        run.net.train()
        while run.steps < (epoch + 1) * steps:
            with run.timed():
                run.set_rate(RATE, run.steps / (epochs * steps), warm_up=min(100, steps))
                for name, loss in run.step(next(lessons)).items():
                    sums[name] = sums.get(name, 0) + loss / steps
        part = out.with_suffix(".part.safetensors")
        export_own(run.average, part, dataset.names)
        found = judged(judge, part, run.device)
        losses = "  ".join(f"{name} {value:.3f}" for name, value in sums.items())
        log.info("epoch %d of %d  %s  AP %.3f  AP50 %.3f", epoch + 1, epochs, losses, *_two(found))
        if not best or _two(found)[0] >= _two(best)[0]:
            best = found
            part.replace(out)
            record.write_text(json.dumps(best))
            sheet(judge, out, run.device)
        run.save()
    return best


def _two(figures: dict[str, list[float]]) -> tuple[float, float]:
    return figures["AP"][0], figures["AP50"][0]


def _drawn(photos: tuple[LabelledFile, ...], rng: np.random.Generator) -> Labelled:
    photo = photos[rng.integers(len(photos))]
    return Labelled(read_rgb(photo.path).pixels, photo.boxes, photo.labels)


def judged(dataset: Dataset, weights: Path, device: torch.device) -> dict[str, list[float]]:
    """Average precision of a weights file, by the very code that users run."""
    detector = Detector(device, weights=weights)
    found = [detector.boxes([read_rgb(photo.path).pixels], LOWEST_SCORE)[0] for photo in dataset.photos]
    return average_precision(dataset.photos, found, len(dataset.names))


def sheet(dataset: Dataset, weights: Path, device: torch.device, least: float = 0.4) -> Path:
    """A picture of what is found in the first photos, and, in grey, of what is there."""
    detector = Detector(device, weights=weights)
    tiles = []
    for photo in dataset.photos[: SHEET[0] * SHEET[1]]:
        pixels = read_rgb(photo.path).pixels
        scale = min(320 / pixels.shape[1], 240 / pixels.shape[0])
        tile = np.full((240, 320, 3), 255, np.uint8)
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        tile[: small.shape[0], : small.shape[1]] = small[:240, :320]
        for box in photo.boxes * scale:
            _frame(tile, box, (160, 160, 160), "")
        for *box, score, label in detector.boxes([pixels], least)[0].tolist():
            text = f"{dataset.names[int(label)]} {100 * score:.0f}"
            _frame(tile, np.array(box) * scale, (20, 160, 90), text)
        tiles.append(tile)
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % SHEET[0])
    rows = [np.concatenate(tiles[i : i + SHEET[0]], 1) for i in range(0, len(tiles), SHEET[0])]
    path = weights.with_suffix(".png")
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])
    return path


def _frame(tile: np.ndarray, box: np.ndarray, color: tuple[int, int, int], text: str) -> None:
    left, top, right, bottom = (int(value) for value in box)
    cv2.rectangle(tile, (left, top), (right, bottom), color, 2)
    cv2.putText(
        tile, text, (left + 2, max(12, top - 4)), cv2.FONT_HERSHEY_SIMPLEX, 0.42, color, 1, cv2.LINE_AA
    )


def export_own(net: DetectorNet, path: Path, names: tuple[str, ...]) -> None:
    """One file that `irs.Engine(weights=...)` takes: half precision, with the names of the classes."""
    about = {"architecture": DetectorNet.__name__, "classes": json.dumps(names, ensure_ascii=False)}
    write_weights(net, path, about)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".safetensors")
    parser.add_argument("--start", type=Path, help="weights to begin with; the shipped ones by default")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    dataset = read_dataset(arguments.data)
    known = load_vocabulary().source_names("coco")
    run = CustomRun(
        arguments.out.with_suffix(".run"),
        dataset.names,
        load_weights("detector_s", arguments.start),
        known,
        choose_device(arguments.device),
    )
    train(dataset, run, arguments.out, arguments.epochs, arguments.batch)


if __name__ == "__main__":
    main()
