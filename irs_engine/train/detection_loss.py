"""What a detector learns from, whoever says it, and how far it is from it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from irs_engine.vision.nets.detector_net import BINS, boxes_of_bins

SEEN = 0.05  # score of a place from which its box counts


@dataclass
class Targets:
    """What every place of the grids (`detector_net.grid`) should say."""

    scores: Tensor  # (N, places, classes) in 0..1
    bins: Tensor  # (N, places, 4, BINS), distributions of the distances to the sides, in strides


def detection_losses(
    scores: Tensor, sides: Tensor, targets: Targets, places: tuple[Tensor, Tensor]
) -> dict[str, Tensor]:
    """Quality focal loss of the scores, cross entropy of the bins (both Li et al. 2020), GIoU of the boxes.

    Args:
        scores: (N, places, classes) logits.
        sides: (N, places, 4 BINS) logits.
        places: Centres and strides as `grid` gives them.
    """
    weight = targets.scores.amax(2)
    total = weight.sum().clamp_min(1)
    entropy = F.binary_cross_entropy_with_logits(scores, targets.scores, reduction="none")
    focal = (targets.scores - scores.sigmoid()).square() * entropy
    seen = weight > SEEN
    weight, where = weight[seen], seen.nonzero()[:, 1]
    ours, theirs = sides[seen].unflatten(1, (4, BINS)), targets.bins[seen]
    centres, strides = (x[where] for x in places)
    boxes = (boxes_of_bins(distribution, centres, strides) for distribution in (ours.softmax(2), theirs))
    return {
        "scores": focal.sum() / total,
        "bins": bin_loss(sides, targets),
        "boxes": ((1 - giou(*boxes)) * weight).sum() / total,
    }


def bin_loss(sides: Tensor, targets: Targets) -> Tensor:
    """Cross entropy of the bins, less what the targets' own is, of places where something is seen."""
    weight = targets.scores.amax(2)
    seen = weight > SEEN
    ours = sides[seen].unflatten(1, (4, BINS)).log_softmax(2)
    divergence = F.kl_div(ours, targets.bins[seen], reduction="none").sum((1, 2))
    return (divergence * weight[seen]).sum() / weight.sum().clamp_min(1)


def overlaps(first: Tensor, second: Tensor) -> Tensor:
    """(n, m) intersection over union of (n, 4) and (m, 4) boxes: left, top, right, bottom."""
    start = torch.maximum(first[:, None, :2], second[None, :, :2])
    end = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (end - start).clamp_min(0).prod(2)
    return common / (_area(first)[:, None] + _area(second)[None] - common).clamp_min(1e-6)


def giou(first: Tensor, second: Tensor) -> Tensor:
    """(n,) generalised intersection over union of (n, 4) boxes, pair by pair (Rezatofighi et al. 2019)."""
    start, end = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    common = (end - start).clamp_min(0).prod(1)
    union = (_area(first) + _area(second) - common).clamp_min(1e-6)
    hull = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    around = hull.prod(1).clamp_min(1e-6)
    return common / union - (around - union) / around


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp_min(0).prod(1)
