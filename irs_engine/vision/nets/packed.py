"""Linear maps for inference on a CPU: weights laid out for oneDNN once, hard-swish in the same pass.

torch's own eager convolution lays its weights out anew at every call, which at batch 1 costs as much as the
arithmetic. The operators used here are those that `torch.compile` emits on a CPU; where a build of torch
lacks them, the network stays as it is.
"""

from __future__ import annotations

import itertools
import logging

import torch
from torch import Tensor, nn

from irs_engine.device import wants_bf16
from irs_engine.vision.nets.layers import HalvingConv, Net, PixelLinear, fuse, pad_to_halve

log = logging.getLogger(__name__)

OPERATORS = (
    "_convolution_pointwise",
    "_linear_pointwise",
    "_reorder_convolution_weight",
    "_reorder_linear_weight",
)


def for_inference(net: Net, device: torch.device, precision: str) -> tuple[Net, torch.dtype]:
    """The network fused, on its device, in the numbers that `precision` means there, packed on a CPU."""
    dtype = torch.bfloat16 if wants_bf16(precision, device.type) else torch.float32
    net = fuse(net).to(device, dtype).to(memory_format=torch.channels_last)
    return (pack(net) if device.type == "cpu" else net), dtype


def pack(module: Net) -> Net:
    """Replace the linear maps of a fused network on a CPU, in place; results differ by rounding only."""
    if not (
        torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in OPERATORS)
    ):
        log.info("this torch has no packed linear maps for the CPU")
        return module
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            setattr(module, name, PackedConv(child))
        elif isinstance(child, PixelLinear):
            setattr(module, name, PackedLinear(child))
        else:
            pack(child)
    if isinstance(module, nn.Sequential):
        _join_hardswish(module)
    return module


class PackedConv(nn.Module):
    """A convolution with its bias, and hard-swish if `activation` says so; channels last in and out."""

    def __init__(self, conv: nn.Conv2d, activation: str = "none"):
        super().__init__()
        self.halves = isinstance(conv, HalvingConv)
        self.stride, self.padding, self.groups = list(conv.stride), list(conv.padding), conv.groups
        self.activation = activation
        self.bias = conv.bias
        weight = conv.weight.detach().contiguous(memory_format=torch.channels_last)
        # Kept out of the module's parameters: a packed weight can neither be moved nor saved.
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            weight, self.padding, self.stride, [1, 1], self.groups, None
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.halves:
            x = pad_to_halve(x)
        return torch.ops.mkldnn._convolution_pointwise(
            x,
            self._weight,
            self.bias,
            self.padding,
            self.stride,
            [1, 1],
            self.groups,
            self.activation,
            [],
            "",
        )


class PackedLinear(nn.Module):
    """The same for a PixelLinear."""

    def __init__(self, linear: PixelLinear, activation: str = "none"):
        super().__init__()
        self.activation = activation
        self.bias = linear.bias
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.permute(0, 2, 3, 1)
        return torch.ops.mkldnn._linear_pointwise(
            pixels, self._weight, self.bias, self.activation, [], ""
        ).permute(0, 3, 1, 2)


def _join_hardswish(layers: nn.Sequential) -> None:
    modules = list(layers)
    for i, (linear, following) in enumerate(itertools.pairwise(modules)):
        if isinstance(linear, PackedConv | PackedLinear) and isinstance(following, nn.Hardswish):
            linear.activation = "hardswish"
            layers[i + 1] = nn.Identity()
