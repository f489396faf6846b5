"""Recapture detection: is a photo the first one of its subject, or a photo of a screen or of a print?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np

from irs_engine.device import wants_bf16
from irs_engine.image import Rgb
from irs_engine.results import Box, RecaptureCrop, RecaptureLabel, RecaptureResult
from irs_engine.vision.recapture_context import RecaptureContext, context_of
from irs_engine.vision.recapture_crops import SIDE, choose_crops, cut, large_enough
from irs_engine.vision.tagger import Tagger
from irs_engine.weights import Given, load_weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WEIGHTS = "recapture_s"
LEAST_SIDE = 200  # of a photo that is judged at all, in pixels
LEAST_QUALITY = 30  # of a JPEG file, as libjpeg counts
LEAST_SHARPNESS = 6  # levels: second derivative at the edges of the sharpest crop
BARCODE_SIDE = 1800  # longer side of the photo in which barcodes are looked for, in pixels


class RecaptureDetector:
    """The network on one device, with what the whole photo says beside it. Safe to share between threads.

    Args:
        device: Where the network runs.
        precision: "fp32", "bf16", or "auto": bf16 where that is faster (`wants_bf16`).
        weights: A .safetensors file, or a folder to look in first; the shipped ones by default.
        threads: CPU threads of the network; torch's own choice by default.
        tagger: Gives a tagger whose features may be used; if they do not fit, or by default, the shipped one.
    """

    def __init__(
        self,
        device: torch.device,
        precision: str = "auto",
        weights: Given = None,
        threads: int | None = None,
        tagger: Callable[[], Tagger] | None = None,
    ):
        import torch

        from irs_engine.vision.nets.layers import fuse
        from irs_engine.vision.nets.packed import pack
        from irs_engine.vision.nets.recapture_net import build_recapture_net

        if threads:
            torch.set_num_threads(threads)
        tensors = load_weights(WEIGHTS, weights)
        self.calibration = calibration_of(tensors)
        self.context = None
        if context := context_of(tensors):
            taggers = [tagger] if tagger else []
            self.context = RecaptureContext(
                context, *taggers, lambda: Tagger(device, precision, None, threads)
            )
        net = fuse(build_recapture_net(tensors)).to(device)
        net.convolve_in(torch.bfloat16 if wants_bf16(precision, device.type) else torch.float32)
        net = net.to(memory_format=torch.channels_last)
        self.net = pack(net) if device.type == "cpu" else net
        self.device = device

    def detect(self, photo: Rgb, threshold: float) -> RecaptureResult:
        """What the photo is, with the crops that say so."""
        pixels = large_enough(photo.pixels)
        barcodes = find_barcodes(photo.pixels)
        windows = choose_crops(pixels, near=barcodes)
        crops = cut(pixels, windows)
        whole, each = self.probabilities(crops, photo.pixels)
        width, height = (min(SIDE, side) for side in photo.size)  # without what was mirrored
        places = [Box(left, top, width, height) for left, top in windows] + [Box(0, 0, *photo.size)]
        reason = why_uncertain(photo, crops[:-1])
        recaptured = float(1 - whole[0])
        labels = (RecaptureLabel("recapture", recaptured), RecaptureLabel("original", 1 - recaptured))
        if reason or max(recaptured, 1 - recaptured) < threshold:
            suggestion, detail = "uncertainty", tuple(sorted(labels, key=lambda label: -label.confidence))
        else:
            suggestion = "false" if recaptured >= threshold else "true"
            detail = labels[:1] if suggestion == "false" else labels[1:]
        return RecaptureResult(
            suggestion=suggestion,
            category="" if suggestion == "true" else "recapture",
            score=detail[0].confidence,
            detail=detail,
            screen=float(whole[1]),
            print=float(whole[2]),
            barcode=bool(barcodes),
            reason=reason,
            crops=tuple(
                RecaptureCrop(place, float(row[1]), float(row[2]))
                for place, row in zip(places, each, strict=True)
            ),
            size=photo.size,
        )

    def probabilities(
        self, crops: np.ndarray, photo: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n, SIDE, SIDE, 3) crops of one photo to calibrated probabilities of original, screen and print:
        (3,) of the photo, (n, 3) of each crop alone.

        Args:
            photo: (H, W, 3), the photo of which the last crop is the whole view: what is around a screen or a
                sheet counts too, if the weights know of it.
        """
        scale, shift = self.calibration
        logits = scale * self.logits(crops)
        if photo is not None and self.context:
            logits[[0, -1]] += self.context.logits(photo)
        logits[:, 0] -= shift
        found = np.exp(logits - logits.max(1, keepdims=True))
        found /= found.sum(1, keepdims=True)
        return found[0], found[1:]

    def logits(self, crops: np.ndarray) -> np.ndarray:
        """What the network says of crops of one photo: (1 + n, 3), of all together and of each alone."""
        import torch

        with torch.inference_mode():
            x = torch.from_numpy(crops).to(self.device).permute(0, 3, 1, 2).float() / 255
            features = self.net.features(x)
            together = self.net.classes(self.net.joined(features[None]))
            return torch.cat([together, self.net.classes(features)]).cpu().numpy()


def calibration_of(tensors: Mapping[str, Tensor]) -> tuple[float, float]:
    """Scale of the logits, and what is taken off that of an original."""
    values = tensors.get("calibration")
    return (1.0, 0.0) if values is None else (float(values[0]), float(values[1]))


def why_uncertain(photo: Rgb, crops: np.ndarray) -> str:
    """What about a photo forbids to judge it; empty if nothing does."""
    if min(photo.size) < LEAST_SIDE:
        return f"too small: {min(photo.size)} pixels on the shorter side, at least {LEAST_SIDE} are needed"
    if photo.jpeg_quality is not None and photo.jpeg_quality < LEAST_QUALITY:
        return f"too compressed: JPEG quality {photo.jpeg_quality}, at least {LEAST_QUALITY} is needed"
    found = max(_sharpness(crop) for crop in crops)
    if found < LEAST_SHARPNESS:
        return f"too blurred: edges of {found:.0f} levels, at least {LEAST_SHARPNESS} are needed"
    return ""


def _sharpness(crop: np.ndarray) -> float:
    """The 99th percentile of the second derivative of the brightness."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return float(np.percentile(np.abs(cv2.Laplacian(grey, cv2.CV_16S)), 99))


def find_barcodes(pixels: np.ndarray) -> list[tuple[int, int]]:
    """(x, y) of the middles of the barcodes that can be read."""
    import zxingcpp

    scale = min(1.0, BARCODE_SIDE / max(pixels.shape[:2]))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if scale < 1:
        size = [max(1, round(scale * side)) for side in grey.shape[::-1]]
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    middles = []
    for code in zxingcpp.read_barcodes(grey):
        place = code.position
        corners = [place.top_left, place.top_right, place.bottom_right, place.bottom_left]
        x, y = (sum(getattr(corner, axis) for corner in corners) / 4 / scale for axis in "xy")
        middles.append((int(x), int(y)))
    return middles
