"""Depthwise convolutions whose gradients stay in full precision under autocast.

torch's bfloat16 gradient of a depthwise kernel on a CPU takes six times as long as the float32 one, and in a
network of depthwise blocks that alone costs more than half precision gains elsewhere.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight.to(x.dtype), None, 1, weight.shape[-1] // 2, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        padding = [weight.shape[-1] // 2] * 2
        by_x, by_weight, _ = torch.ops.aten.convolution_backward(
            gradients[0].float(),
            x.float(),
            weight,
            bias_sizes=None,
            stride=[1, 1],
            padding=padding,
            dilation=[1, 1],
            transposed=False,
            output_padding=[0, 0],
            groups=len(weight),
            output_mask=[True, True, False],
        )
        return by_x.to(x.dtype), by_weight


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
