"""The network that tells originals from photos of screens and of prints, by crops at full resolution.

What gives a recapture away is fine: moire, the grid of a display, halftone, noise that followed both. So
nothing is scaled before the network sees it. Each crop is looked at twice: as pixels with their residuals
(fixed high-pass filters, Fridrich and Kodovsky 2012), and as a spectrum in log-polar coordinates, where a
lattice keeps its shape whatever its pitch and angle. Crops are joined by gated attention (Ilse et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irs_engine.errors import WeightsError
from irs_engine.registry import network
from irs_engine.vision.nets.layers import ConvNorm

SIDE = 256  # of a crop
CLASSES = ("original", "screen", "print")
CONTEXT = "context."  # begins names of tensors in its file that are no part of it (recapture_context.py)
FEATURES = 160
RINGS, ANGLES = 64, 64  # of the spectrum


@network
class RecaptureNet(nn.Module):
    """(N, crops, 3, SIDE, SIDE) RGB in 0..1 to (N, 3) logits of CLASSES."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = Pixels()
        self.spectrum = Spectrum()
        self.join = nn.Linear(self.pixels.outputs + self.spectrum.outputs, FEATURES)
        self.attend, self.gate = nn.Linear(FEATURES, 64), nn.Linear(FEATURES, 64)
        self.weigh = nn.Linear(64, 1)
        self.classes = nn.Linear(FEATURES, len(CLASSES))

    def forward(self, crops: Tensor) -> Tensor:
        features = self.features(crops.flatten(0, 1)).unflatten(0, crops.shape[:2])
        return self.classes(self.joined(features))

    def features(self, crops: Tensor) -> Tensor:
        """(N, 3, SIDE, SIDE) to (N, FEATURES)."""
        planes = to_luma_chroma(crops)
        both = torch.cat([self.pixels(planes), self.spectrum(planes)], 1)
        return F.hardswish(self.join(both))

    def convolve_in(self, dtype: torch.dtype) -> None:
        """For inference: the convolutions alone; residuals, spectrum and what follows stay as they are."""
        for branch in (self.pixels, self.spectrum):
            branch.layers.to(dtype)
            branch.dtype = dtype

    def joined(self, features: Tensor) -> Tensor:
        """(N, crops, FEATURES) to (N, FEATURES)."""
        weights = self.weigh(torch.tanh(self.attend(features)) * torch.sigmoid(self.gate(features)))
        return (features * weights.softmax(1)).sum(1)


def to_luma_chroma(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) RGB in 0..1 to Y, Cb, Cr about 0 (JPEG's, chroma as strong as luma)."""
    red, green, blue = rgb.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([luma - 0.5, (blue - luma) * 1.2, (red - luma) * 1.2], 1)


class Residuals(nn.Module):
    """(N, 3, H, W) planes to (N, 32, H / 2, W / 2): the planes, and what neighbours do not foretell of them.

    Residuals are of luma along rows, along columns and all around, of chroma all around. Every other pixel of
    every plane is a plane of its own, so nothing is lost by the stride.
    """

    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        alone, second, near, around = torch.zeros(4, 5, 5).unbind()
        alone[2, 2] = 1
        second[2, 1:4] = torch.tensor([1.0, -2, 1]) / 2
        near[1:4, 1:4] = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]) / 4
        row, middle = torch.tensor([-1.0, 2, -2, 2, -1]), torch.tensor([-2.0, 8, -12, 8, -2])
        around.copy_(torch.stack([row, torch.tensor([2.0, -6, 8, -6, 2]), middle, row, row]) / 12)
        around[3], around[4] = around[1], around[0]
        filters = [(0, alone), (1, alone), (2, alone)]
        filters += [(0, 8 * second), (0, 8 * second.T), (0, 8 * around), (1, 8 * near), (2, 8 * near)]
        kernels = torch.zeros(len(filters), 2, 2, 3, 6, 6)
        for number, (plane, kernel) in enumerate(filters):
            for y in (0, 1):
                for x in (0, 1):
                    kernels[number, y, x, plane, y : y + 5, x : x + 5] = kernel
        self.register_buffer("kernels", kernels.flatten(0, 2), persistent=False)

    def forward(self, planes: Tensor) -> Tensor:
        # Not in bfloat16, which would round away what is looked for.
        with torch.autocast(planes.device.type, enabled=False):
            planes = planes.float().contiguous(memory_format=torch.channels_last)
            return F.conv2d(planes, self.kernels, stride=2, padding=2).clamp(-2, 2)


