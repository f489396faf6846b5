"""Crops that the recapture network learns from: simulated pairs and whole views, and real photos.

What tells a recapture in the simulator but not on photos is taken away here: differences in sharpness,
contrast, light and compression, detail that real crops do not have, patterns stronger than most real ones.
"""

from __future__ import annotations

import functools
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from irs_engine.train.optics.display import LAYOUTS
from irs_engine.train.recapture_simulator import KINDS, jpeg
from irs_engine.train.whole_views import WholeViews
from irs_engine.vision.nets.recapture_net import CLASSES, SIDE
from irs_engine.vision.recapture_crops import large_enough, whole_view

WHOLE_SHARE = 0.35  # of crops of real photos: those that show all of it
SENT = (600, 1700)  # pixels on the longer side of a photo that was sent by a messenger
CLASS_OF_KIND = torch.tensor([0 if kind == "original" else 1 if kind in LAYOUTS else 2 for kind in KINDS])


class Views:
    """Pairs of the simulator, held out and to learn from; looks for new ones now and then."""

    HELD_OUT = 20  # files

    def __init__(self, folder: Path, without: str | None = None):
        self.folder, self.without = folder, without
        self.seen: set[Path] = set()
        self.originals: list[np.ndarray] = []
        self.recaptures: list[np.ndarray] = []
        self.kinds: list[int] = []
        self.look()

    def look(self) -> None:
        for file in sorted(set(self.folder.glob("*.npz")) - self.seen):
            if time.time() - file.stat().st_mtime < 5:
                continue  # perhaps still being written
            with np.load(file) as pairs:
                rows = zip(pairs["originals"], pairs["recaptures"], pairs["kinds"].tolist(), strict=True)
                for original, recapture, kind in rows:
                    if CLASSES[CLASS_OF_KIND[kind]] != self.without:
                        self.originals.append(original)
                        self.recaptures.append(recapture)
                        self.kinds.append(kind)
            self.seen.add(file)

    def draw(self, count: int, rng: np.random.Generator, held_out: bool = False) -> tuple[np.ndarray, Tensor]:
        """(2 count, SIDE, SIDE, 3) crops, originals first, and their classes."""
        kept = 3 * self.HELD_OUT
        numbers = np.arange(count) if held_out else rng.integers(kept, len(self.kinds), count)
        rng = np.random.default_rng(0) if held_out else rng
        pairs = []
        for number in numbers:
            seed = rng.integers(2**31)  # both of a pair are cut, turned and mirrored alike
            both = (self.originals[number], self.recaptures[number])
            first, second = (_turned(view, np.random.default_rng(seed)) for view in both)
            twins = are_twins(first, second)
            pairs.append(faded(first, second, rng) if twins else alike(first, second))
        crops = [disguised(pair[place], rng) for place in (0, 1) for pair in pairs]
        kinds = torch.tensor([0] * count + [self.kinds[number] for number in numbers])
        return np.stack(crops), CLASS_OF_KIND[kinds]


def _turned(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop of it, turned by right angles, mirrored."""
    top, left = (int(rng.integers(length - SIDE + 1)) for length in view.shape[:2])
    crop = np.rot90(view[top : top + SIDE, left : left + SIDE], int(rng.integers(4)))
    return np.ascontiguousarray(crop[:, ::-1] if rng.random() < 0.5 else crop)


def are_twins(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether both show the same thing from the same place (`recapture_simulator.twins`)."""
    shrunk = (cv2.resize(crop, (12, 12), interpolation=cv2.INTER_AREA) for crop in (first, second))
    ours, theirs = (crop.astype(float).ravel() for crop in shrunk)
    return min(ours.std(), theirs.std()) > 1 and bool(np.corrcoef(ours, theirs)[0, 1] > 0.97)


def faded(original: np.ndarray, twin: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Twins with less detail, such as walls and skies have, and a weaker pattern, as most real ones are."""
    scene: np.ndarray = original.astype(np.float32)
    pattern = (twin - scene) * np.float32(np.exp(rng.uniform(math.log(0.2), 0)))
    if rng.random() < 0.6:
        coarse = max(8, int(SIDE / np.exp(rng.uniform(math.log(2), math.log(24)))))
        small = cv2.resize(scene, (coarse, coarse), interpolation=cv2.INTER_AREA)
        scene = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return _to_bytes(scene), _to_bytes(scene + pattern)


def alike(original: np.ndarray, recapture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs, both as soft and as poor in contrast as the softer and the poorer one of them.

    A simulated recapture is softer and duller than its original. Of what people photograph, a wall or the sky
    is softer and duller than what they show on screens: a network that learns from this goes astray.
    """
    crops: list[np.ndarray] = [original.astype(np.float32), recapture.astype(np.float32)]
    rough = [_roughness(crop) for crop in crops]
    sharper = int(rough[1] > rough[0])
    sharp = crops[sharper]
    for deviation in (0.5, 0.7, 0.9, 1.2, 1.6, 2.2):
        if _roughness(crops[sharper]) <= rough[1 - sharper]:
            break
        crops[sharper] = cv2.GaussianBlur(sharp, (0, 0), deviation)
    means, spreads = zip(*(cv2.meanStdDev(crop) for crop in crops), strict=True)
    contrast = [max(float(spread.mean()), 1.0) for spread in spreads]
    richer = int(contrast[1] > contrast[0])
    mean = means[richer].ravel().astype(np.float32)
    crops[richer] = mean + (crops[richer] - mean) * np.float32(contrast[1 - richer] / contrast[richer])
    return _to_bytes(crops[0]), _to_bytes(crops[1])


def _to_bytes(crop: np.ndarray) -> np.ndarray:
    return np.clip(crop + 0.5, 0, 255).astype(np.uint8)


def _roughness(crop: np.ndarray) -> float:
    """Energy of the finest details as a share of all."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    fine, all_of_it = (float(cv2.meanStdDev(x)[1][0, 0]) for x in (cv2.Laplacian(grey, cv2.CV_32F), grey))
    return fine / max(all_of_it, 4.0)


def disguised(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In other light and colours, softer or noisier, compressed once more: what tells no recapture."""
    x: np.ndarray = crop.astype(np.float32) / 255
    if rng.random() < 0.25:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.9:
        x = cv2.pow(x, np.exp(rng.uniform(-0.5, 0.5)))
        grey = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None]
        x = grey + (x - grey) * np.float32(rng.uniform(0.2, 1.4))
        # Real crops have half the contrast of simulated ones.
        span = np.exp(rng.uniform(math.log(0.25), math.log(1.2)))
        low = rng.uniform(-0.1, max(-0.05, 1.05 - span))
        x = low + x * (span * np.exp(rng.uniform(-0.1, 0.1, 3))).astype(np.float32)
    if rng.random() < 0.4:
        x = x + rng.normal(0, np.exp(rng.uniform(math.log(0.002), math.log(0.03))), x.shape).astype(
            np.float32
        )
    crop = (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)
    return jpeg(crop, int(rng.integers(50, 96))) if rng.random() < 0.6 else crop


class WholeLessons:
    """Simulated whole views (`whole_views.py`), as small as the network sees them."""

    def __init__(self, folders: list[Path], without: str | None = None):
        self.views, self.without = WholeViews(folders), without

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, Tensor]:
        """(count, SIDE, SIDE, 3) views, and their classes."""
        crops: list[np.ndarray] = []
        labels: list[int] = []
        while len(crops) < count:
            view, label = self.views.draw(rng)
            if CLASSES[label] != self.without:
                seen = whole_view(view)
                crops.append(disguised(seen, rng) if rng.random() < 0.5 else seen)
                labels.append(label)
        return np.stack(crops), torch.tensor(labels)


