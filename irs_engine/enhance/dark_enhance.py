"""Dark enhance: dark photos, and dark parts of photos, lifted so that objects become visible.

A thumbnail says what is to be done, so the result does not depend on the size of the picture, which is read
twice and written once. With m = max(R, G, B) of a pixel, and T, m smoothed within edges, for its light,

    out = s (c x + (1 - c) m),
    s = 1 + (1 / sqrt(h + (1 - h) (m^2 + .25 T^2 (1 - m^2))) - 1) T^2 / (T^2 + .006^2).

1 / sqrt(h) is the gain in the dark, found so that the mean brightness of what is not black becomes .46; lamps
stay below white, in their order. c takes a little colour away where the gain is large, more where there is
only noise. x is the pixel, drawn to the mean around it where the variance is no more than that of noise.

Well-lit pictures come back as they were. Brightness is an exponent of the gains: 0 changes nothing.

Sources: the guided filter, with coefficients at reduced resolution (He, Sun, Tang, TPAMI 2013; He, Sun 2015);
m as a first estimate of the light (Guo et al., LIME, TIP 2017); local linear estimates of least mean square
error (Lee, TPAMI 1980). A shoulder keeps lights, as in photographic tone reproduction (Reinhard et al. 2002).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from irs_engine import _native

if TYPE_CHECKING:
    import torch
    from torch import Tensor

THUMBNAIL = 256  # longer side; windows are shares of that of the thumbnail
LIGHT_WINDOW, NOISE_WINDOW = 16, 256
CONTRAST, BLACK = 0.03, 0.02  # of the guided filter: relative variance that is smoothed away, least mean

SHOULDER, SHADOW_END = 0.25, 0.5
NOISE_FLOOR, COLOUR_FLOOR, FADED = 0.006, 0.04, 0.2
TARGET, MOST_EXPOSURE, NOT_BLACK, LEVELS, HALVINGS = 0.46, 12.0, 0.02, 4096, 20
DARK_LIGHT, DARK_PART, USUAL_MEAN = 0.3, (0.12, 0.30), (0.40, 0.28)  # which pictures are changed at all
BRIGHT_LIGHT, BACKLIT_PART, SHADOW_GAIN = (0.4, 0.6), 0.25, 3.0
NOISE_PERCENTILE, NOISE_SPREAD, MOST_NOISE, LEAST_SHARE = 30, 1.5, 3 / 255, 0.15
DIM, ENOUGH_DIM = (0.006, 0.25), 0.02  # where noise is looked for
USUAL_BRIGHTNESS = 0.9


def enhance(pixels: np.ndarray, brightness: float, device: torch.device | str = "cpu") -> np.ndarray:
    """(H, W, 3) RGB uint8 or uint16, lifted; grey stays grey.

    Args:
        brightness: 0 (the picture as it is) to 1; 0.9 is usual.
    """
    if str(device) == "cpu":
        out = np.empty(pixels.shape, pixels.dtype)
        _native.dark_enhance(pixels, out, brightness)
        return out
    return enhance_on_torch(pixels, brightness, device)


def enhance_on_torch(pixels: np.ndarray, brightness: float, device: torch.device | str) -> np.ndarray:
    """As `enhance`: the path on CUDA, and the oracle of the native one."""
    import torch
    import torch.nn.functional as F

    largest = np.iinfo(pixels.dtype).max
    with torch.inference_mode():
        image = torch.from_numpy(pixels.astype(np.float32)).to(device).permute(2, 0, 1)[None] / largest
        height, width = size = image.shape[2:]
        scale = min(1.0, THUMBNAIL / max(size))
        small = max(1, round(height * scale)), max(1, round(width * scale))
        m = image.amax(1, keepdim=True)
        cells = F.adaptive_avg_pool2d(torch.cat([m, m * m, image], 1), small)

        light = _find_light(cells[:, :1])
        exposure, shadows = _find_gains(cells[:, :1], _apply_light(light, cells[:, :1]))
        exposure, shadows = (gain ** (-2 * brightness / USUAL_BRIGHTNESS) for gain in (exposure, shadows))
        if shadows == 1:
            return pixels.copy()
        maps = torch.cat([light, _find_smoothing(cells, exposure, shadows)], 1)
        maps = F.interpolate(maps, size=size, mode="bilinear")

        x = maps[:, 2:3] * image + maps[:, 3:]
        m = x.amax(1, keepdim=True)
        t = _apply_light(maps[:, :2], m)
        fading = 1 - math.sqrt(shadows)
        colour = 1 - fading * (1 - (1 - FADED) * _signal(t, COLOUR_FLOOR))
        out = _gain(m, t, exposure, shadows) * (colour * x + (1 - colour) * m)
        levels = out.clamp(0, 1) * largest + 0.5
        return levels[0].permute(1, 2, 0).cpu().numpy().astype(pixels.dtype)


def _find_light(m: Tensor) -> Tensor:
    """(1, 1, h, w) brightness to (1, 2, h, w) slope and offset of the light: the guided filter."""
    import torch

    radius = max(1, round(max(m.shape) / LIGHT_WINDOW))
    mean = _box(m, radius)
    variance = (_box(m * m, radius) - mean * mean).clamp(min=0)
    slope = variance / (variance + CONTRAST * (mean * mean + BLACK**2))
    return _box(torch.cat([slope, mean - slope * mean], 1), radius)


def _apply_light(lines: Tensor, m: Tensor) -> Tensor:
    return (lines[:, :1] * m + lines[:, 1:]).clamp(0, 1)


def _find_gains(m: Tensor, light: Tensor) -> tuple[float, float]:
    """Of the whole picture and of its shadows, 1 for pictures that are to stay as they are."""
    dark = float((1 - light / DARK_LIGHT).clamp(min=0).double().mean())
    change = max(_smooth_step(dark, *DARK_PART), _smooth_step(float(m.double().mean()), *USUAL_MEAN))
    if change == 0:
        return 1.0, 1.0
    gain = 1 + change * (_expose(m) - 1)
    low, high = BRIGHT_LIGHT
    bright = float(((light - low) / (high - low)).clamp(0, 1).double().mean())
    backlit = _smooth_step(bright, 0, BACKLIT_PART)
    return gain, max(gain, 1 + change * backlit * (SHADOW_GAIN - 1))


def _expose(m: Tensor) -> float:
    """Gain with which the mean of the pixels that are not black reaches the target."""
    import torch

    bins = (m * LEVELS).clamp(max=LEVELS - 1).long().flatten()
    level = (torch.arange(LEVELS, dtype=torch.float64) + 0.5) / LEVELS
    number = torch.bincount(bins, minlength=LEVELS).double().cpu() * _signal(level, NOT_BLACK)
    low, high = 0.0, math.log(MOST_EXPOSURE)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        h = math.exp(-2 * middle)
        mean = float((number * level * _gain(level, level, h, h)).sum() / number.sum())
        low, high = (middle, high) if mean < TARGET else (low, middle)
    return math.exp(low)


def _find_smoothing(cells: Tensor, exposure: float, shadows: float) -> Tensor:
    """(1, 5, h, w) means to (1, 4, h, w): share of a pixel that stays, and what is added to each colour."""
    import torch

    means = _box(cells, max(1, round(max(cells.shape) / NOISE_WINDOW)))
    m = means[:, :1]
    variance = (means[:, 1:2] - m * m).clamp(min=0)
    dim = variance[(m > DIM[0]) & (m < DIM[1])]
    noise = 0.0
    if dim.numel():
        found = float(dim.kthvalue(dim.numel() * NOISE_PERCENTILE // 100 + 1).values)
        noise = min(found * NOISE_SPREAD, MOST_NOISE**2)
        noise *= min(1.0, dim.numel() / m.numel() / ENOUGH_DIM)
    detail = (variance - noise).clamp(min=0) / (variance + 1e-7)
    share = 1 - (1 - LEAST_SHARE) * (1 - detail) * (1 - 1 / _gain(m, m, exposure, shadows))
    return _box(torch.cat([share, (1 - share) * means[:, 2:]], 1), 1)


def _gain(m: Tensor, t: Tensor, exposure: float, shadows: float) -> Tensor:
    """Factor of brightness m in light t; `exposure` and `shadows` are 1 / gain^2."""
    depth = (1 - t * t / SHADOW_END**2).clamp(min=0)
    h = exposure - (exposure - shadows) * depth * depth
    s = 1 / (h + (1 - h) * (m * m + SHOULDER * t * t * (1 - m * m))).sqrt()
    return 1 + (s - 1) * _signal(t, NOISE_FLOOR)


def _signal(t: Tensor, half: float) -> Tensor:
    """0 in black, half at `half`, towards 1 in white."""
    return t * t / (t * t + half**2)


def _smooth_step(value: float, start: float, end: float) -> float:
    u = min(1.0, max(0.0, (value - start) / (end - start)))
    return u * u * (3 - 2 * u)


def _box(maps: Tensor, radius: int) -> Tensor:
    """Means over windows of (2 radius + 1)^2, reflected at the edges as often as need be."""
    import torch
    import torch.nn.functional as F

    maps, side = maps.double(), 2 * radius + 1
    for axis, window in ((2, (side, 1)), (3, (1, side))):
        size = maps.shape[axis]
        place = torch.arange(-radius, size + radius, device=maps.device) % (2 * size)
        maps = maps.index_select(axis, torch.minimum(place, 2 * size - 1 - place))
        maps = F.avg_pool2d(maps, window, stride=1)
    return maps.float()
