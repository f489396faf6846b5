"""Building sites with workers, drawn: photos to try the training commands with, and to test them on.

    irs-engine train sample --out site/                       boxes around heads, for a detector
    irs-engine train sample --out heads/ --as classifier      heads cut out, a folder for each kind

Every head is one of CLASSES. No photo is like another: places, weather, poses, clothes, hair, how far away
people stand and what hides them are drawn by lot, and always the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from irs_engine.errors import ParameterError
from irs_engine.train.progress import Progress
from irs_engine.train.site_workers import CLASSES, Pen, draw_worker, mixed

SIZE = (640, 480)
FINE = 2  # drawn so much larger, then reduced: smooth edges
MOST_HIDDEN = 0.35  # of a head by somebody who stands before it
LEAST_HEAD = 24  # pixels, of those that are cut out
NONE = "none"  # the classifier's folder of photos without a head

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Floor = tuple[float, float, float]  # of a scaffold: from left to right, and how high


@dataclass(frozen=True)
class Scene:
    pixels: np.ndarray  # (480, 640, 3) RGB uint8
    heads: tuple[tuple[Box, int], ...]  # where, and which of CLASSES


def draw_scene(rng: np.random.Generator) -> Scene:
    """One photo of a site, with one to seven people on it."""
    width, height = (FINE * side for side in SIZE)
    horizon = height * rng.uniform(0.3, 0.55)
    ground = _sky_and_ground(rng, *SIZE, horizon / FINE)
    sheet = Image.fromarray(cv2.resize(ground, (width, height), interpolation=cv2.INTER_LINEAR))
    pen = Pen(sheet, (0, 0), FINE)
    w, h, y = SIZE[0], SIZE[1], horizon / FINE
    if rng.random() < 0.5:
        _skyline(pen, rng, w, y)
    for _ in range(rng.integers(3)):
        _crane(pen, rng, w, y)
    floors: list[Floor] = []
    if rng.random() < 0.65:
        floors = _house(pen, rng, w, y, h)
    heads = _crowd(sheet, rng, floors, y)
    return Scene(_as_photographed(np.asarray(sheet.reduce(FINE)), rng), tuple(heads))


# What stands around.


def _sky_and_ground(rng: np.random.Generator, width: int, height: int, horizon: float) -> np.ndarray:
    top, low = [
        ((70, 130, 205), (190, 215, 240)),
        ((150, 160, 172), (205, 210, 214)),
        ((95, 110, 160), (245, 195, 140)),
    ][rng.integers(3)]
    soil = [(176, 150, 112), (150, 143, 134), (138, 112, 84), (188, 180, 168)][rng.integers(4)]
    y = np.linspace(0, 1, height)[:, None, None]
    share = np.clip(y * height / horizon, 0, 1)
    picture = np.array(top) * (1 - share) + np.array(low) * share + np.zeros((1, width, 1))
    clouds = _blotches(rng, width, height, 14, 8) + 0.6 * _blotches(rng, width, height, 40, 24)
    clouds = np.clip(clouds - rng.uniform(0, 0.8), 0, 1)[..., None] * (1 - share)
    picture += (245 - picture) * np.clip(clouds, 0, 0.85)
    # Far away everything lies closer together: the grain of the ground is stretched towards the camera.
    far = np.clip((np.arange(height) - horizon) / (height - horizon), 0, 1) ** 0.5
    x, rows = np.meshgrid(np.arange(width), far * height)
    flat = 5 * _blotches(rng, width, height, 30, 16) + 7 * _blotches(rng, width, height, 160, 80)
    grain = cv2.remap(flat, x.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    ground = np.array(soil) * (0.85 + 0.25 * y) + grain[..., None]
    return np.where(y * height > horizon, ground, picture).clip(0, 255).astype(np.uint8)


def _blotches(rng: np.random.Generator, width: int, height: int, down: int, across: int) -> np.ndarray:
    """(height, width) soft noise of about unit size: so many blotches down and across."""
    coarse = rng.normal(size=(down, across)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def _skyline(pen: Pen, rng: np.random.Generator, width: int, horizon: float) -> None:
    left = -20.0
    while left < width:
        w, h = rng.uniform(40, 110), rng.uniform(25, 0.8 * horizon)
        color = mixed((150, 160, 175), (205, 200, 195), rng.random())
        pen.box((left, horizon - h, left + w, horizon + 1), color)
        for x in np.arange(left + 6, left + w - 8, 11):
            for y in np.arange(horizon - h + 8, horizon - 8, 14):
                pen.box((x, y, x + 6, y + 8), mixed(color, (70, 90, 115), rng.uniform(0.2, 0.8)))
        left += w + rng.uniform(-4, 30)


def _crane(pen: Pen, rng: np.random.Generator, width: int, horizon: float) -> None:
    x, top, side = rng.uniform(0, width), rng.uniform(0.05, 0.4) * horizon, rng.choice([-1, 1])
    color = [(235, 180, 30), (200, 60, 45), (90, 100, 115)][rng.integers(3)]
    reach = rng.uniform(120, 300)
    for y in np.arange(top, horizon, 12):
        pen.line([(x - 5, y), (x + 5, y + 12), (x + 5, y), (x - 5, y + 12)], 1.2, color)
    for start, end in ((-0.3 * reach, reach), (-0.3 * reach, 0.0)):
        pen.line([(x + side * start, top), (x + side * end, top)], 3, color)
    pen.line([(x - side * 0.3 * reach, top), (x, top - 26), (x + side * reach, top)], 1.2, color)
    hook = x + side * reach * rng.uniform(0.4, 0.95)
    pen.line([(hook, top), (hook, top + rng.uniform(20, 0.6 * horizon))], 1, (50, 50, 55))


def _house(pen: Pen, rng: np.random.Generator, width: int, horizon: float, height: int) -> list[Floor]:
    """A wall of bricks or concrete with windows, often behind a scaffold; returns its floors to stand on."""
    left = rng.uniform(-0.2, 0.65) * width
    right = left + rng.uniform(0.4, 1.1) * width
    base = horizon + rng.uniform(0, 0.25) * (height - horizon)
    top = base - rng.uniform(0.6, 1.5) * horizon
    bricks = rng.random() < 0.6
    color = mixed((165, 85, 65), (200, 120, 85), rng.random()) if bricks else (170, 168, 162)
    pen.box((left, top, right, base), color)
    if bricks:
        for row, y in enumerate(np.arange(top, base, 7)):
            pen.line([(left, y), (right, y)], 1, mixed(color, (225, 215, 205), 0.45))
            for x in np.arange(left + row % 2 * 8, right, 16):
                pen.line([(x, y), (x, min(y + 7, base))], 1, mixed(color, (225, 215, 205), 0.35))
    for x in np.arange(left + 25, right - 45, 85):
        for y in np.arange(top + 25, base - 55, 95):
            pen.box((x - 3, y - 3, x + 43, y + 58), mixed(color, (235, 235, 230), 0.5))
            pen.box((x, y, x + 40, y + 55), mixed((40, 48, 58), (120, 150, 175), rng.random()))
    if rng.random() < 0.25:
        return []
    steel = mixed((110, 115, 122), (185, 150, 60), rng.random())
    floors = list(np.arange(base, top, -rng.uniform(85, 120)))
    for x in np.arange(left, right + 1, 70):
        pen.line([(x, top - 15), (x, base)], 3, steel)
    for floor, above in zip(floors, [*floors[1:], top], strict=True):
        pen.line([(left, floor - 38), (right, floor - 38)], 2, steel)
        pen.line([(left, floor), (left + 70, above), (left + 140, floor)], 2, steel)
        pen.box((left - 8, floor - 3, right + 8, floor + 4), (178, 142, 96))
    return [(max(left, 0), min(right, width), floor - 3) for floor in floors[1:]]


def _prop(pen: Pen, rng: np.random.Generator) -> None:
    """A thing on the ground, in units of a person's head: some of them have the colours of helmets."""
    color = [(225, 90, 30), (240, 190, 30), (205, 45, 40), (50, 90, 170), (240, 240, 235)][rng.integers(5)]
    pen.oval((0, 0), (1.3, 0.2), (70, 62, 52))
    kind = rng.integers(5)
    if kind == 0:  # a cone
        pen.shape([(-0.7, 0), (0.7, 0), (0.12, -1.9), (-0.12, -1.9)], (230, 95, 30))
        pen.shape([(-0.44, -0.7), (0.44, -0.7), (0.28, -1.2), (-0.28, -1.2)], (240, 240, 235))
    elif kind == 1:  # bricks
        for row in range(4):
            for x in np.arange(-1.2 + row * 0.15, 1 - row * 0.15, 0.62):
                pen.box(
                    (x, -0.4 * row - 0.36, x + 0.56, -0.4 * row),
                    mixed((170, 90, 65), color, 0.3 * rng.random()),
                )
    elif kind == 2:  # a barrel
        pen.box((-0.7, -2, 0.7, 0), color)
        for y in (-2, -1.4, -0.7, 0):
            pen.oval((0, y), (0.72, 0.14), mixed(color, (30, 30, 30), 0.3))
    elif kind == 3:  # a bucket, as round as a helmet
        pen.shape([(-0.45, 0), (0.45, 0), (0.6, -0.9), (-0.6, -0.9)], color)
        pen.oval((0, -0.9), (0.6, 0.14), mixed(color, (20, 20, 20), 0.5))
    else:  # a round sign on a post
        pen.line([(0, 0), (0, -3)], 0.14, (120, 122, 126))
        pen.oval((0, -3.4), (0.62, 0.62), color)
        pen.oval((0, -3.4), (0.42, 0.42), mixed(color, (255, 255, 255), 0.8))


