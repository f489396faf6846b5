"""Depthwise convolutions whose gradients are computed natively on a CPU, in full precision under autocast.

torch's gradient of a depthwise kernel takes ten times as long as the convolution itself in float32 and thirty
times in bfloat16: a quarter to a half of the whole step of a network of depthwise blocks.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from irs_engine import _native

BLOCK, SIDES = 16, (3, 5, 7)  # channels and sides of kernels that the native code takes

Net = TypeVar("Net", bound=nn.Module)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight.to(x.dtype), None, 1, weight.shape[-1] // 2, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        gradient = gradients[0].to(x.dtype)
        # Of a "same" convolution of stride 1, the gradient by x is another, with the kernels turned.
        turned = weight.flip(2, 3).to(x.dtype)
        by_x = F.conv2d(gradient, turned, None, 1, weight.shape[-1] // 2, 1, len(weight))
        return by_x, _by_weight(x, gradient, weight)


def _by_weight(x: Tensor, gradient: Tensor, weight: Tensor) -> Tensor:
    side = weight.shape[-1]
    if x.device.type == "cpu" and len(weight) % BLOCK == 0 and side in SIDES:
        rows, by_rows = (_rows(t) for t in (x, gradient))
        out = np.empty((side, side, len(weight)), np.float32)
        _native.depthwise_gradient(rows, by_rows, out, x.shape[2])
        return torch.from_numpy(out).permute(2, 0, 1)[:, None]
    return conv2d_weight(x.float(), weight.shape, gradient.float(), 1, side // 2, 1, len(weight))


def _rows(x: Tensor) -> np.ndarray:
    """(N, C, h, w) to (N h, w, C) float32."""
    return x.permute(0, 2, 3, 1).float().contiguous().flatten(0, 1).numpy()


class DepthwiseConv2d(nn.Conv2d):
    """A "same" depthwise convolution of stride 1 without bias; parameters as those of `nn.Conv2d`."""

    def forward(self, x: Tensor) -> Tensor:
        return _Depthwise.apply(x, self.weight)


def full_precision_gradients(net: Net) -> Net:
    """Make every plain depthwise convolution inside a `DepthwiseConv2d`, in place."""
    for module in net.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1 and module.bias is None:
            assert module.stride == (1, 1) and module.padding == tuple(k // 2 for k in module.kernel_size)
            module.__class__ = DepthwiseConv2d
    return net
