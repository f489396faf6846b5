"""Defog: haze and fog, even or in patches, taken away by a network that sees where they lie.

The network (`haze_net`) looks at a thumbnail, so what it finds does not depend on the size of the picture.
The picture itself is read twice and written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from irs_engine import _native
from irs_engine.errors import WeightsError
from irs_engine.weights import Given, load_weights

if TYPE_CHECKING:
    import torch

WEIGHTS = "haze_s"
LONG_SIDE = 128  # of the thumbnail
STRIDE = 32  # both sides of the thumbnail are multiples of it
MAP_STRIDE = 8  # pixels of the thumbnail for one of a map
MAPS = 6
MOST_CONTRAST = 8.0  # beyond this times, noise and the steps of 8 bits would show
NATURAL, THOROUGH = 1.0, 1.5  # how much is taken away of the haze that is seen
NEUTRAL_GAMMA = 1.5  # leaves the brightness that the network finds right


class HazeSight(Protocol):
    """The network and the work on pixels, on one device."""

    def clear(self, pixels: np.ndarray, strength: float, exponent: float) -> np.ndarray: ...


class Defogger:
    """Safe to share between threads.

    Args:
        weights: A .safetensors file, or a folder to look in first; the shipped ones by default.
    """

    def __init__(self, device: torch.device | str = "cpu", weights: Given = None):
        self._sight: HazeSight = OnNative(weights) if str(device) == "cpu" else OnTorch(device, weights)

    def clear(
        self, pixels: np.ndarray, gamma: float = NEUTRAL_GAMMA, natural_look: bool = True
    ) -> np.ndarray:
        """(H, W, 3) RGB uint8 or uint16 without its haze.

        Args:
            gamma: The result is raised to the power 1.5 / gamma: larger is brighter, 1.5 leaves it as it is.
            natural_look: False takes away more than there seems to be.
        """
        return self._sight.clear(pixels, NATURAL if natural_look else THOROUGH, NEUTRAL_GAMMA / gamma)


class OnNative:
    """In C++, on the CPU."""

    def __init__(self, weights: Given):
        self._net = _native.HazeNet(layers_of(load_weights(WEIGHTS, weights, framework="np")))

    def clear(self, pixels: np.ndarray, strength: float, exponent: float) -> np.ndarray:
        maps = self.maps(pixels)
        out = np.empty_like(pixels)
        _native.defog(pixels, maps, out, strength, MOST_CONTRAST, exponent)
        return out

    def maps(self, pixels: np.ndarray) -> np.ndarray:
        """(h, w, 6) float32: what the network says of the picture."""
        width, height = thumbnail_size(pixels.shape[1], pixels.shape[0])
        thumbnail = np.empty((height, width, 3), np.float32)
        _native.thumbnail(pixels, thumbnail)
        maps = np.empty((height // MAP_STRIDE, width // MAP_STRIDE, MAPS), np.float32)
        self._net.run(thumbnail, maps)
        return maps


class OnTorch:
    """In torch: the path on CUDA, and the oracle of the native one."""

    def __init__(self, device: torch.device | str, weights: Given):
        from irs_engine.enhance.haze_net import build_haze_net

        self.device = device
        self.net = build_haze_net(load_weights(WEIGHTS, weights)).to(device)

    def clear(self, pixels: np.ndarray, strength: float, exponent: float) -> np.ndarray:
        import torch

        from irs_engine.enhance.haze_net import clear

        largest = np.iinfo(pixels.dtype).max
        width, height = thumbnail_size(pixels.shape[1], pixels.shape[0])
        with torch.inference_mode():
            image = (
                torch.from_numpy(pixels.astype(np.float32)).to(self.device).permute(2, 0, 1)[None] / largest
            )
            maps = self.net(torch.nn.functional.adaptive_avg_pool2d(image, (height, width)))
            found = clear(image, maps, strength).clamp(0, 1) ** exponent
            return (found[0].permute(1, 2, 0) * largest + 0.5).cpu().numpy().astype(pixels.dtype)


def thumbnail_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of the thumbnail, about as the picture is shaped; long pictures are squeezed."""
    scale = LONG_SIDE / max(width, height) / STRIDE
    return max(1, round(width * scale)) * STRIDE, max(1, round(height * scale)) * STRIDE


def layers_of(tensors: Mapping[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each layer, in the order in which a picture passes them.

    Raises:
        WeightsError: One is missing.
    """
    names = [f"down.{i}" for i in range(5)] + ["middle.0", "middle.1", "whole"]
    names += ["up.0", "merge.0", "up.1", "merge.1", "maps"]
    try:
        return [(_kernel(tensors[f"{name}.weight"]), _array(tensors[f"{name}.bias"])) for name in names]
    except KeyError as error:
        raise WeightsError(f"these weights do not fit HazeNet: {error} is missing") from error


def _kernel(weight: np.ndarray) -> np.ndarray:
    """(outputs, inputs, side, side); a linear layer is a convolution of side 1."""
    return _array(weight if weight.ndim == 4 else weight[..., None, None])


def _array(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)
