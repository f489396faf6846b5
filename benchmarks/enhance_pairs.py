"""Pairs with a known truth made from clean photos: underexposed with the noise of a sensor, and hazy.

Everything is drawn from one seed, so that a run can be repeated. Pictures are (H, W, 3) RGB uint8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from enhance_baselines import guided_filter, to_bytes, to_unit

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
SHOT, READ = 2e-4, 8e-4  # variance for each unit of linear light; deviation

Photo = tuple[str, np.ndarray]  # name, picture
Pair = tuple[str, np.ndarray, np.ndarray]  # name, input, truth


def pictures(folder: Path) -> list[Path]:
    if found := sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES):
        return found
    raise SystemExit(f"{folder}: no pictures")


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise SystemExit(f"{path}: not a readable picture")
    return pixels


def all_photos(folder: Path) -> Iterator[Photo]:
    for path in pictures(folder):
        yield path.stem, read(path)


def paired_photos(inputs: Path, truths: Path) -> Iterator[Pair]:
    """Pictures of two folders that share their file names."""
    for path in pictures(inputs):
        yield path.stem, read(path), read(truths / path.name)


def clean_photos(folder: Path, most: int, seed: int = 0) -> Iterator[Photo]:
    """At most so many well exposed, clear ones of a folder: of medium mean, with bright and dark pixels."""
    files = pictures(folder)
    for i in np.random.default_rng(seed).permutation(len(files)):
        photo = read(files[i])
        bright, dark = np.percentile(photo.max(2), 99), np.percentile(photo.min(2), 2)
        if 76 < photo.mean() < 166 and bright > 191 and dark < 31:
            yield files[i].stem, photo
            most -= 1
        if most <= 0:
            return


def darkened(photos: Iterable[Photo], seed: int = 0) -> Iterator[Pair]:
    """With a 2^1.5th to a 2^5th of the light, shot and read noise, developed as if exposed well."""
    random = np.random.default_rng(seed)
    for name, photo in photos:
        stops = random.uniform(1.5, 5)
        light = to_linear(to_unit(photo)) / 2**stops
        noise = random.normal(size=light.shape) * np.sqrt(SHOT * light + READ**2)
        yield f"{name}_{stops:.1f}_stops", to_bytes(to_srgb(light + noise)), photo


def hazed(photos: Iterable[Photo], seed: int = 0) -> Iterator[Pair]:
    """I = J t + A (1 - t), uniform haze and patchy haze in turn, with a tinted airlight A and a little noise.

    Depth grows towards the top of the picture and follows its things, by a guided filter.
    """
    random = np.random.default_rng(seed)
    for number, (name, photo) in enumerate(photos):
        clear = to_unit(photo)
        height, width = clear.shape[:2]
        rise = np.linspace(1, 0, height, dtype=np.float32)[:, None] ** 1.2
        depth = 0.3 + 0.7 * rise + 0.15 * (clouds(random, width, height, 5) - 0.5)
        depth = guided_filter(cv2.cvtColor(clear, cv2.COLOR_RGB2GRAY), depth, radius=25)
        patchy = number % 2 == 1
        if patchy:
            depth = 0.4 * depth + 0.9 * clouds(random, width, height, 4) ** 1.5
        density = random.uniform(0.5, 2.2)
        transmission = np.exp(-density * np.maximum(depth, 0))[..., None]
        airlight = np.clip(random.uniform(0.7, 0.98) + random.normal(0, 0.03, 3), 0, 1)
        hazy = clear * transmission + airlight * (1 - transmission)
        hazy += random.normal(0, 0.004, hazy.shape)
        yield f"{name}_{'patchy' if patchy else 'uniform'}_{density:.1f}", to_bytes(hazy), photo


def clouds(random: np.random.Generator, width: int, height: int, cells: int) -> np.ndarray:
    """(H, W) float32: smooth noise that spans 0..1."""
    noise = random.normal(size=(cells, cells)).astype(np.float32)
    smooth = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return (smooth - smooth.min()) / np.ptp(smooth)


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """Light of sRGB values in 0..1 (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def to_srgb(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
