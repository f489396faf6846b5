"""Super resolution: pictures enlarged three or four times by ESPCN or SRCNN.

The networks see luma. Colour is enlarged by bicubic and takes over the luma that the network found, alpha
goes through the network by itself. A picture is worked on in bands of rows, so that memory beyond the picture
and its result stays small whatever the size; a band has the rows around it that the network looks at, and the
result has the same bits as if there were no bands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from irs_engine import _native
from irs_engine.device import wants_bf16
from irs_engine.errors import WeightsError
from irs_engine.weights import Given, load_weights

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int], object]  # rows done, rows in all; what it raises ends the work

BAND_PIXELS = 1 << 21  # of the result, about; each takes 4 bytes of luma
BLACK, WHITE = 16 / 255, 235 / 255  # luma as the networks know it
KERNELS = {"ESPCN": (5, 3, 3), "SRCNN": (9, 5, 5)}  # sides of the three layers
REPAIR_BELOW = 88  # JPEG quality; from there on the plain weights are the better ones (measured)
BLEED = 13  # pixels; more than any kernel here reaches to both sides


class Network(Protocol):
    """(H, W) float32 luma to that of its rows from `first` on, enlarged, in `out`."""

    halo: int  # rows above and below that count
    band: int  # bands begin at multiples of so many rows

    def run(self, luma: np.ndarray, out: np.ndarray, first: int) -> None: ...


class SuperResolver:
    """One network on one device. Safe to share between threads.

    Args:
        model: "ESPCN" or "SRCNN".
        scale: 3 or 4.
        precision: "fp32", "bf16", or "auto": bf16 where the machine is faster with it.
        weights: A .safetensors file, or a folder to look in first; the shipped ones by default.
        repair: Take the weights that undo JPEG compression as well.
    """

    def __init__(
        self,
        model: str,
        scale: int,
        device: torch.device | str = "cpu",
        precision: str = "auto",
        weights: Given = None,
        repair: bool = False,
    ):
        self.scale = scale
        name = f"{model.lower()}_x{scale}{'_jpeg' if repair else ''}"
        if str(device) == "cpu":
            tensors = load_weights(name, weights, framework="np")
            self.network: Network = OnNative(model, scale, tensors, precision)
        else:
            self.network = OnTorch(model, scale, load_weights(name, weights), device, precision)

    def enlarge(
        self, pixels: np.ndarray, alpha: np.ndarray | None = None, *, progress: Progress | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """(H, W, 3) RGB uint8 or uint16 and (H, W) alpha, both enlarged.

        Args:
            progress: Called after every band with the rows done and the rows in all.
        """
        height, width, _ = pixels.shape
        if alpha is not None:
            pixels = bleed(pixels, alpha)
        out = np.empty((height * self.scale, width * self.scale, 3), pixels.dtype)
        for begin, end, found in self._bands(pixels, _native.luma):
            _native.merge_luma(pixels, found, out[begin * self.scale : end * self.scale], begin, self.scale)
            if progress:
                progress(end, height)
        return out, None if alpha is None else self._enlarge_alpha(alpha)

    def luma(self, luma: np.ndarray) -> np.ndarray:
        """(H, W) float32 luma, 16/255 to 235/255, to (rH, rW): the network alone, for measuring it."""
        luma = np.ascontiguousarray(luma, np.float32)
        found = np.empty((luma.shape[0] * self.scale, luma.shape[1] * self.scale), np.float32)
        self.network.run(luma, found, 0)
        return found

    def _bands(
        self, pixels: np.ndarray, to_luma: Callable[[np.ndarray, np.ndarray], object]
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """(begin, end) of bands of rows, and the luma that the network finds there, valid until the next."""
        height, width = pixels.shape[:2]
        halo, r = self.network.halo, self.scale
        rows = max(1, BAND_PIXELS // (width * r * r * self.network.band)) * self.network.band
        luma = np.empty((min(height, rows + 2 * halo), width), np.float32)
        found = np.empty((min(height, rows) * r, width * r), np.float32)
        for begin in range(0, height, rows):
            end = min(begin + rows, height)
            top, bottom = max(0, begin - halo), min(height, end + halo)
            to_luma(pixels[top:bottom], luma[: bottom - top])
            self.network.run(luma[: bottom - top], found[: (end - begin) * r], begin - top)
            yield begin, end, found[: (end - begin) * r]

    def _enlarge_alpha(self, alpha: np.ndarray) -> np.ndarray:
        height, width = alpha.shape
        largest = np.iinfo(alpha.dtype).max
        to_luma, to_alpha = (WHITE - BLACK) / largest, largest / (WHITE - BLACK)

        def as_luma(alpha: np.ndarray, luma: np.ndarray) -> None:
            luma[:] = BLACK + to_luma * alpha

        out = np.empty((height * self.scale, width * self.scale), alpha.dtype)
        for begin, end, found in self._bands(alpha, as_luma):
            level = (found - BLACK) * to_alpha + 0.5
            out[begin * self.scale : end * self.scale] = np.clip(level, 0, largest)
        return out


class OnNative:
    """The network in C++, on the CPU."""

    def __init__(self, model: str, scale: int, tensors: dict[str, Any], precision: str):
        layers = _layers(model, scale, tensors)
        w1, b1, w2, b2, w3, b3 = layers
        self._net: _native.Espcn | _native.Srcnn
        if model == "ESPCN":
            self._net = _native.Espcn(w1, b1, w2, b2, w3, b3)
        else:
            self._net = _native.Srcnn(w1, b1, w2, b2, w3, b3, scale)
        self.halo, self.band = self._net.halo, self._net.band
        self.bf16 = precision == "bf16" or (precision == "auto" and _native.has_bf16())

    def run(self, luma: np.ndarray, out: np.ndarray, first: int) -> None:
        self._net.run(luma, out, first, self.bf16)


def _layers(model: str, scale: int, tensors: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Weight and bias of each layer in turn, of the shapes that the network has."""
    outputs = (64, 32, scale * scale if model == "ESPCN" else 1)
    expected: dict[str, tuple[int, ...]] = {}
    for number, (count, inputs, side) in enumerate(zip(outputs, (1, 64, 32), KERNELS[model], strict=True), 1):
        expected[f"conv{number}.weight"] = (count, inputs, side, side)
        expected[f"conv{number}.bias"] = (count,)
    found = {name: value.shape for name, value in tensors.items()}
    if found != expected:
        raise WeightsError(f"these weights do not fit {model} x{scale}: expected {expected}, got {found}")
    return [np.ascontiguousarray(tensors[name], np.float32) for name in expected]


