"""A display that shows a picture, as the light that reaches the pixels of a sensor.

The pixels of a display are finer than the sensor can be sampled, so their pattern is not drawn: it is a
Fourier series of the place on the display, each harmonic weakened by lens and sensor pixel as far as its
frequency asks for. What is left above half the sampling frequency becomes moire by itself, in each colour of
the filter array anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from irs_engine.train.optics.camera import PIXEL, gaussian, scene_of
from irs_engine.train.optics.draws import clouds, happens, log_uniform, uniform
from irs_engine.train.optics.geometry import inside, look_at_plane, sample

HARMONICS = 4
LAYOUTS = ("stripe", "chevron", "diamond", "projector")
LAYOUT_SHARES = (0.5, 0.12, 0.3, 0.08)


@dataclass
class Shown:
    """What a camera photographs (`camera.photograph`)."""

    radiance: Tensor  # (N, 3, H, W)
    blur: Tensor  # (N, 1, 1, 1) of the lens
    detail: Tensor  # (N, 3, H, W), about 1
    kind: list[str]


def show(picture: Tensor, around: Tensor, side: int, magnify: float) -> Shown:
    """(N, 3, h, w) sRGB pictures on displays, seen by (side, side) pixels of a sensor.

    Args:
        around: (N, 3, h, w) sRGB, behind the display, for those whose border is seen.
        magnify: Pixels of the sensor for one of the picture.
    """
    count = len(picture)
    blur = uniform(count, 0.35, 1.1)
    panel = Panel(look_at_plane(count, side, 25, 0.25))
    places, pitch = panel.places, panel.pitch
    # Of every fifth the lens, or the distance, removes the pattern: there is no moire.
    blur = torch.where(happens(count, 0.2), torch.maximum(blur, 0.6 * pitch.clamp_max(4)), blur)
    seen = torch.where(pitch > 2.5, ((panel.pixels.floor() + 0.5) * pitch), places) / magnify
    page = torch.where(happens(count, 0.5), uniform(count, 0, 0.2), uniform(count, 0.7, 1))  # of the viewer
    light = _emitted(torch.lerp(page.expand(-1, 3, side, side), sample(picture, seen), inside(picture, seen)))
    detail = panel.pattern(blur)
    light = light * _backlight(count, side)
    light, detail = _with_border(light, detail, places, around)
    light = _banded(light) + _reflected(count, side)
    return Shown(light, blur, detail, panel.names)


class Panel:
    """The pixels of displays in front of a sensor: of a pitch and a layout that are drawn at random."""

    def __init__(self, places: Tensor):
        count = len(places)
        self.places = places  # (N, 2, H, W) on the display, in pixels of the sensor
        self.pitch = log_uniform(count, 0.5, 6)  # pixels of the sensor for one of the display
        self.pixels = places / self.pitch + uniform(count)  # the same places in pixels of the display
        self.kinds = torch.multinomial(torch.tensor(LAYOUT_SHARES), count, replacement=True)
        self.names = [LAYOUTS[kind] for kind in self.kinds]

    def pattern(self, blur: Tensor) -> Tensor:
        """(N, 3, H, W), about 1: see `camera.photograph`."""
        return _pattern(self.pixels, self.pitch, blur, self.kinds)


def _emitted(picture: Tensor) -> Tensor:
    """By the display's gamma, black that leaks, and white."""
    count = len(picture)
    leak = torch.where(happens(count, 0.4), 0, log_uniform(count, 5e-4, 2e-2))
    white = 1 + torch.cat(
        [uniform(count, -0.25, 0.05), uniform(count, -0.06, 0.06), uniform(count, -0.2, 0.3)], 1
    )
    gamut = uniform(count, 0.8, 1.25)
    light = ((1 - leak) * picture.clamp(0, 1) ** uniform(count, 1.8, 2.6) + leak) * white
    grey = light.mean(1, keepdim=True)
    return (grey + gamut * (light - grey)).clamp_min(0)


