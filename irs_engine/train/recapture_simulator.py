"""Photos of things, and photos of photos of them: pairs that differ in nothing but the recapture.

    python -m irs_engine.train.recapture_simulator --photos DIR ... --sheet sheet.png      look at pairs
    python -m irs_engine.train.recapture_simulator --photos DIR ... --out views --minutes 30   make many

An original is a real photo, or a scene seen by a simulated camera. Its recapture is that original on a
display or on paper, seen by another camera; of twins, the same thing by the same camera, but for the pixels
of a display or the dots of a print. Both are then shrunk, compressed and sent on in the same way.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from irs_engine.train.optics import prints
from irs_engine.train.optics.camera import photograph, scene_of
from irs_engine.train.optics.display import LAYOUTS, Panel, show
from irs_engine.train.optics.draws import clouds, happens, log_uniform, to_srgb, uniform
from irs_engine.train.optics.geometry import look_at_plane, sample
from irs_engine.train.optics.labels import label_scene
from irs_engine.train.optics.pages import page_scene
from irs_engine.train.optics.prints import show_print, with_and_without_dots

log = logging.getLogger(__name__)

SIDE = 288  # of the pictures that come out
SCENE = 1100  # of the scenes, as far as photos are large enough
SHRINKING = (1.0, 1.25, 1.6, 2.2, 2.5, 3.2)  # from the sensor to what comes out; messengers send 1/2.5
LEAST_REAL = 634  # of photos that are originals as they are, and no less than the window
LABEL_SHARE, PAGE_SHARE, PRINT_SHARE, REAL_SHARE = 0.2, 0.1, 0.4, 0.4
TWIN_SHARE, OVERLAID_SHARE = 0.5, 0.4
MAGNIFY = 5.0  # at most so many pixels of the sensor for one of what a display or a sheet shows
LEAST_SEEN = 1.5  # levels by which twins differ on average
TRIES = 500  # files in a row that are no large photos, before it is no accident
KINDS = ("original", *LAYOUTS, *prints.KINDS)


class Scenes:
    """Photos of at least so many pixels from folders, at random, some with a label in front."""

    def __init__(self, folders: list[Path], seed: int, least: int = 720):
        self.files = photos_in(folders)
        self.rng = np.random.default_rng(seed)
        self.least = least

    def photo(self) -> np.ndarray:
        """(h, w, 3) RGB uint8.

        Raises:
            ValueError: None of TRIES files in a row is a photo that large.
        """
        for _ in range(TRIES if self.files else 0):
            file = self.files[self.rng.integers(len(self.files))]
            photo = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
            if (
                photo is not None
                and min(photo.shape[:2]) >= self.least // 2
                and max(photo.shape[:2]) >= self.least
            ):
                return photo
        raise ValueError(
            f"no photos of {self.least} x {self.least // 2} pixels and more among {len(self.files)} files"
        )

    def batch(self, count: int, least_real: int) -> tuple[Tensor, Tensor]:
        """(count, 3, SCENE, SCENE) sRGB scenes in 0..1, and which are real photos, pixel for pixel, at least
        `least_real` pixels each way."""
        scenes, real = [], []
        for _ in range(count):
            square = _square(self.photo(), self.rng)
            kind = self.rng.random()
            drawn = (
                label_scene if kind < LABEL_SHARE else page_scene if kind < LABEL_SHARE + PAGE_SHARE else None
            )
            real.append(not drawn and len(square) >= least_real and bool(self.rng.random() < REAL_SHARE))
            scenes.append(drawn(square, SCENE, self.rng) if drawn else _scene(square, real[-1]))
        batch = torch.from_numpy(np.stack(scenes)).permute(0, 3, 1, 2).float() / 255
        return batch, torch.tensor(real)


def photos_in(folders: list[Path]) -> list[Path]:
    """Files that are photos by their names, in these folders and all below."""
    names = (".jpg", ".jpeg", ".png")
    return sorted(file for folder in folders for file in folder.rglob("*") if file.suffix.lower() in names)


def _square(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The largest square of it, at its own resolution, at random along the longer side."""
    side = min(photo.shape[:2])
    top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[:2])
    return photo[top : top + side, left : left + side]


