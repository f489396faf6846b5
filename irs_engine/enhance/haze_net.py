"""The network that sees where haze lies and what colour it has, in a thumbnail of the picture.

It draws no pixels. It answers with six small maps, from which every pixel is worked out at full resolution:
the colour of the airlight, A, and how much contrast the haze has taken, as a plane over the brightest and the
darkest channel of a pixel, which lets coarse maps follow sharp edges (as a bilateral grid does, Chen et al.
2007, and its learned form, Gharbi et al. 2017). With I = J t + A (1 - t) (Koschmieder 1924),

    u = 1 / t = offset + slope_max max(I) + slope_min min(I),        J = A + u (I - A).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irs_engine.enhance.defog import MAPS, MOST_CONTRAST
from irs_engine.errors import WeightsError
from irs_engine.registry import network

USUAL_AIRLIGHT = 0.9


@network
class HazeNet(nn.Module):
    """(N, 3, H, W) thumbnails in 0..1 to (N, 6, H / 8, W / 8) maps: a small U-net, sides multiples of 32.

    Every level has half the side of the one before; the smallest is summed up for the whole picture. The maps
    are so coarse that no picture can be painted into them: what they do must be right for whole areas.
    """

    WIDTHS = (16, 32, 48, 64, 64)
    UPWARDS = 2  # levels, back from the smallest to that of the maps

    def __init__(self) -> None:
        super().__init__()
        widths = self.WIDTHS
        self.down = nn.ModuleList(_conv3(i, o, stride=2) for i, o in pairwise((3, *widths)))
        self.middle = nn.ModuleList(_conv3(widths[-1], widths[-1]) for _ in range(2))
        self.whole = nn.Linear(widths[-1], widths[-1])
        upwards = widths[::-1][: self.UPWARDS + 1]
        self.up = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in pairwise(upwards))
        self.merge = nn.ModuleList(_conv3(o, o) for o in upwards[1:])
        self.maps = nn.Conv2d(upwards[-1], MAPS, 1)
        nn.init.zeros_(self.maps.weight)
        no_haze = torch.tensor([USUAL_AIRLIGHT] * 3 + [0.0, 0.0, 1.0])
        self.maps.bias = nn.Parameter(no_haze)

    def forward(self, thumbnails: Tensor) -> Tensor:
        x, levels = 2 * thumbnails - 1, []
        for conv in self.down:
            x = torch.relu(conv(x))
            levels.append(x)
        for conv in self.middle:
            x = x + torch.relu(conv(x))
        x = x + self.whole(x.mean((2, 3)))[:, :, None, None]
        for up, merge, level in zip(self.up, self.merge, levels[-2::-1], strict=False):
            x = torch.relu(level + F.interpolate(up(x), scale_factor=2, mode="bilinear"))
            x = x + torch.relu(merge(x))
        return self.maps(x)


def _conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, padding_mode="replicate")


def clear(image: Tensor, maps: Tensor, strength: float = 1.0) -> Tensor:
    """(N, 3, H, W) hazy pixels and (N, 6, h, w) maps to clear pixels, not clipped.

    Args:
        strength: 0 leaves the picture as it is, 1 takes away the haze that was seen, more takes away more.
    """
    maps = F.interpolate(maps, size=image.shape[2:], mode="bilinear")
    airlight, slope_max, slope_min, offset = maps.split((3, 1, 1, 1), 1)
    seen = offset + slope_max * image.amax(1, keepdim=True) + slope_min * image.amin(1, keepdim=True)
    contrast = (1 + strength * (seen - 1)).clamp(0, MOST_CONTRAST)
    return airlight + (image - airlight) * contrast


def build_haze_net(tensors: Mapping[str, Tensor]) -> HazeNet:
    """The network with the tensors of a weights file.

    Raises:
        WeightsError: A tensor is missing, or has another shape than the network needs.
    """
    net = HazeNet()
    try:
        net.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"these weights do not fit HazeNet: {error}") from error
    return net.eval()
