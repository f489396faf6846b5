"""Random numbers and smooth random fields, one for every picture of a batch; light on its scales."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def uniform(count: int, low: float = 0, high: float = 1) -> Tensor:
    """(count, 1, 1, 1) from low to high."""
    return low + (high - low) * torch.rand(count, 1, 1, 1)


def log_uniform(count: int, low: float, high: float) -> Tensor:
    """(count, 1, 1, 1) from low to high, every factor alike."""
    return low * (high / low) ** uniform(count)


def happens(count: int, share: float) -> Tensor:
    """(count, 1, 1, 1) True for so many, on average."""
    return uniform(count) < share


def clouds(count: int, height: int, width: int, cells: int) -> Tensor:
    """(count, 1, height, width) smooth noise, each from 0 to 1."""
    noise = torch.randn(count, 1, cells, cells + cells // 3 + 1)
    noise = F.interpolate(noise, (height // 4, width // 4), mode="bicubic")
    low, high = noise.amin((2, 3), keepdim=True), noise.amax((2, 3), keepdim=True)
    return F.interpolate((noise - low) / (high - low), (height, width), mode="bilinear")


def to_linear(srgb: Tensor) -> Tensor:
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp_min(0) + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Tensor) -> Tensor:
    curve = 1.055 * linear.clamp(0.0031308, 1) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curve)