def _pattern(on_panel: Tensor, pitch: Tensor, blur: Tensor, kinds: Tensor) -> Tensor:
    """(N, 3, H, W) of mean 1: the apertures of the sub-pixels, blurred by lens and sensor pixel."""
    count = len(pitch)
    u, v = on_panel[:, :1], on_panel[:, 1:]
    deviation = (blur**2 + PIXEL**2).sqrt() / pitch  # in pixels of the display
    fill, tall = uniform(count, 0.6, 0.9), uniform(count, 0.65, 0.95)
    grid = torch.full_like(fill, 0.93)  # of a projector, which has next to no gaps
    turned = happens(count, 0.4)  # portrait displays of phones and tablets
    u, v = torch.where(turned, v, u), torch.where(turned, u, v)
    kind = kinds.view(-1, 1, 1, 1)
    lean = torch.where(kind == 1, uniform(count, 0.1, 0.3), 0)
    u = u + lean * ((v / 2) % 1 * 2 - 1).abs()
    order = torch.where(happens(count, 0.25), -1, 1)  # RGB or BGR
    planes = []
    for colour in range(3):
        place = order * (colour - 1) / 3 + 0.5
        stripe = _comb(u - place, fill / 3, deviation) * _comb(v - 0.5, tall, deviation)
        dot = fill * 0.6
        if colour == 1:
            diamond = _comb(u, dot, deviation) * _comb(v, dot, deviation)
        else:  # every other pixel, in a checkerboard: a square lattice, turned by 45 degrees
            half = 0.5 if colour == 0 else 0.0
            along, across = (u + v) / 2 + half, (u - v) / 2
            wide = deviation / math.sqrt(2)
            diamond = _comb(along, dot * 0.8, wide) * _comb(across, dot * 0.8, wide)
        projector = _comb(u, grid, deviation) * _comb(v, grid, deviation)
        planes.append(torch.where(kind == 2, diamond, torch.where(kind == 3, projector, stripe)))
    return torch.cat(planes, 1).clamp_min(0)


def _comb(u: Tensor, width: Tensor, deviation: Tensor) -> Tensor:
    """Bars of so wide a part of their period 1, blurred: their Fourier series, of mean 1."""
    once = (2 * math.pi * u).cos()
    before, now = torch.ones_like(once), once  # Chebyshev: cos(k x) from those before
    total = torch.ones_like(once)
    for k in range(1, HARMONICS + 1):
        weight = 2 * torch.sinc(k * width) * torch.exp(-2 * (math.pi * k * deviation) ** 2)
        total = total + weight * now
        before, now = now, 2 * once * now - before
    return total


def _backlight(count: int, side: int) -> Tensor:
    """Uneven light, and less of it, in other colours, towards where the display is seen from the side."""
    strength = uniform(count, 0, 0.35)
    field = 1 - strength * clouds(count, side, side, 2)
    tint = 1 + 0.05 * torch.randn(count, 3, 1, 1) * clouds(count, side, side, 2)
    return field * tint


def _with_border(light: Tensor, detail: Tensor, places: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
    """Every fifth window shows an edge of the display, its bezel, and what is behind it."""
    count, _, side, _ = light.shape
    edge = torch.where(happens(count, 0.2), uniform(count, 0.1, 0.45), 9.0) * side
    wide = uniform(count, 4, 120)
    turned = happens(count, 0.5)
    across = torch.where(turned, places[:, :1], places[:, 1:]) * torch.where(happens(count, 0.5), -1, 1)
    lit = (edge - across).clamp(0, 1)
    background = (across - edge - wide).clamp(0, 1)
    dark = log_uniform(count, 0.01, 0.25) * (1 + 0.3 * clouds(count, side, side, 4))
    behind = gaussian(scene_of(sample(around, places)), uniform(count, 0.5, 4)) * log_uniform(count, 0.1, 1)
    outside = torch.lerp(dark.expand_as(light), behind, background)
    return torch.lerp(outside, light, lit), torch.lerp(torch.ones_like(detail), detail, lit)


def _banded(light: Tensor) -> Tensor:
    """Backlights that are switched, seen through a shutter that rolls: a sine over the rows."""
    count, _, side, _ = light.shape
    frequency, line = log_uniform(count, 100, 2000), log_uniform(count, 5e-6, 3e-5)
    exposure = log_uniform(count, 1 / 2000, 1 / 30)
    depth = uniform(count, 0.2, 1) * torch.sinc(frequency * exposure).abs()
    depth = torch.where(happens(count, 0.5), depth.clamp_max(0.5), 0)
    row = torch.arange(side).view(1, 1, -1, 1)
    gain = 1 + depth * (2 * math.pi * (frequency * line * row + uniform(count))).cos()
    return light * torch.where(happens(count, 0.5), gain, gain.transpose(2, 3))


def _reflected(count: int, side: int) -> Tensor:
    """What glass gives back: a veil, and a window or a lamp at times."""
    veil = torch.where(happens(count, 0.6), uniform(count, 0, 0.04), 0)
    lamp = (clouds(count, side, side, 5) - uniform(count, 0.6, 0.9)).clamp_min(0) * uniform(count, 0, 1.2)
    return veil + torch.where(happens(count, 0.25), lamp, 0)
