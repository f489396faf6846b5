"""Object detection: which things a photo shows, and where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from irs_engine import _native
from irs_engine.resize import resize_normalize
from irs_engine.vision.nets.detector_net import SIDE  # a whole photo, or a tile, whatever its shape
from irs_engine.vision.windows import MOST, MOST_OVERLAP, WEIGHTS, Window, WindowDetector, in_photo, tags_of
from irs_engine.vision.windows import TILE as TILE
from irs_engine.vision.windows import windows_of as windows_of
from irs_engine.weights import Given, find_weights, read_weights, weights_about

if TYPE_CHECKING:
    import torch
    from torch import Tensor

MEAN = STD = (0.5, 0.5, 0.5)
BATCH = 8  # windows that go through the network together


class Detector(WindowDetector):
    """The detection network on one device. Safe to share between threads.

    Args:
        device: Where the network runs.
        precision: "fp32", "bf16", or "auto": bf16 where that is faster (`wants_bf16`).
        weights: A .safetensors file, or a folder to look in first; the shipped ones by default.
        threads: CPU threads of the network; torch's own choice by default.
    """

    def __init__(
        self,
        device: torch.device,
        precision: str = "auto",
        weights: Given = None,
        threads: int | None = None,
    ):
        import torch

        from irs_engine.vision.nets.detector_net import DetectorNet, build_detector_net, grid
        from irs_engine.vision.nets.packed import for_inference

        if threads:
            torch.set_num_threads(threads)
        self.device = device
        path = find_weights(WEIGHTS, weights, accepts=(DetectorNet.__name__,))
        tensors = read_weights(path)
        if "calibration" in tensors:
            slope, shift = tensors["calibration"].tolist()
            self.calibration = slope, shift
        net = build_detector_net(tensors)
        self.net, self.dtype = for_inference(net, device, precision)
        centres, strides = grid(SIDE, SIDE)
        self._places = torch.cat([centres, strides[:, None]], 1).numpy()
        about = weights_about(path)
        self.tags = tags_of(json.loads(about["classes"])) if "classes" in about else tags_of()

    def look(self, windows: Sequence[tuple[np.ndarray, Window]], threshold: float) -> list[np.ndarray]:
        found = []
        for some in _in_parts(windows, BATCH):
            batch = np.empty((len(some), 3, SIDE, SIDE), np.float32)
            for row, (photo, window) in zip(batch, some, strict=True):
                resize_normalize(photo, (SIDE, SIDE), box=window, mean=MEAN, std=STD, out=row)
            for (_, window), rows in zip(some, self.run(batch, threshold), strict=True):
                found.append(in_photo(rows, window, (SIDE, SIDE)))
        return found

    def run(self, batch: np.ndarray, threshold: float) -> list[np.ndarray]:
        """The network alone: (N, 3, SIDE, SIDE) float32 in -1..1 to rows as above, in pixels of its input."""
        import torch

        with torch.inference_mode():
            x = torch.from_numpy(batch).to(self.device, self.dtype, memory_format=torch.channels_last)
            logits, sides = (answer.float() for answer in self.net(x))
            if self.device.type != "cpu":
                places = torch.from_numpy(self._places).to(self.device)
                return [select_with_torch(*row, places, threshold) for row in zip(logits, sides, strict=True)]
        return [
            select(row.numpy(), sides.numpy(), self._places, threshold)
            for row, sides in zip(logits, sides, strict=True)
        ]


def select(logits: np.ndarray, sides: np.ndarray, places: np.ndarray, threshold: float) -> np.ndarray:
    """Answers of one picture to at most MOST rows of box, score and class, natively."""
    out = np.empty((MOST, 6), np.float32)
    return out[: _native.select_boxes(logits, sides, places, out, threshold, MOST_OVERLAP)]


def select_with_torch(logits: Tensor, sides: Tensor, places: Tensor, threshold: float) -> np.ndarray:
    """The same by torch and torchvision, on any device."""
    import torch
    from torchvision.ops import batched_nms

    from irs_engine.vision.nets.detector_net import decode_sides

    scores = logits.sigmoid()
    place, label = (scores >= threshold).nonzero(as_tuple=True)
    score, order = scores[place, label].topk(min(1000, len(place)))
    place, label = place[order], label[order]
    boxes = decode_sides(sides[place], places[place, :2], places[place, 2])
    kept = batched_nms(boxes, score, label, MOST_OVERLAP)[:MOST]
    rows = torch.cat([boxes[kept], score[kept, None], label[kept, None].float()], 1)
    return rows.cpu().numpy()


def _in_parts(items: Sequence, most: int) -> list[Sequence]:
    return [items[start : start + most] for start in range(0, len(items), most)]
