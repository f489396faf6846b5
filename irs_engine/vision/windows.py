"""What all detectors do: look at a photo through windows, put their findings together, and name them."""

from __future__ import annotations

import itertools
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from irs_engine import _native
from irs_engine.image import Rgb
from irs_engine.results import Box, DetectedObject, DetectionResult
from irs_engine.vision.vocabulary import TagEntry, load_vocabulary

WEIGHTS = "detector_s"
MOST = 300  # boxes of a photo
MOST_OVERLAP = 0.5  # intersection over union of two boxes of one class
TILE, TILE_OVERLAP, MOST_TILES = 640, 0.25, 6  # pixels, share of a tile, tiles along a side
EDGE = 3 / 416  # share of a tile: three pixels of what the shipped network sees of it

OWN_CATEGORY = "other"  # of the classes of detectors that people trained themselves

Window = tuple[float, float, float, float]  # left, top, width, height in pixels of the photo


class WindowDetector(ABC):
    """A network that finds things in windows of photos, and what is the same whichever it is."""

    tags: tuple[TagEntry, ...]  # of its classes
    calibration: tuple[float, float] = (1.0, 0.0)  # slope and shift of the log-odds of its scores

    @abstractmethod
    def look(self, windows: Sequence[tuple[np.ndarray, Window]], threshold: float) -> list[np.ndarray]:
        """Windows of (H, W, 3) uint8 photos to rows as those of `boxes`, likeliest first."""

    def detect(self, photo: Rgb, threshold: float, tiles: bool) -> DetectionResult:
        """Things with a confidence (0..100) of at least `threshold`, the most confident first."""
        slope, shift = self.calibration
        score = _between(_sigmoid((_log_odds(threshold / 100) - shift) / slope))
        rows = self.boxes([photo.pixels], score, tiles)[0]
        return DetectionResult(self.objects(rows, photo, threshold), photo.size)

    def boxes(self, photos: Sequence[np.ndarray], threshold: float, tiles: bool = False) -> list[np.ndarray]:
        """(H, W, 3) uint8 photos to (n, 6) float32: left, top, right, bottom in pixels, score in 0..1, class.

        With `tiles`, windows of the photo are looked at as well: small things in large photos are found.
        """
        sizes = [(photo.shape[1], photo.shape[0]) for photo in photos]
        windows = [
            (number, window) for number, size in enumerate(sizes) for window in windows_of(size, tiles)
        ]
        found: list[list[np.ndarray]] = [[] for _ in photos]
        rows_of_windows = self.look([(photos[number], window) for number, window in windows], threshold)
        for (number, window), rows in zip(windows, rows_of_windows, strict=True):
            found[number].append(_whole_things(rows, window, sizes[number]))
        return [_merged(rows, size) for rows, size in zip(found, sizes, strict=True)]

    def objects(self, rows: np.ndarray, photo: Rgb, least: float) -> tuple[DetectedObject, ...]:
        """What rows of `boxes` mean, if their confidence (0..100: the calibrated score) is at least `least`.

        They are in pixels of the photo as shown; a JPEG may have been decoded smaller.
        """
        height, width = photo.pixels.shape[:2]
        across, down = photo.size[0] / width, photo.size[1] / height
        things = [self._object(row, across, down) for row in rows.tolist()]
        return tuple(thing for thing in things if thing.confidence >= least)

    def _object(self, row: list[float], across: float, down: float) -> DetectedObject:
        left, top, right, bottom, score, label = row
        tag = self.tags[int(label)]
        sides = (left * across, top * down, (right - left) * across, (bottom - top) * down)
        category = load_vocabulary().categories[tag.category]
        box = Box(*(round(side, 1) for side in sides))
        slope, shift = self.calibration
        confidence = 100 * _sigmoid(slope * _log_odds(score) + shift)
        return DetectedObject(tag.id, tag.en, tag.zh, category, box, round(confidence, 2))


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


def _log_odds(probability: float) -> float:
    inside = _between(probability)
    return math.log(inside / (1 - inside))


def _between(probability: float) -> float:
    """Neither 0 nor 1, which have no odds."""
    return min(max(probability, 1e-6), 1 - 1e-6)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


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


def in_photo(rows: np.ndarray, window: Window, size: tuple[int, int]) -> np.ndarray:
    """Boxes from pixels of a network's input, `size` being its width and height, to those of the photo."""
    left, top, width, height = window
    scale = np.array([width, height, width, height], np.float32) / np.array([*size, *size], np.float32)
    rows[:, :4] = rows[:, :4] * scale + np.array([left, top, left, top], np.float32)
    return rows


def _whole_things(rows: np.ndarray, window: Window, size: tuple[int, int]) -> np.ndarray:
    """Without those that a tile cuts off: another one sees them whole."""
    left, top, width, height = window
    inner = np.array([left > 0, top > 0, left + width < size[0] - 1, top + height < size[1] - 1])
    ends = np.array([left, top, left + width, top + height], np.float32)
    outward = np.array([-1, -1, 1, 1], np.float32)
    cut = (rows[:, :4] - ends) * outward > -EDGE * np.array([width, height, width, height], np.float32)
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
