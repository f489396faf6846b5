"""The detector that the weights are for: our own network, or one of torchvision's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from irs_engine.vision.detector import Detector
from irs_engine.vision.nets.detector_net import DetectorNet
from irs_engine.vision.torchvision_detector import TorchvisionDetector
from irs_engine.vision.torchvision_weights import MODELS
from irs_engine.vision.windows import WEIGHTS
from irs_engine.weights import Given, architecture_of, find_weights

if TYPE_CHECKING:
    import torch

AnyDetector: TypeAlias = Detector | TorchvisionDetector


def load_detector(
    device: torch.device, precision: str = "auto", weights: Given = None, threads: int | None = None
) -> AnyDetector:
    """The detector of the weights that are given, else of the shipped ones; arguments as of `Detector`."""
    path = find_weights(WEIGHTS, weights, accepts=(DetectorNet.__name__, *MODELS))
    kind = TorchvisionDetector if architecture_of(path) in MODELS else Detector
    return kind(device, precision, path, threads)