# People.


def _crowd(
    sheet: Image.Image, rng: np.random.Generator, floors: list[Floor], horizon: float
) -> list[tuple[Box, int]]:
    """People and things from far to near; where their heads are."""
    camera = rng.uniform(5.0, 9.5)  # its height, in heads
    nearest = rng.choice([45, 75, 110])
    units = sorted(rng.uniform(15, nearest) for _ in range(rng.integers(4, 10)))
    heads: list[tuple[Box, int]] = []
    people = 0
    for number, unit in enumerate(units):
        is_last = number == len(units) - 1
        if not (is_last and not people) and (rng.random() < 0.35 or people == 7):
            x = rng.uniform(0, SIZE[0])
            _prop(Pen(sheet, (FINE * x, FINE * (horizon + camera * unit)), FINE * unit), rng)
            continue
        left, right, feet = 0.0, float(SIZE[0]), horizon + camera * unit
        if floors and rng.random() < 0.4:
            unit, (left, right, feet) = rng.uniform(12, 16), floors[rng.integers(len(floors))]
        for _ in range(12):
            x = rng.uniform(left + 0.5 * unit, right - 0.5 * unit)
            hides = (x - 1.1 * unit, feet - 7.4 * unit, x + 1.1 * unit, feet)
            top = feet - 7.3 * unit
            free = all(_covered(box, hides) <= MOST_HIDDEN for box, _ in heads)
            if free and -0.3 * unit < top < SIZE[1] - 1.2 * unit:
                pen = Pen(sheet, (FINE * x, FINE * feet), FINE * unit)
                label = int(rng.random() < 0.45)
                found = np.array(draw_worker(pen, rng, label)) / FINE
                left, top, right, bottom = found.clip(0, [*SIZE, *SIZE]).tolist()
                heads.append(((left, top, right, bottom), label))
                people += 1
                break
    return heads


