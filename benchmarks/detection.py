"""How well the detector finds things, beside its teachers, on photos that other people labelled.

    python benchmarks/detection.py --data coco128 --teachers teachers/ --out detection.json

`--data` has the photos and boxes of COCO's 80 classes in COCO, YOLO or Pascal VOC layout. Figures are COCO's:
AP over overlaps of 0.5 to 0.95, AP50 at 0.5 alone, and AP of small, medium and large things, with 95 %
bootstrap intervals over photos. Ours and both teachers see the same photos, each by its own preprocessing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from preprocess import machine
from torchvision.ops import batched_nms

import irs_engine
from irs_engine.device import choose_device
from irs_engine.image import read_rgb
from irs_engine.train.datasets import read_dataset
from irs_engine.train.detection_ap import FIGURES, average_precision
from irs_engine.vision.detector import MOST, MOST_OVERLAP, SIDE, Detector, select
from irs_engine.vision.nets.detector_net import grid
from irs_engine.vision.vocabulary import load_vocabulary

THRESHOLD = 0.01  # of what is judged: AP wants the unlikely ones too
GREY = 114  # of the border that YOLOX expects
Find = Callable[[np.ndarray], np.ndarray]  # (H, W, 3) RGB to rows of left, top, right, bottom, score, class


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--teachers", type=Path, metavar="DIR", help="folder of the two ONNX files")
    parser.add_argument("--weights", type=Path, help="weights to judge instead of the shipped ones")
    parser.add_argument("--no-student", action="store_true", help="the teachers alone")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--draws", type=int, default=200, help="of the bootstrap")
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    names = load_vocabulary().source_names("coco")
    photos = read_dataset(arguments.data, names).photos
    finders: dict[str, Find] = {}
    if not arguments.no_student:
        detector = Detector(choose_device(arguments.device), weights=arguments.weights)
        finders["ours"] = lambda pixels: detector.boxes([pixels], THRESHOLD)[0]
    if arguments.teachers:
        finders |= teachers(arguments.teachers)
    figures = {}
    for name, find in finders.items():
        found = [find(read_rgb(photo.path).pixels) for photo in photos]
        figures[name] = average_precision(photos, found, len(names), arguments.draws)
        cells = (f"{figure} {_percent(*figures[name][figure])}" for figure in FIGURES)
        print(f"{name:10s} {'   '.join(cells)}", flush=True)
    if arguments.out:
        about = {"version": irs_engine.__version__, "machine": machine(), "photos": len(photos)}
        arguments.out.write_text(json.dumps(about | {"figures": figures}, indent=1))


def _percent(value: float, low: float = float("nan"), high: float = float("nan")) -> str:
    return f"{100 * value:.1f} ({100 * low:.0f}-{100 * high:.0f})"


def teachers(folder: Path) -> dict[str, Find]:
    from irs_engine.train.detection_teachers import PICODET, YOLOX, PicoDet, YoloxNano

    picodet = PicoDet(folder / PICODET)
    yolox = YoloxNano(folder / YOLOX)
    centres, strides = grid(SIDE, SIDE)
    places = torch.cat([centres, strides[:, None]], 1).numpy()

    def by_picodet(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[:2]
        dense = picodet(cv2.resize(pixels, (SIDE, SIDE))[None])
        logits = torch.logit(dense.scores[0].clamp(1e-6, 1 - 1e-6)).numpy()
        rows = select(logits, dense.sides[0].numpy(), places, THRESHOLD).copy()
        rows[:, :4] *= np.array([width, height] * 2, np.float32) / SIDE
        return rows

    def by_yolox(pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[:2]
        scale = SIDE / max(height, width)
        small = cv2.resize(pixels, (round(width * scale), round(height * scale)))
        view = np.full((1, SIDE, SIDE, 3), GREY, np.uint8)
        view[0, : small.shape[0], : small.shape[1]] = small
        boxes, scores = (answer[0] for answer in yolox(view))
        place, label = (scores > THRESHOLD).nonzero(as_tuple=True)
        score = scores[place, label]
        kept = batched_nms(boxes[place] / scale, score, label, MOST_OVERLAP)[:MOST]
        rows = torch.cat([boxes[place] / scale, score[:, None], label[:, None].float()], 1)
        return rows[kept].numpy()

    return {"PicoDet-S": by_picodet, "YOLOX-nano": by_yolox}


if __name__ == "__main__":
    main()
