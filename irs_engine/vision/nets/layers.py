"""Layers that the networks of this package share, and their form for inference."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


class HalvingConv(nn.Conv2d):
    """3x3 convolution of stride 2 whose window starts at the even pixel: padding at the right and the bottom
    only.

    The output grid is then that of TensorFlow's networks, so that maps of teachers from there lie on ours.
    Odd sides are rounded up.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = False):
        super().__init__(inputs, outputs, 3, 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(pad_to_halve(x))


def pad_to_halve(x: Tensor) -> Tensor:
    """(N, C, h, w) with what `HalvingConv` reads beyond the last pixel."""
    return F.pad(x, (0, 1 + x.shape[3] % 2, 0, 1 + x.shape[2] % 2))


class ConvNorm(nn.Sequential):
    """Convolution and batch normalisation; `fused()` gives the single linear map that both amount to."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, *, groups: int = 1, halve: bool = False):
        if halve:
            conv: nn.Conv2d = HalvingConv(inputs, outputs)
        else:
            conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs))

    @torch.no_grad()
    def fused(self) -> nn.Module:
        conv, norm = self
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight, bias = conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
        if conv.kernel_size == (1, 1):
            return PixelLinear(weight.flatten(1), bias)
        fused = copy.deepcopy(conv)
        fused.weight, fused.bias = nn.Parameter(weight), nn.Parameter(bias)
        return fused


class PixelLinear(nn.Module):
    """A 1x1 convolution as one matrix product over all pixels.

    With channels last neither side is copied, and on a CPU it saves the reordering of weights at every call
    that torch's convolution does.
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)


def fuse(module: Net) -> Net:
    """Replace every ConvNorm inside by its single linear map, in place; for inference only."""
    for name, child in module.named_children():
        if isinstance(child, ConvNorm):
            setattr(module, name, child.fused())
        elif isinstance(child, nn.Hardswish):
            child.inplace = True
        else:
            fuse(child)
    return module.eval()