class Pixels(nn.Module):
    """Four scales of plain convolutions, the last summed up by mean and by maximum."""

    WIDTHS = (24, 48, 96, 160)
    BLOCKS = (0, 2, 2, 2)  # none at the first, which would cost as much as all others
    dtype = torch.float32

    def __init__(self) -> None:
        super().__init__()
        self.residuals = Residuals()
        first, *others = self.BLOCKS
        layers: list[nn.Module] = [
            ConvNorm(32, self.WIDTHS[0], 3),
            nn.Hardswish(),
            *blocks(self.WIDTHS[0], first),
        ]
        for (inputs, outputs), count in zip(pairwise(self.WIDTHS), others, strict=True):
            layers += [ConvNorm(inputs, outputs, halve=True), nn.Hardswish(), *blocks(outputs, count)]
        self.layers = nn.Sequential(*layers)
        self.outputs = 2 * self.WIDTHS[-1]

    def forward(self, planes: Tensor) -> Tensor:
        x = self.residuals(planes).to(self.dtype, memory_format=torch.channels_last)
        return summed_up(self.layers(x))


class Block(nn.Module):
    """x + W2 h(W1 * x)."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(ConvNorm(width, width, 3), nn.Hardswish(), ConvNorm(width, width, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


def blocks(width: int, count: int) -> list[nn.Module]:
    return [Block(width) for _ in range(count)]


class Spectrum(nn.Module):
    """Log magnitude over log-polar frequency, less what all angles of a ring have in common."""

    outputs = 128
    dtype = torch.float32
    window: Tensor
    grid: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(SIDE, periodic=False)
        self.register_buffer("window", window[:, None] * window, persistent=False)
        radius = torch.exp(torch.linspace(math.log(4), math.log(SIDE / 2 * 1.3), RINGS))[:, None]
        angle = (torch.arange(ANGLES) * (math.pi / ANGLES) - math.pi / 2)[None]
        x, y = radius * angle.cos(), radius * angle.sin()  # of the half plane that a real picture has
        grid = torch.stack([2 * x / (SIDE / 2) - 1, 2 * y / SIDE], 2)
        self.register_buffer("grid", grid[None], persistent=False)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((6, 32, 48, 64)):
            layers += [ConvNorm(inputs, outputs, halve=True), nn.Hardswish()]
        self.layers = nn.Sequential(*layers, ConvNorm(64, 64, 3), nn.Hardswish())

    def forward(self, planes: Tensor) -> Tensor:
        rings = self.rings(planes).to(self.dtype, memory_format=torch.channels_last)
        return summed_up(self.layers(rings))

    def rings(self, planes: Tensor) -> Tensor:
        """(N, 3, SIDE, SIDE) to (N, 6, RINGS, ANGLES): what differs in a ring, and what is common."""
        mean = planes.mean((2, 3), keepdim=True)
        waves = torch.fft.rfft2((planes - mean) * self.window, norm="ortho").abs()
        found = torch.log(waves.square() + 1e-6) / 2
        found = torch.fft.fftshift(found, dim=2)
        rings = F.grid_sample(found, self.grid.expand(len(found), -1, -1, -1), align_corners=False)
        common = rings.median(3, keepdim=True).values
        return torch.cat([rings - common, (common + 3).expand_as(rings) / 3], 1)


def summed_up(x: Tensor) -> Tensor:
    """(N, C, h, w) to (N, 2 C): mean and maximum."""
    return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1).float()


def build_recapture_net(tensors: Mapping[str, Tensor]) -> RecaptureNet:
    """The network with the tensors of a weights file.

    Raises:
        WeightsError: A tensor is missing, or has another shape than the network needs.
    """
    net = RecaptureNet()
    own = (name for name in tensors if name != "calibration" and not name.startswith(CONTEXT))
    values = {name: tensors[name].float() for name in own}
    # Counts of batches are not needed to answer.
    counts = {name: value for name, value in net.state_dict().items() if not value.is_floating_point()}
    try:
        net.load_state_dict(values | counts)
    except RuntimeError as error:
        raise WeightsError(f"these weights do not fit {RecaptureNet.__name__}: {error}") from error
    return net.eval()
