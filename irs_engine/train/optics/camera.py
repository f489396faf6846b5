"""A camera: lens, sensor with a colour filter array, and what makes a picture of its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from irs_engine.train.optics.draws import happens, log_uniform, to_linear, to_srgb, uniform

PIXEL = 12**-0.5  # standard deviation of a square pixel's own area, in pixels
LUMA = torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]


def photograph(radiance: Tensor, blur: Tensor, detail: Tensor | None = None) -> Tensor:
    """Radiance at the pixels of the sensor to the picture that the camera makes of it.

    Args:
        blur: (N, 1, 1, 1), standard deviation of the lens in pixels.
        detail: Factor of the radiance that the lens has blurred already, such as the pixels of a display:
            finer than the sensor, it cannot be blurred after it was sampled.
    """
    light = expose(vignette(move(gaussian(radiance, blur))))
    if detail is not None:
        light = light * detail
    colours = demosaic(add_noise(mosaic(light)))
    return develop(colours)


def gaussian(x: Tensor, deviation: Tensor) -> Tensor:
    """Blurred by (N, 1, 1, 1) standard deviations in pixels, up to about 4."""
    radius = int(min(12, max(1, float(deviation.max()) * 3 + 0.5)))
    place = torch.arange(-radius, radius + 1.0)
    kernel = torch.exp(-0.5 * (place / deviation.flatten()[:, None].clamp_min(0.05)) ** 2)
    return _each(x, kernel / kernel.sum(1, keepdim=True))


def _each(x: Tensor, kernels: Tensor) -> Tensor:
    """Every picture filtered along both sides by its own (N, taps) symmetric kernel."""
    radius = kernels.shape[1] // 2
    x = F.pad(x, [radius] * 4, mode="replicate")
    for axis in (2, 3):
        length = x.shape[axis] - 2 * radius
        total = x.narrow(axis, radius, length) * kernels[:, radius].view(-1, 1, 1, 1)
        for tap in range(radius):
            both = x.narrow(axis, tap, length) + x.narrow(axis, 2 * radius - tap, length)
            total.addcmul_(both, kernels[:, tap].view(-1, 1, 1, 1))
        x = total
    return x


def move(light: Tensor) -> Tensor:
    """A shaking hand: the light of a short way of each third picture, averaged."""
    shaken = happens(len(light), 0.3).flatten()
    if not shaken.any():
        return light
    light, still = light.clone(), light[shaken]
    right, down = uniform(len(still), -2, 2), uniform(len(still), -2, 2)
    for share in (-1, -0.5, 0.5, 1):
        light[shaken] += shift(still, right * share, down * share)
    light[shaken] /= 5
    return light


def shift(x: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Moved by (N, 1, 1, 1) pixels."""
    height, width = x.shape[2:]
    step = torch.zeros(len(x), 2, 3)
    step[:, 0, 0] = step[:, 1, 1] = 1
    step[:, 0, 2], step[:, 1, 2] = -right.flatten() * 2 / width, -down.flatten() * 2 / height
    grid = F.affine_grid(step, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, "bilinear", "border", align_corners=False)


def vignette(light: Tensor) -> Tensor:
    """Darker towards a corner: the window is a part of the frame."""
    count, _, height, width = light.shape
    x = torch.linspace(-0.5, 0.5, width)[None, None, None, :] + uniform(count, -0.5, 0.5)
    y = torch.linspace(-0.5, 0.5, height)[None, None, :, None] + uniform(count, -0.5, 0.5)
    return light * (1 - uniform(count, 0, 0.25) * (x * x + y * y))


def expose(light: Tensor) -> Tensor:
    """Brightness and white as the camera chooses them: nearly right."""
    count = len(light)
    mean = light.mean((2, 3), keepdim=True).clamp_min(1e-3)
    grey = mean.mean(1, keepdim=True)
    white = (grey / mean) ** uniform(count, 0, 0.8) * torch.exp(0.06 * torch.randn(count, 3, 1, 1))
    coarse = F.avg_pool2d(light, 8).amax(1).flatten(1)  # dots and pixels do not count
    bright = torch.quantile(coarse, 0.98, dim=1).view(-1, 1, 1, 1).clamp_min(1e-3)
    by_mean, by_bright = uniform(count, 0.12, 0.30) / grey, uniform(count, 0.7, 1.1) / bright
    weight = uniform(count)
    return light * white * torch.exp(weight * by_mean.log() + (1 - weight) * by_bright.log())


def mosaic(light: Tensor) -> Tensor:
    """(N, 1, H, W): one colour a pixel, RGGB."""
    raw = light[:, 1:2].clone()
    raw[:, :, 0::2, 0::2] = light[:, :1, 0::2, 0::2]
    raw[:, :, 1::2, 1::2] = light[:, 2:, 1::2, 1::2]
    return raw


def add_noise(raw: Tensor) -> Tensor:
    """Of photons and of reading, in 10 bits."""
    count = len(raw)
    photons = log_uniform(count, 3e-5, 2.5e-3)
    reading = log_uniform(count, 1e-7, 3e-5)
    raw = raw.clamp(0, 1.2)
    noisy = raw + (photons * raw + reading).sqrt() * torch.randn_like(raw)
    return (noisy.clamp(0, 1) * 1023).round() / 1023


