"""Haze for clear photos: even or in patches, by distance or not, grey or in the colour of the light.

    I = J t + A (1 - t),  t = exp(-strength * distance * density)             (Koschmieder 1924)

Nothing is known of the distances in a photo, so they are drawn: one for all, by row, or different for things
of different brightness, with edges where the photo has them. What a network learns from that is to read haze
from contrast and colour, not from what usually is far away.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from irs_engine.train.optics.draws import clouds, to_linear, to_srgb, uniform

LINEAR_SHARE = 0.4  # of the batches: haze mixed in linear light, as in nature; the rest as benchmarks do
KEPT_DENSE, KEPT_THIN = 0.82, 0.45  # of the brightness, at least, when haze is taken away
CLEAR_SHARE = 0.15  # of the pictures get no haze: they must come back as they are


def add_haze(clear: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 3, H, W) clear photos in 0..1 to hazy ones, and to those that are wanted back (`as_bright`).

    The hazy ones have sensor noise and steps of 1/255. Height and width are multiples of 32. Draws from
    torch's default generator.
    """
    count, _, height, width = clear.shape
    strength = 0.1 + 2.9 * uniform(count) ** 1.2
    strength = torch.where(uniform(count) < CLEAR_SHARE, 0, strength)
    transmission = torch.exp(-strength * _distance(clear) * _density(count, height, width))
    airlight = _airlight(clear)
    if torch.rand(()) < LINEAR_SHARE:
        hazy = to_srgb(transmission * to_linear(clear) + (1 - transmission) * to_linear(airlight))
    else:
        hazy = transmission * clear + (1 - transmission) * airlight
    hazy = hazy + 0.012 * uniform(count) * torch.randn_like(hazy)
    hazy = (hazy.clamp(0, 1) * 255).round() / 255
    return hazy, as_bright(clear, hazy, transmission.mean((1, 2, 3), keepdim=True))


def as_bright(clear: Tensor, hazy: Tensor, transmission: Tensor) -> Tensor:
    """The clear photos, exposed again where the haze was much brighter than they are.

    Haze scatters light into the picture and the camera exposed for that; nobody wants it dark when the haze
    is gone. In pairs that others have made, 0.71 to 0.89 of the brightness is left: the more, the denser the
    haze was, and the denser it was, the less is known of how bright things are.
    """
    kept = KEPT_DENSE + (KEPT_THIN - KEPT_DENSE) * transmission
    wanted = kept * hazy.mean((1, 2, 3), keepdim=True)
    mean = clear.mean((1, 2, 3), keepdim=True).clamp(0.02, 0.98)
    exponent = (wanted.log() / mean.log()).clamp(0.5, 1)
    return clear**exponent


def _distance(clear: Tensor) -> Tensor:
    """(N, 1, H, W), around 0.6: one distance, by row, or things at distances of their own."""
    count, _, height, width = clear.shape
    rows = torch.linspace(1, 0, height)[None, None, :, None].expand(count, 1, height, width)
    by_row = rows ** uniform(count, 0.6, 2.5)
    by_thing = _following(clear, clouds(count, height, width, 6))
    kind = uniform(count)
    distance = torch.where(kind < 0.6, 0.25 + 0.75 * by_row + 0.25 * (by_thing - 0.5), 0.35 + 0.8 * by_thing)
    return torch.where(kind < 0.2, 1, distance.clamp_min(0.02))


def _density(count: int, height: int, width: int) -> Tensor:
    """(N, 1, H, W): 1 for even haze, else in patches."""
    patches = 0.65 * clouds(count, height, width, 3) + 0.35 * clouds(count, height, width, 7)
    patches = 0.15 + 1.4 * patches ** uniform(count, 0.8, 2)
    return torch.where(uniform(count) < 0.45, 1, patches)


def _airlight(clear: Tensor) -> Tensor:
    """(N, 3, H, W): of a brightness of its own, as under a sky, or the light of the scene scattered."""
    count, _, height, width = clear.shape
    tint = _tint(clear.mean((2, 3), keepdim=True)) ** (uniform(count) ** 2)
    tint = _tint(tint * (1 + 0.04 * torch.randn(count, 3, 1, 1)))
    uneven = 1 + uniform(count, 0, 0.25) * (clouds(count, height, width, 3) - 0.5)
    sky = uniform(count, 0.55, 1) * uneven
    around = F.avg_pool2d(clear.amax(1, keepdim=True), 32)
    mean = around.mean((2, 3), keepdim=True)
    around = F.interpolate(mean + (around - mean) * uniform(count, 0.2, 1), (height, width), mode="bicubic")
    scattered = (around * uniform(count, 0.9, 1.35)).clamp_min(0.3)
    return (tint * torch.where(uniform(count) < 0.65, sky, scattered)).clamp(0, 1)


def _tint(color: Tensor) -> Tensor:
    return (color / color.amax(1, keepdim=True)).clamp_min(0.25)


def _following(photo: Tensor, field: Tensor) -> Tensor:
    """The field with the edges of the photo: a guided filter, its statistics at a quarter of the size."""
    grey = photo.mean(1, keepdim=True)
    guide, field = F.avg_pool2d(grey, 4), F.avg_pool2d(field, 4)
    mean, mean_field = _box(guide), _box(field)
    slope = (_box(guide * field) - mean * mean_field) / (_box(guide * guide) - mean * mean + 2e-3)
    offset = mean_field - slope * mean
    slope, offset = (F.interpolate(_box(x), grey.shape[2:], mode="bilinear") for x in (slope, offset))
    return slope * grey + offset


def _box(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, [2] * 4, mode="replicate"), 5, 1)