class OnTorch:
    """The network in torch: the path on CUDA, and the oracle of the native one."""

    band = 1

    def __init__(
        self, model: str, scale: int, tensors: dict[str, Any], device: torch.device | str, precision: str
    ):
        import torch

        from irs_engine.enhance.nets import build_super_resolution_net

        self.device = torch.device(device)
        # What bf16 stands for is half precision; float16 has three bits more, and all values here are small.
        half = torch.float16 if self.device.type == "cuda" else torch.bfloat16
        self.dtype = half if wants_bf16(precision, self.device.type) else torch.float32
        net = build_super_resolution_net(model, scale, tensors)
        self.net = net.to(self.device, self.dtype).to(memory_format=torch.channels_last)
        self.scale = scale
        self.halo = net.halo if model == "ESPCN" else -(-net.halo // scale) + 2  # 2: the bicubic

    def run(self, luma: np.ndarray, out: np.ndarray, first: int) -> None:
        import torch

        with torch.inference_mode():
            given = torch.from_numpy(luma)[None, None].to(self.device, self.dtype)
            found = self.net(given)[0, 0, first * self.scale :][: len(out)]
            out[:] = found.float().cpu().numpy()


def needs_repair(jpeg_quality: int | None) -> bool:
    """Whether a picture of this JPEG quality (None: not from a JPEG) is better off with repair."""
    return jpeg_quality is not None and jpeg_quality < REPAIR_BELOW


def bleed(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The pixels with the colour of what is around them where alpha is 0, so that no hidden colour shows at
    edges.
    """
    hidden = alpha == 0
    if not hidden.any() or hidden.all():
        return pixels
    import cv2

    weight = alpha.astype(np.float32)
    share = cv2.blur(weight, (BLEED, BLEED))
    colour = cv2.blur(pixels * weight[..., None], (BLEED, BLEED))
    near = hidden & (share > 0)
    filled = pixels.copy()
    filled[near] = (colour[near] / share[near, None] + 0.5).astype(pixels.dtype)
    return filled
