"""The tagging network: a trunk of our own and one linear head for each family of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from irs_engine.errors import WeightsError
from irs_engine.registry import network
from irs_engine.vision.nets.layers import ConvNorm

FIRST_OF_WIDTH = ("0.2", "1.0", "2.0", "4.0")  # stage and layer that bring in each of the four widths


class DenseBlock(nn.Module):
    """x + W2 h(W1 * x): a 3x3 convolution to twice the width and back.

    For large maps, where depthwise convolutions wait for memory.
    """

    def __init__(self, width: int, expansion: int = 2):
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(width, width * expansion, 3), nn.Hardswish(), ConvNorm(width * expansion, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class MixBlock(nn.Module):
    """x + W2 h(W1 D x): a 5x5 depthwise convolution on the narrow side, then two layers for each pixel.

    The depthwise step stands before the expansion (as in ConvNeXt, Liu et al. 2022), where it moves a quarter
    of the memory that an inverted residual moves; nothing but linear maps lies between it and W1.
    """

    def __init__(self, width: int, expansion: int = 4):
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(width, width, 5, groups=width),
            ConvNorm(width, width * expansion),
            nn.Hardswish(),
            ConvNorm(width * expansion, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def trunk(widths: Sequence[int]) -> nn.ModuleList:
    """Six stages that end at strides 4, 8, 16 (twice), 32 (twice): RGB in -1..1 to features."""
    a, b, c, d = widths
    return nn.ModuleList(
        [
            nn.Sequential(
                ConvNorm(3, a // 2, halve=True),
                nn.Hardswish(),
                ConvNorm(a // 2, a, halve=True),
                nn.Hardswish(),
                DenseBlock(a),
            ),
            nn.Sequential(ConvNorm(a, b, halve=True), DenseBlock(b), DenseBlock(b)),
            nn.Sequential(ConvNorm(b, c, halve=True), *(MixBlock(c) for _ in range(3))),
            nn.Sequential(*(MixBlock(c) for _ in range(4))),
            nn.Sequential(ConvNorm(c, d, halve=True), *(MixBlock(d) for _ in range(2))),
            nn.Sequential(*(MixBlock(d) for _ in range(2))),
        ]
    )


@network
class TaggerNet(nn.Module):
    """(N, 3, H, W) RGB in -1..1, H and W divisible by 32, to logits (N, classes) by head.

    The last stage of its trunk widens to the pooled feature.
    """

    WIDTHS = (32, 64, 128, 288)
    FEATURE = 1024

    def __init__(self, heads: Mapping[str, int], feature: int = FEATURE, widths: Sequence[int] = WIDTHS):
        super().__init__()
        self.stages = trunk(widths)
        a, b, c, d = widths
        self.widths = (a, b, c, c, d, d)  # channels at the end of each stage
        self.feature_width = feature
        self.feature = nn.Sequential(ConvNorm(d, feature), nn.Hardswish())
        self.classes = dict(heads)
        self.heads = nn.ModuleDict({name: nn.Linear(feature, classes) for name, classes in heads.items()})

    def pooled(self, x: Tensor) -> Tensor:
        """The (N, feature) vector that every head reads."""
        for stage in self.stages:
            x = stage(x)
        return self.feature(x).mean((2, 3))

    def read(self, pooled: Tensor) -> dict[str, Tensor]:
        """What the heads make of it: (N, classes) by head."""
        return {name: head(pooled) for name, head in self.heads.items()}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.read(self.pooled(x))


def build_tagger_net(tensors: Mapping[str, Tensor]) -> TaggerNet:
    """The network that the tensors of a weights file describe; heads and widths are read off their shapes.

    Raises:
        WeightsError: A tensor is missing, or has another shape than the network needs.
    """
    values = {name: v.float() if v.is_floating_point() else v for name, v in tensors.items()}
    own = {name: value for name, value in values.items() if not name.startswith("calibration.")}
    heads = {
        name.split(".")[1]: len(v) for name, v in own.items() if name.startswith("heads.") and v.ndim == 2
    }
    try:
        widths = [len(own[f"stages.{place}.0.weight"]) for place in FIRST_OF_WIDTH]
        net = TaggerNet(heads, len(own["feature.0.0.weight"]), widths)
        net.load_state_dict(own)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"these weights do not fit {TaggerNet.__name__}: {error}") from error
    return net.eval()
