"""Object detection by torchvision's networks, for whoever has installed their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from irs_engine.errors import WeightsError
from irs_engine.resize import resize_normalize
from irs_engine.vision.torchvision_weights import MODELS
from irs_engine.vision.vocabulary import load_vocabulary
from irs_engine.vision.windows import WEIGHTS, Window, WindowDetector, in_photo, tags_of
from irs_engine.weights import Given, architecture_of, find_weights, read_weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LARGEST = 2048  # pixels of the long side: torchvision shrinks to 1333 or less, but only after copies in float
LONGEST_ASPECT = 16  # thinner pictures are widened: torchvision would round their short side to nothing


class TorchvisionDetector(WindowDetector):
    """One of torchvision's detection networks on one device. Safe to share between threads.

    Args:
        device: Where the network runs.
        precision: As for other networks, but without effect: these compute in fp32, because they decode boxes
            in the numbers of the network, and those of bf16 are eight pixels apart at the end of a long side.
        weights: A .safetensors file, the name of installed weights, or a folder to look in first.
        threads: CPU threads of the network; torch's own choice by default.

    Raises:
        WeightsError: The weights are for another network.
    """

    def __init__(
        self,
        device: torch.device,
        precision: str = "auto",
        weights: Given = None,
        threads: int | None = None,
    ):
        import torch

        from irs_engine.vision.nets.torchvision_net import build_torchvision_net, categories_of

        if threads:
            torch.set_num_threads(threads)
        path = find_weights(WEIGHTS, weights, accepts=MODELS)
        name = architecture_of(path)
        if name not in MODELS:
            raise WeightsError(f"{path}: weights of {name}; torchvision's detectors are {', '.join(MODELS)}")
        self.device = device
        self.net = build_torchvision_net(name, read_weights(path)).to(device)
        self.tags = tags_of()
        classes = {name: number for number, name in enumerate(load_vocabulary().source_names("coco"))}
        self._classes = np.array([classes.get(name, -1) for name in categories_of(name)])

    def look(self, windows: Sequence[tuple[np.ndarray, Window]], threshold: float) -> list[np.ndarray]:
        """One by one: together, torchvision would pad them to one size, which changes what it finds."""
        import torch

        found = []
        for photo, window in windows:
            size = input_size(window)
            pixels = torch.from_numpy(resize_normalize(photo, size, box=window)).to(self.device)
            with torch.inference_mode():
                (answer,) = self.net([pixels])
            found.append(in_photo(self._rows(answer, threshold), window, size))
        return found

    def _rows(self, answer: dict[str, Tensor], threshold: float) -> np.ndarray:
        """torchvision's answer in our classes, without those that have no name."""
        boxes, scores, labels = (answer[key].float().cpu().numpy() for key in ("boxes", "scores", "labels"))
        classes = self._classes[labels.astype(np.intp)]
        rows = np.concatenate([boxes, scores[:, None], classes[:, None]], 1, dtype=np.float32)
        return rows[(scores >= threshold) & (classes >= 0)]


def input_size(window: Window) -> tuple[int, int]:
    """Width and height at which torchvision gets a window: as it is, but for the largest and the thinnest."""
    longest = min(LARGEST, max(window[2:]))
    scale = longest / max(window[2:])
    width, height = (round(max(side * scale, longest / LONGEST_ASPECT, 1)) for side in window[2:])
    return width, height
