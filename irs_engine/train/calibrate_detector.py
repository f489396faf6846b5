"""Make the detector's confidence mean what it says, and write the result into its weights file.

    python -m irs_engine.train.calibrate_detector --weights detector.safetensors --data photos/labelled

`--data` are photos with boxes, in any layout of `datasets.py`, that training never saw. Two numbers, slope
and shift of the log-odds (Platt 1999), make the score of a box agree with how often such a box is right: it
overlaps a thing of its class by half or more that no better box has taken. Boxes of classes that nobody
labelled in these photos do not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from irs_engine.image import read_rgb
from irs_engine.train.calibrate import FEWEST, fit
from irs_engine.train.datasets import LabelledFile, read_dataset
from irs_engine.train.detection_loss import overlaps
from irs_engine.train.runs import add_tensors
from irs_engine.vision.detector import Detector
from irs_engine.vision.vocabulary import load_vocabulary

LEAST = 0.05  # scores below say nothing
RIGHT = 0.5  # overlap with the thing


def judge(photos: Sequence[LabelledFile], found: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all boxes of judged classes, and whether each is right.

    Args:
        found: For each photo (n, 6) rows of box, score, class, the most confident first.
    """
    judged = {int(label) for photo in photos for label in photo.labels}
    scores, right = [], []
    for photo, rows in zip(photos, found, strict=True):
        rows = rows[[int(row[5]) in judged for row in rows]]
        common = overlaps(torch.from_numpy(rows[:, :4]), torch.from_numpy(photo.boxes)).numpy()
        common[rows[:, 5, None] != photo.labels[None]] = 0
        for row, of_row in zip(rows, common, strict=True):
            thing = int(of_row.argmax()) if len(of_row) else -1
            hit = thing >= 0 and of_row[thing] >= RIGHT
            if hit:
                common[:, thing] = 0
            scores.append(row[4])
            right.append(hit)
    return np.array(scores), np.array(right)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR")
    arguments = parser.parse_args()
    names = load_vocabulary().source_names("coco")
    detector = Detector(torch.device("cpu"), weights=arguments.weights)
    parts = []
    for folder in arguments.data:
        photos = read_dataset(folder, names).photos
        found = [detector.boxes([read_rgb(photo.path).pixels], LEAST)[0] for photo in photos]
        parts.append(judge(photos, found))
    scores, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    if len(scores) < FEWEST:
        raise SystemExit(f"{len(scores)} boxes are too few, {FEWEST} are needed")
    slope, shift = fit(scores, right)
    print(f"{len(scores)} boxes, {right.mean():.3f} right: slope {slope:.3f}, shift {shift:.3f}")
    add_tensors(arguments.weights, {"calibration": torch.tensor([slope, shift])}, arguments.weights)


if __name__ == "__main__":
    main()
