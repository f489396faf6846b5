"""Dark enhance and defog at their defaults, written with OpenCV calls as a careful user would: the peers."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import torch

from irs_engine.enhance.dark_enhance import THUMBNAIL
from irs_engine.enhance.defog import MOST_CONTRAST, thumbnail_size
from irs_engine.enhance.haze_net import HazeNet, build_haze_net
from irs_engine.weights import load_weights


def dark_enhance_in_opencv(image: np.ndarray) -> np.ndarray:
    """The numbers are those of irs_engine/enhance/dark_enhance.py, which says what they mean."""
    height, width = image.shape[:2]
    scale = min(1.0, THUMBNAIL / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    values = np.multiply(image, np.float32(1 / 255), dtype=np.float32)
    red, green, blue = cv2.split(values)
    m = cv2.max(cv2.max(red, green), blue)
    small_m, small_m2, small = (
        cv2.resize(given, size, interpolation=cv2.INTER_AREA) for given in (m, cv2.multiply(m, m), values)
    )

    def box(given: np.ndarray, radius: int) -> np.ndarray:
        return cv2.blur(given, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    radius = max(1, round(max(size) / 16))
    mean = box(small_m, radius)
    variance = cv2.max(box(small_m * small_m, radius) - mean * mean, 0.0)
    slope = variance / (variance + np.float32(0.03) * (mean * mean + np.float32(0.0004)))
    slope, offset = box(slope, radius), box(mean - slope * mean, radius)
    light = np.clip(slope * small_m + offset, 0, 1)
    exposure, shadows = dark_gains_in_opencv(small_m, light)
    if shadows == 1:
        return image.copy()

    radius = max(1, round(max(size) / 256))
    mean, local_m = box(small, radius), box(small_m, radius)
    variance = cv2.max(box(small_m2, radius) - local_m * local_m, 0.0)
    dim = variance[(local_m > 0.006) & (local_m < 0.25)]
    noise = 0.0
    if dim.size:
        rank = dim.size * 30 // 100
        noise = min(float(np.partition(dim, rank)[rank]) * 1.5, (3 / 255) ** 2)
        noise *= min(1.0, 50 * dim.size / variance.size)
    detail = cv2.max(variance - np.float32(noise), 0.0) / (variance + np.float32(1e-7))
    gain = dark_curve_in_opencv(local_m, local_m, exposure, shadows)
    share = 1 - np.float32(0.85) * (1 - detail) * (1 - 1 / gain)
    colours = box((1 - share)[..., None] * mean, 1)
    slope, offset, share, colours = (
        cv2.resize(given, (width, height), interpolation=cv2.INTER_LINEAR)
        for given in (slope, offset, box(share, 1), colours)
    )

    planes = [
        cv2.add(cv2.multiply(a, share), b)
        for a, b in zip((red, green, blue), cv2.split(colours), strict=True)
    ]
    m = cv2.max(cv2.max(planes[0], planes[1]), planes[2])
    light = np.clip(cv2.add(cv2.multiply(slope, m), offset), 0, 1)
    gain = cv2.multiply(dark_curve_in_opencv(m, light, exposure, shadows), 255.0)
    light2 = cv2.multiply(light, light)
    fading = np.float32(1 - shadows**0.5)
    colour = 1 - fading * (1 - np.float32(0.8) * cv2.divide(light2, cv2.add(light2, 0.0016)))
    factor = cv2.multiply(gain, colour)
    added = cv2.multiply(gain - factor, m)
    return cv2.merge([cv2.convertScaleAbs(cv2.add(cv2.multiply(factor, plane), added)) for plane in planes])


def dark_gains_in_opencv(m: np.ndarray, light: np.ndarray) -> tuple[float, float]:
    """1 / gain^2 of the whole picture and of its shadows."""

    def smooth_step(value: float) -> float:
        u = min(1.0, max(0.0, value))
        return u * u * (3 - 2 * u)

    dark = float(cv2.max(1 - light / np.float32(0.3), 0.0).mean())
    change = max(smooth_step((dark - 0.12) / 0.18), smooth_step((0.4 - float(m.mean())) / 0.12))
    level = (np.arange(4096, dtype=np.float32) + np.float32(0.5)) / 4096
    number = (
        cv2.calcHist([m], [0], None, [4096], [0, 1 + 1e-6]).ravel()
        * level**2
        / (level**2 + np.float32(0.0004))
    )
    low, high = 0.0, float(np.log(12))
    for _ in range(20):
        middle = (low + high) / 2
        h = float(np.exp(-2 * middle))
        mean = float((level * dark_curve_in_opencv(level, level, h, h) * number).sum() / number.sum())
        low, high = (middle, high) if mean < 0.46 else (low, middle)
    gain = 1 + change * (float(np.exp(low)) - 1)
    bright = float(np.clip(5 * light - 2, 0, 1).mean())
    shadow_gain = max(gain, 1 + 2 * change * smooth_step(bright / 0.25))
    return gain**-2, shadow_gain**-2


def dark_curve_in_opencv(m: np.ndarray, light: np.ndarray, exposure: float, shadows: float) -> np.ndarray:
    m2, light2 = m * m, light * light
    depth = np.maximum(1 - 4 * light2, 0)
    h = np.float32(exposure) - np.float32(exposure - shadows) * depth * depth
    root = np.sqrt(h + (1 - h) * (m2 + np.float32(0.25) * light2 * (1 - m2)))
    return 1 + (1 / root - 1) * (light2 / (light2 + np.float32(0.000036)))


def defog_in_opencv(image: np.ndarray) -> np.ndarray:
    """The network runs in torch: on a thumbnail it is a small part of either time."""
    height, width = image.shape[:2]
    small = cv2.resize(image, thumbnail_size(width, height), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        maps = haze_net()(torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255)[0]
    airlight, slope_max, slope_min, offset = (
        cv2.resize(np.ascontiguousarray(part.permute(1, 2, 0).numpy()), (width, height))
        for part in maps.split((3, 1, 1, 1))
    )
    pixels = image.astype(np.float32) * np.float32(1 / 255)
    red, green, blue = cv2.split(pixels)
    brightest, darkest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    seen = cv2.add(cv2.multiply(slope_max, brightest), cv2.multiply(slope_min, darkest))
    contrast = np.clip(cv2.add(seen, offset), 0, MOST_CONTRAST)
    cleared = cv2.multiply(cv2.subtract(pixels, airlight), cv2.merge([contrast] * 3))
    return np.clip(cv2.add(cleared, airlight) * np.float32(255) + np.float32(0.5), 0, 255).astype(np.uint8)


@functools.cache
def haze_net() -> HazeNet:
    return build_haze_net(load_weights("haze_s"))