def _covered(box: Box, by: Box) -> float:
    """Share of a box that lies inside another."""
    w, h = (min(box[i + 2], by[i + 2]) - max(box[i], by[i]) for i in (0, 1))
    return max(w, 0) * max(h, 0) / max((box[2] - box[0]) * (box[3] - box[1]), 1e-6)


def _as_photographed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light from one side, its colour, corners, a lens and the noise of a sensor."""
    h, w = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    light = (
        1 + rng.uniform(-0.18, 0.18) * x + rng.uniform(-0.1, 0.1) * y - rng.uniform(0, 0.15) * (x * x + y * y)
    )
    light = light[..., None] * rng.uniform(0.7, 1.1) * rng.normal(1, [0.05, 0.02, 0.07])
    seen = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), rng.uniform(0.3, 1.1)) * light
    seen += rng.normal(0, rng.uniform(2, 8), seen.shape)
    return seen.clip(0, 255).astype(np.uint8)


# Files.


def write_detector_data(folder: Path, photos: int, seed: int = 0, progress: Progress | None = None) -> None:
    """Photos with boxes around heads in YOLO's layout: images/, labels/ and data.yaml.

    Raises:
        ParameterError: The folder has something in it.
    """
    progress = progress or Progress()
    _make(folder, "images", "labels")
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(CLASSES))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}", "utf-8")
    scale = np.array([*SIZE, *SIZE])
    for number in range(photos):
        rng = np.random.default_rng([seed, number])
        scene = draw_scene(rng)
        lines = []
        for box, label in scene.heads:
            left, top, right, bottom = box / scale
            shares = ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
            lines.append(" ".join([str(label), *(f"{share:.5f}" for share in shares)]) + "\n")
        name = f"site_{number + 1:04}"
        (folder / "labels" / f"{name}.txt").write_text("".join(lines), "utf-8")
        _save(scene.pixels, folder / "images" / f"{name}.jpg", rng)
        progress.passing(f"{number + 1} of {photos} photos drawn")


def write_classifier_data(folder: Path, photos: int, seed: int = 0, progress: Progress | None = None) -> None:
    """Parts of photos in a folder for each of CLASSES, and in NONE parts without a head: as many of each.

    Raises:
        ParameterError: The folder has something in it.
    """
    kinds = (*CLASSES, NONE)
    progress = progress or Progress()
    _make(folder, *kinds)
    wanted = {kind: len(range(place, photos, len(kinds))) for place, kind in enumerate(kinds)}
    written = dict.fromkeys(kinds, 0)
    scenes = 0
    while written != wanted:
        rng = np.random.default_rng([seed, scenes])
        scenes += 1
        scene = draw_scene(rng)
        for kind, part in _parts(scene, rng):
            if written[kind] < wanted[kind]:
                written[kind] += 1
                _save(part, folder / kind / f"{written[kind]:04}.jpg", rng)
                progress.passing(f"{sum(written.values())} of {photos} photos drawn")


def _parts(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """A square around each head that is large enough and alone in it, and one in which there is none."""
    for box, label in scene.heads:
        head = max(box[2] - box[0], box[3] - box[1])
        window = _window(
            (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, head * rng.uniform(1.5, 2.6), head, rng
        )
        alone = all(_covered(other, window) < 0.2 for other, _ in scene.heads if other != box)
        if head > LEAST_HEAD and alone and _covered(box, window) > 0.9:
            yield CLASSES[label], _cut(scene.pixels, window)
    for _ in range(8):
        side = rng.uniform(70, 260)
        window = _window(rng.uniform(0, SIZE[0]), rng.uniform(0, SIZE[1]), side, 0, rng)
        if not any(_covered(box, window) for box, _ in scene.heads):
            yield NONE, _cut(scene.pixels, window)
            return


def _window(x: float, y: float, side: float, jitter: float, rng: np.random.Generator) -> Box:
    """A square around a place, nearly, moved into the photo."""
    x, y = (at + rng.uniform(-0.2, 0.2) * jitter for at in (x, y))
    left, top = (float(np.clip(at - side / 2, 0, most - side)) for at, most in zip((x, y), SIZE, strict=True))
    return left, top, left + side, top + side


def _cut(pixels: np.ndarray, window: Box) -> np.ndarray:
    left, top, right, bottom = map(round, window)
    return pixels[top:bottom, left:right]


def _make(folder: Path, *parts: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(f"{folder}: there is something already; give a folder that is new or empty")
    for part in parts:
        (folder / part).mkdir(parents=True)


def _save(pixels: np.ndarray, path: Path, rng: np.random.Generator) -> None:
    Image.fromarray(pixels).save(path, quality=int(rng.integers(80, 96)))