def _scene(square: np.ndarray, real: bool) -> np.ndarray:
    """(SCENE, SCENE, 3): a real photo keeps its pixels, its middle is what is used."""
    if not real:
        shrinks = len(square) > SCENE
        return cv2.resize(
            square, (SCENE, SCENE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
    extra = SCENE - len(square)
    if extra <= 0:
        start = -extra // 2
        return square[start : start + SCENE, start : start + SCENE]
    return cv2.copyMakeBorder(
        square, extra // 2, extra - extra // 2, extra // 2, extra - extra // 2, cv2.BORDER_REFLECT
    )


def simulate(
    scenes: Scenes, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Either `pairs` or `twins` of so many scenes."""
    tail = Tail(SHRINKING[rng.integers(len(SHRINKING))], rng)
    make = twins if rng.random() < TWIN_SHARE else pairs
    return make(*scenes.batch(count, max(LEAST_REAL, tail.side)), tail, rng)


def pairs(
    scenes: Tensor, real: Tensor, tail: Tail, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(n, SIDE, SIDE, 3) originals and recaptures in uint8, and the kind of each recapture."""
    side = tail.side
    original = _stored(first_photo(scenes, real, side), rng)
    around = scenes.roll(1, 0)
    # So much of the original as fills the window, mostly.
    enough = side * rng.uniform(1, 1.7)
    least = max(0.8, enough / max(LEAST_REAL, side))
    magnify = float(np.exp(rng.uniform(math.log(least), math.log(MAGNIFY))))
    shown_side = int(enough / magnify)
    given = _stored(first_photo(scenes, real, shown_side), rng)
    shown = (show_print if rng.random() < PRINT_SHARE else show)(
        _fit(given, side, magnify), around, side, magnify
    )
    recaptured = _stored(photograph(shown.radiance, shown.blur, shown.detail), rng)
    return tail(original), tail(recaptured), shown.kind


def twins(
    scenes: Tensor, real: Tensor, tail: Tail, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """As `pairs`, of the same thing by the same camera: nothing but pixels or dots tells the two apart.

    What else a recapture has, such as softer edges, other colours, or less contrast, ordinary photos have as
    well; a network that has only seen `pairs` relies on it, and fails on photos. Twins that look alike after
    all are left out.
    """
    count, side = len(scenes), tail.side
    # Some are real photos, with all that the simulated camera has not; the pattern is laid over them.
    overlaid = rng.random() < OVERLAID_SHARE
    light = 0.8 * scene_of(_middle(scenes, side)) if overlaid else _seen_by_sensor(scenes, side)
    blur = uniform(count, 0.35, 1.3)
    lights: list[tuple[Tensor, Tensor | None]]  # radiance and its detail, of the original and of its twin
    if rng.random() < PRINT_SHARE and not overlaid:
        dotted, even, kinds = with_and_without_dots(to_srgb(light), blur)
        lights = [(even, None), (dotted, None)]
    else:
        panel = Panel(look_at_plane(count, side, 45, 0.25))
        lights, kinds = [(light, None), (light, panel.pattern(blur))], panel.names
    state, quality = torch.get_rng_state(), rng.integers(2**31)
    taken = []
    for radiance, detail in lights:
        torch.set_rng_state(state)
        whole = radiance if detail is None else radiance * detail
        picture = to_srgb(whole) if overlaid else photograph(radiance, blur, detail)
        taken.append(tail(_stored(picture, np.random.default_rng(quality))))
    differ = np.abs(taken[0].astype(np.float32) - taken[1]).mean((1, 2, 3)) > LEAST_SEEN
    return (
        taken[0][differ],
        taken[1][differ],
        [kind for kind, seen in zip(kinds, differ, strict=True) if seen],
    )


def _fit(picture: Tensor, side: int, magnify: float) -> Tensor:
    """Shrunk first where the sensor would skip pixels of it."""
    if magnify >= 0.9:
        return picture
    return F.interpolate(picture, scale_factor=magnify, mode="bilinear", antialias=True)


def first_photo(scenes: Tensor, real: Tensor, side: int) -> Tensor:
    """(N, 3, side, side): the middle of real photos as they are, of other scenes by a simulated camera."""
    as_is = _middle(scenes, side)
    if bool(real.all()):
        return as_is
    count = len(scenes)
    # Every fourth is out of focus.
    blur = torch.where(happens(count, 0.25), uniform(count, 1.3, 4), uniform(count, 0.35, 1.3))
    taken = photograph(confuse(_seen_by_sensor(scenes, side)), blur)
    return torch.where(real.view(-1, 1, 1, 1), as_is, taken)


def _middle(scenes: Tensor, side: int) -> Tensor:
    start = (scenes.shape[2] - side) // 2
    return scenes[:, :, start : start + side, start : start + side]


def _seen_by_sensor(scenes: Tensor, side: int) -> Tensor:
    """(N, 3, side, side) radiance of the middle of the scenes, nearer or farther, in uneven light."""
    count, _, height, _ = scenes.shape
    places = look_at_plane(count, side, 15, 0.15)
    if bool(happens(1, 0.5)):  # near: few details fill the picture
        seen = sample(scenes, places * uniform(count, 0.25, 1))
    else:
        shrink = float(uniform(1, 1, max(1.01, min(2.0, height / (1.25 * side)))))
        smaller = F.interpolate(scenes, scale_factor=1 / shrink, mode="bilinear", antialias=True)
        seen = sample(smaller, places)
    light = scene_of(seen)
    return light * (1 - uniform(count, 0, 0.4) * clouds(count, side, side, 2))


def confuse(light: Tensor) -> Tensor:
    """What is no recapture but may look like one: cloth, lamps that flicker, gloss, a screen in view."""
    light = light.clone()
    for change, share in ((_woven, 0.12), (_flickering, 0.08), (_glossy, 0.12), (_with_screen, 0.06)):
        chosen = happens(len(light), share).flatten()
        if chosen.any():
            light[chosen] = change(light[chosen])
    return light


def _woven(light: Tensor) -> Tensor:
    count, _, side, _ = light.shape
    period = log_uniform(count, 1.2, 8)
    wave = (2 * math.pi * look_at_plane(count, side, 45, 0.3) / period).cos()
    wave = wave * torch.exp(-2 * (math.pi * 0.5 / period) ** 2)
    wave = torch.where(happens(count, 0.5), wave.prod(1, keepdim=True), wave[:, :1])
    part = ((clouds(count, side, side, 3) - uniform(count, 0.2, 0.6)) * 20).clamp(0, 1)
    return light * (1 + uniform(count, 0.1, 0.5) * wave * part)


def _flickering(light: Tensor) -> Tensor:
    count, _, side, _ = light.shape
    rows = torch.arange(side).view(1, 1, -1, 1)
    phase = rows / log_uniform(count, 60, 600) + uniform(count)
    return light * (1 + uniform(count, 0.02, 0.2) * (2 * math.pi * phase).cos())


def _glossy(light: Tensor) -> Tensor:
    count, _, side, _ = light.shape
    return light + (clouds(count, side, side, 4) - uniform(count, 0.6, 0.9)).clamp_min(0) * uniform(
        count, 0, 2
    )


def _with_screen(light: Tensor) -> Tensor:
    """A display in the background, in less than a quarter of the window."""
    count, _, side, _ = light.shape
    shown = show(light.flip(3).clamp(0, 1) ** 0.45, light, side, 1.0)
    x = torch.arange(side).view(1, 1, 1, -1) / side
    y = torch.arange(side).view(1, 1, -1, 1) / side
    left, top = uniform(count, 0.2, 0.5), uniform(count, 0.2, 0.5)
    within = ((left - x) * side).clamp(0, 1) * ((top - y) * side).clamp(0, 1)
    return torch.lerp(light, shown.radiance * shown.detail, within)


class Tail:
    """What happens to a file after it was taken; drawn once, for both of a pair."""

    def __init__(self, shrinking: float, rng: np.random.Generator):
        self.side = int(SIDE * shrinking)  # of the window of the sensor that it starts from
        self.filter = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[rng.integers(4)]
        if shrinking > 1.5:
            self.filter = cv2.INTER_AREA
        self.qualities = [int(rng.integers(60, 96)) for _ in range(rng.choice([0, 1, 1, 2]))]
        self.sampling = _SAMPLINGS[rng.integers(len(_SAMPLINGS))]

    def __call__(self, pictures: Tensor) -> np.ndarray:
        out = []
        for picture in (pictures * 255 + 0.5).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy():
            if self.side != SIDE:
                picture = cv2.resize(picture, (SIDE, SIDE), interpolation=self.filter)
            for quality in self.qualities:
                picture = jpeg(picture, quality, self.sampling)
            out.append(picture)
        return np.stack(out)


_SAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)


def _stored(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Through the JPEG file that a camera writes."""
    quality = int(rng.integers(80, 99))
    frames = (pictures * 255 + 0.5).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    files = np.stack([jpeg(frame, quality, _SAMPLINGS[rng.integers(len(_SAMPLINGS))]) for frame in frames])
    return torch.from_numpy(files).permute(0, 3, 1, 2).float() / 255


def jpeg(
    picture: np.ndarray, quality: int, sampling: int = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
) -> np.ndarray:
    """(h, w, 3) RGB uint8 as it comes back from a JPEG file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, file = cv2.imencode(".jpg", picture[..., ::-1], options)
    found = cv2.imdecode(file, cv2.IMREAD_COLOR_RGB)
    assert found is not None
    return found


def sheet(scenes: Scenes, rng: np.random.Generator, rows: int = 5, columns: int = 6) -> np.ndarray:
    """So many rows of originals, each with the recaptures below."""
    strips: list[np.ndarray] = []
    while len(strips) < rows * columns:
        originals, recaptures, _ = simulate(scenes, 3, rng)
        strips += list(np.concatenate([originals, recaptures], 1))
    return np.concatenate([np.concatenate(strips[i * columns : (i + 1) * columns], 1) for i in range(rows)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--photos", nargs="+", type=Path, required=True, help="folders of photos, at full size"
    )
    parser.add_argument("--sheet", type=Path, help="write a contact sheet of pairs (.png)")
    parser.add_argument("--out", type=Path, help="folder for many pairs (.npy files)")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=3)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    scenes = Scenes(arguments.photos, arguments.seed)
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), sheet(scenes, rng)[..., ::-1])
    started = time.monotonic()
    number = 0
    while arguments.out and time.monotonic() - started < 60 * arguments.minutes:
        arguments.out.mkdir(parents=True, exist_ok=True)
        first, second, kinds = simulate(scenes, arguments.batch, rng)
        np.savez(
            arguments.out / f"{arguments.seed:04d}_{number:05d}.npz",
            originals=first,
            recaptures=second,
            kinds=[KINDS.index(kind) for kind in kinds],
        )
        number += 1
        if number % 50 == 0:
            log.info("%d batches, %.2f s each", number, (time.monotonic() - started) / number)


if __name__ == "__main__":
    main()
