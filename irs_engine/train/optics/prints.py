"""A print of a picture, as the light that it throws back to the pixels of a sensor.

Halftones are computed at the places that a sensor sees. What is finer than it can resolve is weakened towards
the tone that it stands for, as lens and sensor pixel do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from irs_engine.train.optics.camera import PIXEL, gaussian, scene_of
from irs_engine.train.optics.display import Shown
from irs_engine.train.optics.draws import clouds, happens, log_uniform, uniform
from irs_engine.train.optics.geometry import inside, look_at_plane, sample

KINDS = ("laser", "inkjet", "photo", "grey copy")
SHARES = (0.42, 0.33, 0.15, 0.10)
ANGLES = (15, 75, 0, 45)  # of the screens of cyan, magenta, yellow, black, in degrees
# What inks leave of red, green and blue: full coverage of cyan, magenta, yellow, black.
INKS = ((0.08, 0.50, 0.75), (0.70, 0.10, 0.38), (0.93, 0.85, 0.12), (0.05, 0.05, 0.05))


@dataclass
class Halftone:
    """Of one batch: periods in pixels of the sensor, and how soft."""

    kind: Tensor  # (N, 1, 1, 1) index of KINDS
    period: Tensor
    deviation: Tensor  # of lens and sensor pixel


def show_print(picture: Tensor, around: Tensor, side: int, magnify: float) -> Shown:
    """(N, 3, h, w) sRGB pictures, printed, seen by (side, side) pixels of a sensor (see `display.show`)."""
    count = len(picture)
    kinds = torch.multinomial(torch.tensor(SHARES), count, replacement=True)
    kind = kinds.view(-1, 1, 1, 1)
    blur = uniform(count, 0.35, 1.3)
    places = look_at_plane(count, side, 25, 0.2)
    seen = (places + _curl(count, side)) / magnify
    tones = torch.lerp(torch.ones(count, 3, side, side), sample(picture, seen), inside(picture, seen))
    tones = gaussian(tones, uniform(count, 0.2, 1.6))
    tones = torch.where(kind == 3, tones.mean(1, keepdim=True), tones)
    halftone = Halftone(kind, log_uniform(count, 0.8, 9), (blur**2 + PIXEL**2).sqrt())
    light = _paper(count, side) * inked(_covered(scene_tones(tones)), places, halftone)
    light = light * _head_bands(places, count)
    light = _with_margin(light, places, around)
    return Shown(light * _lit(count, side), blur, torch.ones_like(light), [KINDS[k] for k in kinds])


def with_and_without_dots(picture: Tensor, blur: Tensor) -> tuple[Tensor, Tensor, list[str]]:
    """Radiance of (N, 3, H, W) sRGB pictures in the inks of a printer: by its dots, and by even tones."""
    count, _, side, _ = picture.shape
    kinds = torch.randint(2, (count,))  # laser or inkjet
    places = look_at_plane(count, side, 45, 0.2)
    deviation, period = (blur**2 + PIXEL**2).sqrt(), log_uniform(count, 0.8, 9)
    coverage = _covered(picture)
    state = torch.get_rng_state()
    dotted = inked(coverage, places, Halftone(kinds.view(-1, 1, 1, 1), period, deviation))
    torch.set_rng_state(state)
    even = inked(coverage, places, Halftone(torch.full((count, 1, 1, 1), 2), period, deviation))
    return dotted, even, [KINDS[k] for k in kinds]


def scene_tones(picture: Tensor) -> Tensor:
    """Printed tones: contrast is lost at both ends."""
    count = len(picture)
    return (picture + uniform(count, -0.06, 0.08)).clamp(0, 1) ** uniform(count, 0.8, 1.25)


def _covered(picture: Tensor) -> Tensor:
    """sRGB to (N, 4, H, W) coverage by cyan, magenta, yellow and black, dots grown by up to a quarter."""
    count = len(picture)
    ink = 1 - picture
    black = ink.amin(1, keepdim=True)
    under = uniform(count, 0.3, 1)  # how much of the grey is printed in black
    black = black * under
    inks = torch.cat([(ink - black) / (1 - black).clamp_min(0.05), black], 1).clamp(0, 1)
    return (inks + uniform(count, 0, 0.25) * 4 * inks * (1 - inks) * 0.5).clamp(0, 1)


def inked(coverage: Tensor, places: Tensor, halftone: Halftone) -> Tensor:
    """(N, 3, H, W) of what the paper gives back that the inks leave."""
    light = torch.ones_like(coverage[:, :3])
    strength = uniform(len(coverage), 0.85, 1)
    scatter = uniform(len(coverage), -1, 1) * (math.pi / 12)
    for plane, (angle, left) in enumerate(zip(ANGLES, INKS, strict=True)):
        amount = coverage[:, plane : plane + 1]
        dots = _dots(amount, places, math.radians(angle) + scatter, halftone)
        colour = torch.tensor(left).view(1, 3, 1, 1)
        light = light * (1 - dots * strength * (1 - colour))
    return light


def _dots(amount: Tensor, places: Tensor, angle: Tensor, halftone: Halftone) -> Tensor:
    """Coverage by dots of one ink: clustered (laser), scattered (inkjet), none (photo), hard (copy)."""
    period, deviation = halftone.period, halftone.deviation
    u = (angle.cos() * places[:, :1] + angle.sin() * places[:, 1:]) / period
    v = (angle.cos() * places[:, 1:] - angle.sin() * places[:, :1]) / period
    spot = ((2 * math.pi * u).cos() + (2 * math.pi * v).cos()) / 4 + 0.5
    kept = torch.exp(-2 * (math.pi * deviation / period) ** 2)
    sharp = (1.5 + 1.2 * (period - 2).clamp(0, 6)).clamp(1.5, 8)
    # The spot function is not spread evenly from 0 to 1, its threshold makes up for it.
    clustered = ((spot - (1 - amount).clamp(0.02, 0.98) ** 0.9) * sharp + 0.5).clamp(0, 1)
    clustered = amount + (clustered - amount) * kept
    grain = _grain(places, period)
    rough = (amount * (1 - amount)).clamp_min(0).sqrt()
    scattered = (
        amount + 0.6 * grain * rough * torch.exp(-2 * (deviation / period.clamp_min(0.8)) ** 2)
    ).clamp(0, 1)
    copied = ((amount - 0.5) * 6 + 0.5 + 0.5 * grain).clamp(0, 1)
    kind = halftone.kind
    dots = torch.where(kind == 0, clustered, torch.where(kind == 1, scattered, amount))
    return torch.where(kind == 3, torch.lerp(clustered, copied, 0.5), dots)


def _grain(places: Tensor, period: Tensor) -> Tensor:
    """Noise in dots of a third of the period or a pixel at least, its slow parts removed as printers do."""
    count = len(places)
    noise = torch.randn(count, 1, 256, 256)
    noise = noise - gaussian(noise, torch.full((count, 1, 1, 1), 1.5))
    return sample(noise, places / (period / 3).clamp_min(0.8), smooth=False)


def _curl(count: int, side: int) -> Tensor:
    """(N, 2, H, W): paper is never flat."""
    field = torch.cat([clouds(count, side, side, 2), clouds(count, side, side, 2)], 1) - 0.5
    return field * uniform(count, 0, 0.08) * side


def _paper(count: int, side: int) -> Tensor:
    white = uniform(count, 0.75, 0.92) * (1 + 0.02 * torch.randn(count, 3, 1, 1))
    fibres = torch.randn(count, 1, side, side)
    fibres = gaussian(fibres, uniform(count, 0.6, 2))
    fibres = fibres / fibres.std((2, 3), keepdim=True)
    return white * (
        1 + uniform(count, 0, 0.02) * fibres + uniform(count, 0, 0.05) * (clouds(count, side, side, 6) - 0.5)
    )


def _head_bands(places: Tensor, count: int) -> Tensor:
    """Stripes of up to 3 % that a printer's head or drum leaves."""
    across = torch.where(happens(count, 0.5), places[:, :1], places[:, 1:])
    depth = torch.where(happens(count, 0.5), uniform(count, 0, 0.03), 0)
    return 1 + depth * (2 * math.pi * (across / log_uniform(count, 8, 200) + uniform(count))).cos()


