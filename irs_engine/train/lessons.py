"""Lessons: batches of views with what the teachers say about them.

The teachers cost as much as the student, so a set of views is shown to them once and their answers are kept;
a view is a function of (photo, seed), so that its pixels need no room. Only the first stages learn from live
answers, which are cheap there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from irs_engine.train.photos import PhotoPack, random_view
from irs_engine.train.runs import ahead
from irs_engine.train.teachers import Faculty

HELD_OUT = 500  # the first views of the first store are never trained on: they are for the progress lines

# Where the student's stages end, in the teachers' list of maps (see Faculty.MAP_CHANNELS).
STAGE_MAPS = (2, 5, 9, 12, 15, 16)


@dataclass
class Lesson:
    """One batch: views or the student's own early features of them, and the targets.

    `maps` are the teacher's maps at the ends of the student's stages (None where not kept), `pooled` its (N,
    1280) vector, `logits` its (N, classes) by head.
    """

    pixels: Tensor | None
    early: Tensor | None
    maps: list[Tensor | None]
    pooled: Tensor | None
    logits: dict[str, Tensor]

    def __len__(self) -> int:
        given = self.pixels if self.early is None else self.early
        return 0 if given is None else len(given)


def held_out(photo: int) -> bool:
    """Photos of a pack that are never trained on: they are for calibration."""
    return photo % 32 == 31


class Views:
    """Numbered views of the photos of several packs; the same number gives the same pixels."""

    def __init__(self, packs: list[str], side: int, first_seed: int = 0):
        self.packs, self.side, self.first_seed = [PhotoPack(p) for p in packs], side, first_seed
        self.photos = [(pack, i) for pack in self.packs for i in range(len(pack)) if not held_out(i)]

    def photo(self, number: int) -> tuple[PhotoPack, int]:
        """The photo of a view: all of them in mixed order, then all of them again from another start."""
        lap, place = divmod(number, len(self.photos))
        start = np.random.default_rng([self.first_seed, lap, 1]).integers(len(self.photos))
        return self.photos[(place * 7919 + start) % len(self.photos)]  # 7919: a prime, to mix

    def view(self, number: int) -> np.ndarray:
        pack, index = self.photo(number)
        return random_view(pack[index], self.side, np.random.default_rng([self.first_seed, number]))

    def batch(self, numbers) -> Tensor:
        """(N, 3, side, side) in -1..1."""
        views = np.stack([self.view(int(n)) for n in numbers])
        return to_input(torch.from_numpy(views))


def to_input(views: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 to (N, 3, H, W) floats in -1..1, channels last, as all networks here take them."""
    return views.permute(0, 3, 1, 2).float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def early_lessons(
    views: Views, faculty: Faculty, batch: int, first: int, every: int, last_stage: int
) -> Iterator[Lesson]:
    """Live lessons for the first stages only: cheap, because the teacher stops early too.

    Batch `first` of the views, then every so many-th after it: the members of a team take turns.
    """

    def make(turn: int) -> Tensor:
        step = first + turn * every
        return views.batch(range(step * batch, (step + 1) * batch))

    for pixels in ahead(make):
        maps = faculty.early_maps(pixels, STAGE_MAPS[last_stage])
        yield Lesson(pixels, None, [maps[i] for i in STAGE_MAPS[: last_stage + 1]], None, {})


class LessonStore:
    """Teachers' answers and the student's early features for many views, in half-precision arrays on disk.

    Without `early_channels` the features are not kept: the whole network learns from the pixels. A store
    never shrinks: `size` is at least what it holds.
    """

    def __init__(self, folder: Path, views: Views, size: int, early_channels: int = 0):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.views, self.progress = folder, views, folder / "filled.txt"
        self.size = max(size, self.filled)
        if early_channels and self.filled and not (folder / "early.f16").exists():
            raise ValueError(f"{folder}: collected without early features, which the late phase needs")
        side = views.side
        channels = [Faculty.MAP_CHANNELS[i] for i in STAGE_MAPS]
        shapes: dict[str, tuple[int, ...]] = {"pooled": (1280,)}
        if early_channels:
            shapes["early"] = (early_channels, side // 8, side // 8)
        for stage, stride in ((2, 16), (3, 16), (4, 32), (5, 32)):
            shapes[f"map{stage}"] = (channels[stage], side // stride, side // stride)
        shapes |= {f"logits_{head}": (classes,) for head, classes in Faculty.HEADS.items()}
        self.arrays = {name: self._open(name, shape) for name, shape in shapes.items()}

    def _open(self, name: str, shape: tuple[int, ...]) -> np.memmap:
        path = self.folder / f"{name}.f16"
        return np.memmap(path, np.float16, "r+" if path.exists() else "w+", shape=(self.size, *shape))

    @property
    def filled(self) -> int:
        return int(self.progress.read_text()) if self.progress.exists() else 0

    @torch.inference_mode()
    def fill(self, faculty: Faculty, early: Callable[[Tensor], Tensor], batch: int = 50) -> Iterator[int]:
        """Ask the teachers about the views that are not there yet; yields how many are."""
        start = self.filled // batch
        for pixels in ahead(lambda step: self.views.batch(range(step * batch, (step + 1) * batch)), start):
            rows = slice(start * batch, min((start + 1) * batch, self.size))
            if rows.start >= self.size:
                return
            logits, maps = faculty(pixels)
            values = {"pooled": maps[-1].mean((2, 3))}
            if "early" in self.arrays:
                values["early"] = early(pixels)
            values |= {f"map{stage}": maps[STAGE_MAPS[stage]] for stage in (2, 3, 4, 5)}
            values |= {f"logits_{head}": value for head, value in logits.items()}
            for name, value in values.items():
                self.arrays[name][rows] = value[: rows.stop - rows.start].half().numpy()
            start += 1
            self.progress.write_text(str(rows.stop))
            yield rows.stop

    def lesson(self, rows: np.ndarray, pixels: bool = False) -> Lesson:
        """One batch by row numbers; with `pixels` the views themselves instead of the early features."""
        read = {
            name: torch.from_numpy(np.asarray(array[rows])).float()
            for name, array in self.arrays.items()
            if name != "early" or not pixels
        }
        maps = [None, None, *(read[f"map{stage}"] for stage in (2, 3, 4, 5))]
        logits = {head: read[f"logits_{head}"] for head in Faculty.HEADS}
        early = None if pixels else read["early"].contiguous(memory_format=torch.channels_last)
        return Lesson(self.views.batch(rows) if pixels else None, early, maps, read["pooled"], logits)


def lessons(
    stores: Sequence[LessonStore], batch: int, rng: np.random.Generator, pixels: bool = False
) -> Iterator[Lesson]:
    """Endless shuffled batches from all stores, each in proportion to its views."""
    firsts = [HELD_OUT] + [0] * (len(stores) - 1)
    counts = np.array([store.filled - first for store, first in zip(stores, firsts, strict=True)])

    def make(_: int) -> Lesson:
        chosen = rng.choice(len(stores), p=counts / counts.sum())
        rows = firsts[chosen] + np.sort(rng.choice(counts[chosen], batch, replace=False))
        return stores[chosen].lesson(rows, pixels)

    yield from ahead(make)
