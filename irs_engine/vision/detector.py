"""Object detection: which things a photo shows, and where."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from irs_engine import _native
from irs_engine.image import Rgb
from irs_engine.resize import resize_normalize
from irs_engine.results import Box, DetectedObject, DetectionResult
from irs_engine.vision.nets.detector_net import SIDE  # a whole photo, or a tile, whatever its shape
from irs_engine.vision.vocabulary import TagEntry, load_vocabulary
from irs_engine.weights import find_weights, load_weights, weights_about

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WEIGHTS = "detector_s"
MEAN = STD = (0.5, 0.5, 0.5)
MOST = 300  # boxes of a photo
MOST_OVERLAP = 0.6  # intersection over union of two boxes of one class
BATCH = 8  # windows that go through the network together
TILE, TILE_OVERLAP, MOST_TILES = 640, 0.25, 6  # pixels, share of a tile, tiles along a side

OWN_CATEGORY = "other"  # of the classes of detectors that people trained themselves

Window = tuple[float, float, float, float]  # left, top, width, height in pixels of the photo


class Detector:
    """The detection network on one device. Safe to share between threads.

    Args:
        device: Where the network runs.
        precision: "fp32", "bf16", or "auto": bf16 where that is faster (CUDA, CPUs with AMX).
        weights: A .safetensors file, or a folder to look in first; the shipped ones by default.
        threads: CPU threads of the network; torch's own choice by default.
    """

    def __init__(
        self,
        device: torch.device,
        precision: str = "auto",
        weights: str | Path | None = None,
        threads: int | None = None,
    ):
        import torch

        from irs_engine.vision.nets.detector_net import build_detector_net, grid
        from irs_engine.vision.nets.packed import for_inference

        if threads:
            torch.set_num_threads(threads)
        self.device = device
        net = build_detector_net(load_weights(WEIGHTS, weights))
        self.net, self.dtype = for_inference(net, device, precision)
        centres, strides = grid(SIDE, SIDE)
        self._places = torch.cat([centres, strides[:, None]], 1).numpy()
        self._categories = load_vocabulary().categories
        about = weights_about(find_weights(WEIGHTS, weights))
        self.tags = tags_of(json.loads(about["classes"])) if "classes" in about else tags_of()

    def detect(self, photo: Rgb, threshold: float, tiles: bool) -> DetectionResult:
        """Things with a confidence (0..100) of at least `threshold`, the most confident first."""
        rows = self.boxes([photo.pixels], threshold / 100, tiles)[0]
        return DetectionResult(tuple(self._object(row) for row in rows.tolist()), photo.size)

    def boxes(self, photos: Sequence[np.ndarray], threshold: float, tiles: bool = False) -> list[np.ndarray]:
        """(H, W, 3) uint8 photos to (n, 6) float32: left, top, right, bottom in pixels, score in 0..1, class.

        With `tiles`, windows of the photo are looked at as well: small things in large photos are found.
        """
        sizes = [(photo.shape[1], photo.shape[0]) for photo in photos]
        windows = [
            (number, window) for number, size in enumerate(sizes) for window in windows_of(size, tiles)
        ]
        found: list[list[np.ndarray]] = [[] for _ in photos]
        for some in _in_parts(windows, BATCH):
            batch = np.empty((len(some), 3, SIDE, SIDE), np.float32)
            for row, (number, window) in zip(batch, some, strict=True):
                resize_normalize(photos[number], (SIDE, SIDE), box=window, mean=MEAN, std=STD, out=row)
            for (number, window), rows in zip(some, self.run(batch, threshold), strict=True):
                found[number].append(_in_photo(rows, window, sizes[number]))
        return [_merged(rows, size) for rows, size in zip(found, sizes, strict=True)]

    def run(self, batch: np.ndarray, threshold: float) -> list[np.ndarray]:
        """The network alone: (N, 3, SIDE, SIDE) float32 in -1..1 to rows as above, in pixels of its input."""
        import torch

        with torch.inference_mode():
            x = torch.from_numpy(batch).to(self.device, self.dtype, memory_format=torch.channels_last)
            logits, sides = (answer.float() for answer in self.net(x))
            if self.device.type != "cpu":
                places = torch.from_numpy(self._places).to(self.device)
                return [select_with_torch(*row, places, threshold) for row in zip(logits, sides, strict=True)]
        return [
            select(row.numpy(), sides.numpy(), self._places, threshold)
            for row, sides in zip(logits, sides, strict=True)
        ]

    def _object(self, row: list[float]) -> DetectedObject:
        left, top, right, bottom, score, label = row
        tag = self.tags[int(label)]
        box = Box(round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1))
        category = self._categories[tag.category]
        return DetectedObject(tag.id, tag.en, tag.zh, category, box, round(100 * score, 2))


def tags_of(names: Sequence[str] | None = None) -> tuple[TagEntry, ...]:
    """The tags of classes by the names that COCO, or the maker of a detector of his own, gives them."""
    vocabulary = load_vocabulary()
    coco = dict(zip(vocabulary.source_names("coco"), vocabulary.labels("coco"), strict=True))
    found = []
    for name in coco if names is None else names:
        id = coco.get(name)
        own = TagEntry(f"own:{_slug(name)}", name, name, "object", OWN_CATEGORY, ())
        found.append(own if id is None else vocabulary[id])
    return tuple(found)


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.casefold()).strip("-")


def select(logits: np.ndarray, sides: np.ndarray, places: np.ndarray, threshold: float) -> np.ndarray:
    """Answers of one picture to at most MOST rows of box, score and class, natively."""
    out = np.empty((MOST, 6), np.float32)
    return out[: _native.select_boxes(logits, sides, places, out, threshold, MOST_OVERLAP)]


def select_with_torch(logits: Tensor, sides: Tensor, places: Tensor, threshold: float) -> np.ndarray:
    """The same by torch and torchvision, on any device."""
    import torch
    from torchvision.ops import batched_nms

    from irs_engine.vision.nets.detector_net import decode_sides

    scores = logits.sigmoid()
    place, label = (scores >= threshold).nonzero(as_tuple=True)
    score, order = scores[place, label].topk(min(1000, len(place)))
    place, label = place[order], label[order]
    boxes = decode_sides(sides[place], places[place, :2], places[place, 2])
    kept = batched_nms(boxes, score, label, MOST_OVERLAP)[:MOST]
    rows = torch.cat([boxes[kept], score[kept, None], label[kept, None].float()], 1)
    return rows.cpu().numpy()


def windows_of(size: tuple[int, int], tiles: bool) -> list[Window]:
    """The whole photo, and tiles of it that overlap where it is larger than one."""
    width, height = size
    whole = (0.0, 0.0, float(width), float(height))
    columns, rows = (_starts(length) if tiles else [(0.0, float(length))] for length in size)
    parts = [(left, top, w, h) for (top, h), (left, w) in itertools.product(rows, columns)]
    return [whole] if len(parts) == 1 else [whole, *parts]


def _starts(length: int) -> list[tuple[float, float]]:
    """Where tiles begin along a side, and how long they are."""
    step = TILE * (1 - TILE_OVERLAP)
    count = min(MOST_TILES, max(1, int(np.ceil((length - TILE) / step)) + 1))
    tile = length / (1 + (count - 1) * (1 - TILE_OVERLAP))
    return [(start, tile) for start in np.linspace(0, length - tile, count).tolist()]


def _in_photo(rows: np.ndarray, window: Window, size: tuple[int, int]) -> np.ndarray:
    """Boxes from the network's input to the photo; what a tile cuts off, another one sees whole."""
    left, top, width, height = window
    scale = np.array([width, height, width, height], np.float32) / SIDE
    rows[:, :4] = rows[:, :4] * scale + np.array([left, top, left, top], np.float32)
    inner = np.array([left > 0, top > 0, left + width < size[0] - 1, top + height < size[1] - 1])
    ends = np.array([left, top, left + width, top + height], np.float32)
    outward = np.array([-1, -1, 1, 1], np.float32)
    cut = (rows[:, :4] - ends) * outward > -3 * scale  # within three pixels of the network's input
    return rows[~(cut & inner).any(1)]


def _merged(parts: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    rows = parts[0]
    if len(parts) > 1:
        rows = np.concatenate(parts)
        rows = np.ascontiguousarray(rows[np.argsort(-rows[:, 4], kind="stable")])
        if len(rows):
            rows = rows[: _native.suppress_boxes(rows, MOST_OVERLAP)][:MOST]
    rows[:, [0, 2]] = rows[:, [0, 2]].clip(0, size[0])
    rows[:, [1, 3]] = rows[:, [1, 3]].clip(0, size[1])
    return rows[((rows[:, 2:4] - rows[:, :2]) > 0).all(1)]


def _in_parts(items: list, most: int) -> list[list]:
    return [items[start : start + most] for start in range(0, len(items), most)]