TRIES = 200  # photos in a row that cannot be read, before it is no accident


class RealCrops:
    """Crops of real photos in folders named after CLASSES, every class and folder alike often."""

    def __init__(self, folders: list[Path], without: str | None = None):
        self.groups = []
        for folder in folders:
            for label, name in enumerate(CLASSES):
                if name == without:
                    continue
                if files := photos_of(folder, name):
                    self.groups.append((label, files))

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, Tensor]:
        if not self.groups:
            raise ValueError(f"no photos in folders called {', '.join(CLASSES)}")
        crops: list[np.ndarray] = []
        labels: list[int] = []
        there = sorted({label for label, _ in self.groups})
        unreadable = 0  # in a row
        while len(crops) < count:
            label = there[rng.integers(len(there))]
            groups = [files for of, files in self.groups if of == label]
            files = groups[rng.integers(len(groups))]
            photo = _read_to_send(files[rng.integers(len(files))])
            unreadable = 0 if photo is not None else unreadable + 1
            if unreadable == TRIES:
                raise ValueError(f"none of {TRIES} real photos can be read")
            if photo is not None:
                crops.append(disguised(jpeg(_real_crop(photo, label, rng), int(rng.integers(60, 96))), rng))
                labels.append(label)
        return np.stack(crops), torch.tensor(labels)


def photos_of(folder: Path, name: str) -> list[Path]:
    """Files of a class of a source; none where it has no such folder."""
    return sorted((folder / name).glob("*")) if (folder / name).is_dir() else []


def _real_crop(photo: np.ndarray, label: int, rng: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE, 3) of a photo that was sent, at times all of it (`recapture_crops.whole_view`)."""
    if rng.random() < WHOLE_SHARE:
        return _turned(whole_view(photo), rng)
    scale = min(1.0, rng.uniform(*SENT) / max(photo.shape[:2]))
    # Originals that may be learned from are mostly barcodes: of those, the plainest places.
    tries = 4 if label == 0 and rng.random() < 0.7 else 1
    windows = [_window(photo, SIDE / scale, rng) for _ in range(tries)]
    window = min(windows, key=np.std) if tries > 1 else windows[0]
    return _turned(large_enough(_scaled(window, scale)), rng)


def _window(photo: np.ndarray, side: float, rng: np.random.Generator) -> np.ndarray:
    """At random, of so many pixels or a few more each way, as far as there are."""
    height, width = (min(length, math.ceil(side) + 8) for length in photo.shape[:2])
    top, left = rng.integers(photo.shape[0] - height + 1), rng.integers(photo.shape[1] - width + 1)
    return photo[top : top + height, left : left + width]


@functools.lru_cache(maxsize=800)
def _read_to_send(file: Path) -> np.ndarray | None:
    """As large as it will ever be sent: some gigabytes of memory instead of a tenth of a second each time."""
    photo = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    return photo if photo is None else _scaled(photo, SENT[1] / max(photo.shape[:2]))


def _scaled(photo: np.ndarray, scale: float) -> np.ndarray:
    return cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else photo


def sent(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As messengers send photos: no class keeps a size or a compression of its own."""
    photo = _scaled(photo, rng.uniform(*SENT) / max(photo.shape[:2]))
    return jpeg(photo, int(rng.integers(60, 96)))
