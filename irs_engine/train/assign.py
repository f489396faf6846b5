"""Which places of the grids answer for which labelled boxes: task-aligned assignment (Feng et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from irs_engine.train.detection_loss import SEEN, Targets, overlaps
from irs_engine.vision.nets.detector_net import BINS, decode_sides

TOP = 10  # places that answer for a box
FARTHEST = BINS - 1.01  # strides from a place to a side that can be told


@torch.no_grad()
def assign(
    scores: Tensor,
    sides: Tensor,
    boxes: Sequence[Tensor],
    labels: Sequence[Tensor],
    places: tuple[Tensor, Tensor],
) -> Targets:
    """What every place should say, by what the network says now.

    Of each box the TOP places inside of it that already answer best for it, by likelihood of its class times
    the sixth power of the overlap, are to answer, as sure as they are good; all others are to say nothing.

    Args:
        scores: (N, places, classes) logits.
        sides: (N, places, 4 BINS) logits.
        boxes: (n, 4) of each picture, left, top, right, bottom in pixels of the network's input.
        labels: (n,) of each picture.
        places: Centres and strides as `detector_net.grid` gives them.
    """
    wanted = torch.zeros_like(scores)
    bins = scores.new_full((*scores.shape[:2], 4, BINS), 1 / BINS)
    answers = decode_sides(sides, *places)
    for number, (of_picture, classes) in enumerate(zip(boxes, labels, strict=True)):
        if not len(of_picture):
            continue
        distances = _distances(of_picture, places)
        overlap = overlaps(of_picture, answers[number])
        fit = scores[number].sigmoid().T[classes] * overlap**6
        fit = fit.masked_fill(~_eligible(of_picture, distances, places), -1)
        best = fit.topk(min(TOP, fit.shape[1]), 1)
        chosen = torch.zeros_like(fit, dtype=torch.bool).scatter_(1, best.indices, best.values >= 0)
        # A place answers for one box: the one that it overlaps most.
        owner = overlap.masked_fill(~chosen, -1).argmax(0)
        chosen &= torch.arange(len(fit), device=fit.device)[:, None] == owner
        sure = (
            fit
            / fit.amax(1, keepdim=True).clamp_min(1e-9)
            * overlap.masked_fill(~chosen, 0).amax(1, keepdim=True)
        )
        box, place = chosen.nonzero(as_tuple=True)
        wanted[number, place, classes[box]] = sure[box, place].clamp(2 * SEEN, 1)
        bins[number, place] = _two_bins(distances[box, place])
    return Targets(wanted, bins)


def _distances(boxes: Tensor, places: tuple[Tensor, Tensor]) -> Tensor:
    """(n, places, 4) from places to sides, in strides; negative from outside."""
    centres, strides = places
    inward = torch.cat([centres[None] - boxes[:, None, :2], boxes[:, None, 2:] - centres[None]], 2)
    return inward / strides[None, :, None]


def _eligible(boxes: Tensor, distances: Tensor, places: tuple[Tensor, Tensor]) -> Tensor:
    """(n, places): inside of a box and near enough to its sides; for a box without any, the nearest place."""
    eligible = (distances.amin(2) > 0) & (distances.amax(2) < FARTHEST)
    centres, strides = places
    for number in (~eligible.any(1)).nonzero().flatten().tolist():
        middle = (boxes[number, :2] + boxes[number, 2:]) / 2
        far = (centres - middle).abs().amax(1) / strides
        reach = (boxes[number, 2:] - boxes[number, :2]).amax() / strides
        eligible[number, (far + (reach > FARTHEST) * 1e6).argmin()] = True
    return eligible


def _two_bins(distances: Tensor) -> Tensor:
    """(n, 4) to (n, 4, BINS) distributions over the two bins around each."""
    distances = distances.clamp(0, FARTHEST)
    lower = distances.floor()
    share = (distances - lower)[..., None]
    below = torch.nn.functional.one_hot(lower.long(), BINS)
    above = torch.nn.functional.one_hot(lower.long() + 1, BINS)
    return below * (1 - share) + above * share
