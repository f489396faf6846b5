"""torchvision's detection networks as they are, with weights that come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from irs_engine.errors import WeightsError

LEAST_SCORE = 0.01  # of the boxes that are told at all: torchvision's own 0.05 hides what was asked for


def build_torchvision_net(name: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A list of (3, h, w) float32 RGB in 0..1, of any sizes, to torchvision's boxes, labels and scores.

    Raises:
        WeightsError: A tensor is missing, or has another shape than the network needs.
    """
    least = {"score_thresh" if name.startswith("ssd") else "box_score_thresh": LEAST_SCORE}
    classes = len(categories_of(name))
    net = get_model(name, weights=None, weights_backbone=None, num_classes=classes, **least)
    try:
        net.load_state_dict(dict(tensors))
    except (RuntimeError, TypeError) as error:
        raise WeightsError(f"these weights do not fit torchvision's {name}: {error}") from error
    return net.eval()


def categories_of(name: str) -> list[str]:
    """What its labels mean: COCO's names, with gaps, the first one being the background."""
    return list(get_model_weights(name).DEFAULT.meta["categories"])
