"""Average precision as COCO counts it (Lin et al. 2014), by its own tools, with intervals."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from irs_engine.train.datasets import LabelledFile

FIGURES = {"AP": 0, "AP50": 1, "small": 3, "medium": 4, "large": 5}  # places in COCO's list; shares
Rows = np.ndarray  # (n, 6) left, top, right, bottom in pixels, score, class


def average_precision(
    photos: Sequence[LabelledFile], found: Sequence[Rows], classes: int, draws: int = 0, seed: int = 0
) -> dict[str, list[float]]:
    """FIGURES of what was found in photos: [value], or [value, low, high] with `draws` of a bootstrap.

    AP is the mean over classes that are there and over overlaps of 0.5 to 0.95; small things have less than
    32 x 32 pixels, large ones more than 96 x 96. Values are nan where there is nothing to find.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        judge = _evaluated(photos, found, classes)
        values = _figures(judge, np.arange(len(photos)))
        if not draws:
            return {name: [value] for name, value in values.items()}
        rng = np.random.default_rng(seed)
        drawn = [_figures(judge, np.sort(rng.integers(len(photos), size=len(photos)))) for _ in range(draws)]
    bounds = {name: np.nanquantile([one[name] for one in drawn], (0.025, 0.975)) for name in FIGURES}
    return {name: [value, *map(float, bounds[name])] for name, value in values.items()}


def _evaluated(photos: Sequence[LabelledFile], found: Sequence[Rows], classes: int) -> Any:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": number} for number in range(len(photos))],
        "categories": [{"id": label, "name": str(label)} for label in range(classes)],
        "annotations": [
            {**_thing(number, box, label), "area": float(np.prod(box[2:] - box[:2])), "iscrowd": 0}
            for number, photo in enumerate(photos)
            for box, label in zip(photo.boxes, photo.labels.tolist(), strict=True)
        ],
    }
    for number, annotation in enumerate(truth.dataset["annotations"], 1):
        annotation["id"] = number
    truth.createIndex()
    answers = [
        {**_thing(number, row[:4], int(row[5])), "score": float(row[4])}
        for number, rows in enumerate(found)
        for row in rows
    ]
    judge = COCOeval(truth, truth.loadRes(answers) if answers else COCO(), "bbox")
    judge.params.imgIds = list(range(len(photos)))
    judge.params.catIds = list(range(classes))
    judge.evaluate()
    return judge


def _thing(number: int, box: np.ndarray, label: int) -> dict[str, Any]:
    left, top, right, bottom = map(float, box)
    return {"image_id": number, "category_id": label, "bbox": [left, top, right - left, bottom - top]}


def _figures(judge: Any, chosen: np.ndarray) -> dict[str, float]:
    """Over the chosen photos, which may be there more than once."""
    count = len(judge.params.imgIds)
    whole = judge.evalImgs
    of_photo = np.arange(len(whole)).reshape(-1, count)  # class by size, photo
    judge.evalImgs = [whole[i] for i in of_photo[:, chosen].ravel()]
    judge.accumulate()
    judge.evalImgs = whole
    judge.summarize()
    return {
        name: float(judge.stats[place]) if judge.stats[place] >= 0 else float("nan")
        for name, place in FIGURES.items()
    }