def demosaic(raw: Tensor) -> Tensor:
    """RGGB to (N, 3, H, W), the whole batch in one way: bilinear, along edges, or Malvar et al. 2004."""
    way = int(torch.randint(3, ()))
    if way == 0:
        green = _filter(_at(raw, 1), [[0, 0.25, 0], [0.25, 1, 0.25], [0, 0.25, 0]])
        red, blue = (_filter(_at(raw, colour), _BILINEAR) for colour in (0, 2))
        return torch.cat([red, green, blue], 1)
    green = _green_along_edges(raw) if way == 1 else _green_malvar(raw)
    red, blue = (green + _filter(_at(raw - green, colour), _BILINEAR) for colour in (0, 2))
    return torch.cat([red, green, blue], 1)


_BILINEAR = [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]


def _at(raw: Tensor, colour: int) -> Tensor:
    """Only the pixels of a colour, 0 elsewhere."""
    plane = torch.zeros_like(raw)
    for y in (0, 1):
        for x in (0, 1):
            if x + y == colour:
                plane[:, :, y::2, x::2] = raw[:, :, y::2, x::2]
    return plane


def _filter(x: Tensor, kernel: Sequence[Sequence[float]]) -> Tensor:
    height, width = x.shape[2:]
    x = F.pad(x, [len(kernel) // 2] * 4, mode="reflect")
    taps = [(top, left, tap) for top, row in enumerate(kernel) for left, tap in enumerate(row) if tap]
    total = torch.zeros_like(x[:, :, :height, :width])
    for top, left, tap in taps:
        total.add_(x[:, :, top : top + height, left : left + width], alpha=tap)
    return total


def _green_malvar(raw: Tensor) -> Tensor:
    found = (
        _filter(
            raw, [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]
        )
        / 8
    )
    return _with_green(raw, found)


def _green_along_edges(raw: Tensor) -> Tensor:
    """Hamilton and Adams 1997."""
    across, rough = _green_across(raw)
    down, rough_down = (x.transpose(2, 3) for x in _green_across(raw.transpose(2, 3)))
    return _with_green(raw, torch.where(rough < rough_down, across, down))


def _green_across(raw: Tensor) -> tuple[Tensor, Tensor]:
    """From the pixels left and right, and how much changes there."""
    curved = _filter(raw, [[0] * 5] * 2 + [[-1, 0, 2, 0, -1]] + [[0] * 5] * 2)
    mean = _filter(raw, [[0, 0, 0], [0.5, 0, 0.5], [0, 0, 0]])
    slope = _filter(raw, [[0, 0, 0], [1, 0, -1], [0, 0, 0]])
    return mean + curved / 4, slope.abs() + curved.abs()


def _with_green(raw: Tensor, found: Tensor) -> Tensor:
    """Where green was measured it stays."""
    found = found.clone()
    found[:, :, 0::2, 1::2] = raw[:, :, 0::2, 1::2]
    found[:, :, 1::2, 0::2] = raw[:, :, 1::2, 0::2]
    return found


def develop(colours: Tensor) -> Tensor:
    """The sensor's linear colours to sRGB: noise removed, colours and tones as people like, sharpened."""
    count = len(colours)
    luma = (colours * LUMA).sum(1, keepdim=True)
    chroma = colours - luma
    radius = int(torch.randint(1, 5, ()))
    smooth = _along(luma, chroma, radius, log_uniform(count, 1e-5, 3e-3))
    chroma = torch.lerp(chroma, smooth, uniform(count, 0.3, 1))
    luma = torch.lerp(luma, _along(luma, luma, 2, log_uniform(count, 1e-6, 1e-3)), uniform(count, 0, 1))
    picture = to_srgb((luma + chroma * uniform(count, 0.85, 1.4)).clamp(0, 1))
    curve = picture * picture * (3 - 2 * picture)
    picture = torch.lerp(picture, curve, uniform(count, -0.1, 0.5))
    # What phones call clarity or HDR: contrast of large details, with its wide halos.
    clarity = torch.where(happens(count, 0.5), uniform(count, 0, 0.8), 0)
    picture = (picture + clarity * (picture - _wide(picture))).clamp(0, 1)
    halo = gaussian(picture, uniform(count, 0.6, 1.6))
    return (picture + uniform(count, -0.1, 1.5) * (picture - halo)).clamp(0, 1)


def _wide(picture: Tensor) -> Tensor:
    """Blurred over some thirty pixels."""
    small = F.avg_pool2d(picture, 16, ceil_mode=True, count_include_pad=False)
    small = gaussian(small, torch.ones(len(picture), 1, 1, 1))
    return F.interpolate(small, picture.shape[2:], mode="bilinear", align_corners=False)


def _along(guide: Tensor, x: Tensor, radius: int, least: Tensor) -> Tensor:
    """The guided filter (He, Sun, Tang 2013)."""

    def box(value: Tensor) -> Tensor:
        return _box(value, radius)

    mean, mean_x = box(guide), box(x)
    slope = (box(guide * x) - mean * mean_x) / (box(guide * guide) - mean * mean + least)
    offset = mean_x - slope * mean
    return box(slope) * guide + box(offset)


def _box(x: Tensor, radius: int) -> Tensor:
    """Means over windows; sums of shifted pictures, as pooling by windows is slow on a CPU."""
    side = 2 * radius + 1
    x = F.pad(x, [radius] * 4, mode="reflect")
    for axis in (2, 3):
        length = x.shape[axis] - side + 1
        total = x.narrow(axis, 0, length).clone()
        for start in range(1, side):
            total += x.narrow(axis, start, length)
        x = total
    return x / side**2


def scene_of(picture: Tensor) -> Tensor:
    """Radiance of a scene from an sRGB picture of it."""
    return to_linear(picture.clamp(0, 1))
