"""Bicubic resampling as MATLAB's `imresize` does it, the measure of all super-resolution papers.

Keys' kernel with a = -0.5, widened when shrinking (antialiasing), weights normalised, borders mirrored with
the edge sample repeated, rows before columns.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor


def imresize(planes: Tensor, factor: Fraction | int, *, whole_numbers: bool = False) -> Tensor:
    """(..., H, W) to (..., ceil(H f), ceil(W f)), same floating type.

    Args:
        whole_numbers: Round half up to 0..255 after each of the two passes, as MATLAB does with uint8.
    """
    for axis in (-2, -1):
        index, weight = taps(planes.shape[axis], Fraction(factor))
        index, weight = index.to(planes.device), weight.to(planes.device, planes.dtype)
        total = torch.zeros((), dtype=planes.dtype, device=planes.device)
        for k in range(index.shape[1]):  # one tap at a time: all at once would take many times the memory
            share = weight[:, k, None] if axis == -2 else weight[:, k]
            total = total + planes.index_select(axis, index[:, k]) * share
        planes = (total + 0.5).floor().clamp(0, 255) if whole_numbers else total
    return planes


def taps(inputs: int, factor: Fraction) -> tuple[Tensor, Tensor]:
    """Which samples make up each output, and their weights: both (outputs, taps)."""
    outputs = math.ceil(inputs * factor)
    shrink = min(float(factor), 1.0)
    reach = 4 / shrink  # support of the kernel in input samples
    centre = (torch.arange(outputs, dtype=torch.float64) + 0.5) / float(factor) - 0.5
    first = (centre - reach / 2).floor()
    index = first[:, None] + torch.arange(math.ceil(reach) + 2, dtype=torch.float64)
    weight = _cubic(shrink * (centre[:, None] - index))
    weight /= weight.sum(1, keepdim=True)
    used = weight.ne(0).any(0)
    mirrored = index[:, used].long() % (2 * inputs)
    return torch.where(mirrored < inputs, mirrored, 2 * inputs - 1 - mirrored), weight[:, used]


def _cubic(d: Tensor) -> Tensor:
    d = d.abs()
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return torch.where(d <= 1, near, torch.where(d <= 2, far, torch.zeros_like(d)))
