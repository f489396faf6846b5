"""Where the pixels of a sensor look on a plane in front of it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from irs_engine.train.optics.draws import uniform


def look_at_plane(count: int, side: int, turn: float, tilt: float) -> Tensor:
    """(count, 2, side, side) x and y on the plane, in pixels of the sensor at its middle.

    Args:
        turn: Most rotation, in degrees.
        tilt: Most change of scale by perspective from one border to the other.
    """
    place = torch.arange(side) - (side - 1) / 2
    y, x = torch.meshgrid(place, place, indexing="ij")
    x, y = x[None, None], y[None, None]
    bent = 1 + uniform(count, -0.02, 0.02) * (x * x + y * y) / side**2
    angle = uniform(count, -turn, turn) * (math.pi / 180)
    depth = 1 + uniform(count, -tilt, tilt) * x / side + uniform(count, -tilt, tilt) * y / side
    scale = bent / depth
    return torch.cat(
        [(angle.cos() * x - angle.sin() * y) * scale, (angle.sin() * x + angle.cos() * y) * scale], 1
    )


def inside(image: Tensor, places: Tensor) -> Tensor:
    """(N, 1, H, W): 1 at places in the image, 0 beyond its borders, soft over a pixel."""
    half = torch.tensor([image.shape[3], image.shape[2]])[None, :, None, None] / 2
    return (half - places.abs() + 0.5).clamp(0, 1).prod(1, keepdim=True)


def sample(image: Tensor, places: Tensor, smooth: bool = True) -> Tensor:
    """Of (N, C, h, w) at (N, 2, H, W) places in its pixels, from its middle; mirrored beyond its borders."""
    height, width = image.shape[2:]
    grid = torch.stack([places[:, 0] * (2 / width), places[:, 1] * (2 / height)], 3)
    mode = "bilinear" if smooth else "nearest"
    return F.grid_sample(image, grid, mode, "reflection", align_corners=False)