def _with_margin(light: Tensor, places: Tensor, around: Tensor) -> Tensor:
    """Every fifth window shows the edge of the sheet, and the table."""
    count, _, side, _ = light.shape
    edge = torch.where(happens(count, 0.2), uniform(count, 0.1, 0.45), 9.0) * side
    across = torch.where(happens(count, 0.5), places[:, :1], places[:, 1:]) * torch.where(
        happens(count, 0.5), -1, 1
    )
    white = uniform(count, 0.75, 0.92)
    margin, table = (across - edge).clamp(0, 1), (across - edge - uniform(count, 0, 100)).clamp(0, 1)
    below = gaussian(scene_of(sample(around, places)), uniform(count, 0.3, 3)) * log_uniform(count, 0.3, 1)
    return torch.lerp(torch.lerp(light, white.expand_as(light), margin), below, table)


def _lit(count: int, side: int) -> Tensor:
    """Light on the sheet: uneven, coloured, with gloss at times."""
    shade = 1 - uniform(count, 0, 0.5) * clouds(count, side, side, 2)
    gloss = (clouds(count, side, side, 3) - uniform(count, 0.6, 0.9)).clamp_min(0) * uniform(count, 0, 1.5)
    return shade * (1 + 0.08 * torch.randn(count, 3, 1, 1)) + torch.where(happens(count, 0.2), gloss, 0)
