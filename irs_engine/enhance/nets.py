"""The two super-resolution networks, exactly as published; both see luma only, in 0..1.

What lies beyond a picture is its edge, repeated; hidden layers are never padded. So any part of a picture,
given with `halo` pixels around it, comes out as it does within the whole.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irs_engine.enhance.bicubic import imresize
from irs_engine.errors import WeightsError
from irs_engine.registry import network


class LumaNet(nn.Module):
    """What both have in common: a picture is prepared and extended, its inside enlarged."""

    halo: int  # pixels of what was prepared that are lost on each side

    def prepare(self, luma: Tensor) -> Tensor:
        """What the first convolution sees of the picture, before anything is added around it."""
        return luma

    def features(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def reconstruct(self, features: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, luma: Tensor) -> Tensor:
        x = F.pad(self.prepare(luma), [self.halo] * 4, mode="replicate")
        return self.reconstruct(self.features(x))


@network
class Espcn(LumaNet):
    """(N, 1, H, W) to (N, 1, rH, rW): Shi et al. 2016 (arXiv 1609.05158), 5-3-3 with tanh, r 3 or 4."""

    halo = 4  # pixels of the input

    def __init__(self, scale: int):
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(1, 64, 5)
        self.conv2 = nn.Conv2d(64, 32, 3)
        self.conv3 = nn.Conv2d(32, scale * scale, 3)

    def features(self, x: Tensor) -> Tensor:
        """The inside only: (N, 1, H, W) to (N, 32, H - 6, W - 6)."""
        return torch.tanh(self.conv2(torch.tanh(self.conv1(x))))

    def reconstruct(self, features: Tensor) -> Tensor:
        """(N, 32, H, W) to (N, 1, r (H - 2), r (W - 2))."""
        return F.pixel_shuffle(self.conv3(features), self.scale)


@network
class Srcnn(LumaNet):
    """(N, 1, H, W) to (N, 1, rH, rW): Dong et al. 2016 (arXiv 1501.00092), bicubic and then 9-5-5."""

    halo = 8  # pixels of the enlarged picture

    def __init__(self, scale: int):
        super().__init__()
        self.scale = scale
        self.conv1 = nn.Conv2d(1, 64, 9)
        self.conv2 = nn.Conv2d(64, 32, 5)
        self.conv3 = nn.Conv2d(32, 1, 5)

    def prepare(self, luma: Tensor) -> Tensor:
        return imresize(luma, self.scale)

    def features(self, x: Tensor) -> Tensor:
        """The inside only: (N, 1, H, W) to (N, 32, H - 12, W - 12)."""
        return torch.relu(self.conv2(torch.relu(self.conv1(x))))

    def reconstruct(self, features: Tensor) -> Tensor:
        """(N, 32, H, W) to (N, 1, H - 4, W - 4)."""
        return self.conv3(features)


NETWORKS: dict[str, type[Espcn] | type[Srcnn]] = {"ESPCN": Espcn, "SRCNN": Srcnn}


def build_super_resolution_net(model: str, scale: int, tensors: Mapping[str, Tensor]) -> Espcn | Srcnn:
    """The network with the tensors of a weights file.

    Raises:
        WeightsError: A tensor is missing, or has another shape than the network needs.
    """
    net = NETWORKS[model](scale)
    try:
        net.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"these weights do not fit {model} x{scale}: {error}") from error
    return net.eval()
