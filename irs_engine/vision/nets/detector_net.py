"""The detection network: the tagger's trunk, features joined over four scales, and a head at each of them.

Without anchors: every place of the four grids answers with the likelihood of each class and with the
distances to the sides of a box around it, each distance as a distribution over BINS strides (Generalized
Focal Loss, Li et al. 2020; PicoDet, Yu et al. 2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irs_engine.errors import WeightsError
from irs_engine.registry import network
from irs_engine.vision.nets.layers import ConvNorm
from irs_engine.vision.nets.tagger_net import FIRST_OF_WIDTH, TaggerNet, trunk

SIDE = 416  # of the pictures that the shipped weights were trained with
STRIDES = (8, 16, 32, 64)
BINS = 8  # distances of a side that are told apart: 0 to BINS - 1 strides
WIDTH = 96
READ = (1, 3, 5)  # stages whose features are joined: the last ones of strides 8, 16 and 32


class Refine(nn.Module):
    """x + W2 h(W1 D x), then hard-swish: what comes from another scale settles in."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(width, width, 5, groups=width),
            ConvNorm(width, 2 * width),
            nn.Hardswish(),
            ConvNorm(2 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.hardswish(x + self.body(x))


class Neck(nn.Module):
    """Maps of strides 8, 16 and 32 to WIDTH channels at STRIDES: down, then up (PAN, Liu et al. 2018)."""

    def __init__(self, inputs: Sequence[int]):
        super().__init__()
        self.enter = nn.ModuleList(ConvNorm(channels, WIDTH) for channels in inputs)
        self.coarse = ConvNorm(WIDTH, WIDTH, halve=True)
        self.down = nn.ModuleList(Refine(WIDTH) for _ in inputs[1:])
        self.halve = nn.ModuleList(ConvNorm(WIDTH, WIDTH, halve=True) for _ in inputs)
        self.up = nn.ModuleList(Refine(WIDTH) for _ in inputs)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        found = [F.hardswish(enter(x)) for enter, x in zip(self.enter, maps, strict=True)]
        coarsest = self.coarse(found[-1])
        for level in reversed(range(len(self.down))):
            above = F.interpolate(found[level + 1], found[level].shape[2:])
            found[level] = self.down[level](found[level] + above)
        joined = [found[0]]
        for level, (halve, refine) in enumerate(zip(self.halve, self.up, strict=True)):
            own = found[level + 1] if level + 1 < len(found) else coarsest
            joined.append(refine(own + halve(joined[-1])))
        return joined


class Head(nn.Module):
    """(N, WIDTH, h, w) to (N, h w, classes) logits and (N, h w, 4 BINS) logits of the sides."""

    def __init__(self, classes: int):
        super().__init__()
        self.tower = nn.Sequential(
            ConvNorm(WIDTH, WIDTH, 5, groups=WIDTH),
            ConvNorm(WIDTH, WIDTH),
            nn.Hardswish(),
            ConvNorm(WIDTH, WIDTH, 5, groups=WIDTH),
            ConvNorm(WIDTH, WIDTH),
            nn.Hardswish(),
        )
        self.classes, self.sides = nn.Linear(WIDTH, classes), nn.Linear(WIDTH, 4 * BINS)
        nn.init.normal_(self.classes.weight, std=0.01)
        nn.init.constant_(self.classes.bias, -math.log(99))  # nearly nothing is anything: one in a hundred

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        places = self.tower(x).flatten(2).transpose(1, 2)
        return self.classes(places), self.sides(places)


@network
class DetectorNet(nn.Module):
    """(N, 3, H, W) RGB in -1..1, H and W divisible by 32, to logits of all places, those of stride 8 first.

    Returns (N, places, classes) of the classes and (N, places, 4 BINS) of left, top, right and bottom.
    """

    def __init__(self, classes: int, widths: Sequence[int] = TaggerNet.WIDTHS):
        super().__init__()
        _, b, c, d = widths
        self.stages = trunk(widths)
        self.neck = Neck((b, c, d))
        self.heads = nn.ModuleList(Head(classes) for _ in STRIDES)
        self.classes = classes

    def features(self, x: Tensor, done: int = 0) -> list[Tensor]:
        """(N, WIDTH, h, w) at each of STRIDES; `x` is a picture, or what the first `done` stages made of it.

        `done` may be 2 at most: what later stages say is read.
        """
        maps = []
        for number, stage in enumerate(self.stages, 1):
            x = stage(x) if number > done else x
            if number - 1 in READ and number >= done:
                maps.append(x)
        return self.neck(maps)

    def answers(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        scores, sides = zip(*(head(x) for head, x in zip(self.heads, features, strict=True)), strict=True)
        return torch.cat(scores, 1), torch.cat(sides, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.answers(self.features(x))


def grid(height: int, width: int) -> tuple[Tensor, Tensor]:
    """(places, 2) centres x, y in pixels of the network's input, and (places,) strides."""
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centres.append((torch.stack([x.flatten(), y.flatten()], 1) + 0.5) * stride)
        strides.append(torch.full((rows * columns,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def decode_sides(sides: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """(..., places, 4 BINS) logits to (..., places, 4) boxes: left, top, right, bottom in pixels."""
    return boxes_of_bins(sides.unflatten(-1, (4, BINS)).softmax(-1), centres, strides)


def boxes_of_bins(bins: Tensor, centres: Tensor, strides: Tensor) -> Tensor:
    """The same of (..., places, 4, BINS) distributions."""
    mean = (bins * torch.arange(BINS, dtype=bins.dtype, device=bins.device)).sum(-1)
    distances = mean * strides[:, None]
    return torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], -1)


def widths_of(tensors: Mapping[str, Tensor]) -> list[int]:
    """Of the trunk that the tensors belong to."""
    return [len(tensors[f"stages.{place}.0.weight"]) for place in FIRST_OF_WIDTH]


def build_detector_net(tensors: Mapping[str, Tensor]) -> DetectorNet:
    """The network that the tensors of a weights file describe; classes and widths are read off their shapes.

    Raises:
        WeightsError: A tensor is missing, or has another shape than the network needs.
    """
    own = {name: v for name, v in tensors.items() if name != "calibration"}  # that is for its scores
    values = {name: v.float() if v.is_floating_point() else v for name, v in own.items()}
    try:
        net = DetectorNet(len(values["heads.0.classes.weight"]), widths_of(values))
        net.load_state_dict(values)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"these weights do not fit {DetectorNet.__name__}: {error}") from error
    return net.eval()
