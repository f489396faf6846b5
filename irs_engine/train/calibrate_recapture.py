"""Fit what the recapture network's confidence means, on real photos of sources that it did not learn from.

    python -m irs_engine.train.calibrate_recapture --weights raw.safetensors --photos real/a real/b \\
        --out recapture_s.safetensors

Every folder has photos in original, screen and print. A scale of the network's logits, one of the context's
(`recapture_context.py`) and a shift of the originals' are fitted (Platt 1999), every class of every folder
weighing alike: half of the photos are recaptures, so to speak. Photos are sent on first, as messengers do, so
that no class keeps a size of its own.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from irs_engine.errors import ImageError
from irs_engine.image import read_rgb
from irs_engine.train.recapture_lessons import photos_of, sent
from irs_engine.train.runs import add_tensors
from irs_engine.vision.nets.recapture_net import CLASSES, CONTEXT
from irs_engine.vision.recapture import RecaptureDetector
from irs_engine.vision.recapture_crops import choose_crops, cut, large_enough


def ask(detector: RecaptureDetector, folder: Path, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of one folder: logits (n, kinds of evidence, 3), whether each photo is a recapture (n,), weights (n,).

    The evidence is what the network says and, if the weights know of it, what the whole photo says.
    """
    logits, recaptured, weights = [], [], []
    rng = np.random.default_rng(0)
    for name in CLASSES:
        files = photos_of(folder, name)
        chosen = [files[i] for i in rng.permutation(len(files))[:most]]
        for file in chosen:
            try:
                photo = sent(read_rgb(file).pixels, rng)
            except ImageError:
                continue  # of a format that is not read here
            pixels = large_enough(photo)
            evidence = [detector.logits(cut(pixels, choose_crops(pixels)))[0]]
            if detector.context:
                evidence.append(detector.context.logits(photo))
            logits.append(np.stack(evidence))
            recaptured.append(name != "original")
            weights.append(1 / len(chosen))
    return torch.tensor(np.array(logits)), torch.tensor(recaptured), torch.tensor(weights)


def fit(logits: Tensor, recaptured: Tensor, weights: Tensor) -> tuple[list[float], float]:
    """A scale for each kind of evidence, and a shift, of least cross entropy; both classes weigh alike.

    Targets are Platt's: a little off 0 and 1, the fewer photos there are the more, so that scales exist.
    """
    counts = recaptured.sum(), (~recaptured).sum()
    wanted = torch.where(recaptured, (counts[0] + 1) / (counts[0] + 2), 1 / (counts[1] + 2)).double()
    balanced = weights.double().clone()
    for side in (recaptured, ~recaptured):
        balanced[side] /= balanced[side].sum()
    values = torch.zeros(logits.shape[1] + 1, dtype=torch.float64, requires_grad=True)  # log scales, shift
    search = torch.optim.LBFGS([values], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        odds = log_odds(logits.double(), values[:-1].exp(), values[-1])
        error = torch.nn.functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
        total = (error * balanced).sum()
        total.backward()
        return total

    search.step(loss)
    *scales, shift = values.detach().tolist()
    return [math.exp(scale) for scale in scales], shift


def log_odds(logits: Tensor, scales: Tensor, shift: Tensor | float) -> Tensor:
    """Of a recapture, as `RecaptureDetector` computes them."""
    scaled = (scales[:, None] * logits).sum(1)
    return scaled[:, 1:].logsumexp(1) - scaled[:, 0] + shift


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True, help="as training wrote them")
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of sources")
    parser.add_argument("--most", type=int, default=40, help="at most so many photos of a class of a source")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    detector = RecaptureDetector(torch.device("cpu"), weights=arguments.weights)
    parts = [
        part
        for part in (ask(detector, folder, arguments.most) for folder in arguments.photos)
        if len(part[0])
    ]
    logits, recaptured, weights = (torch.cat(column) for column in zip(*parts, strict=True))
    scales, shift = fit(logits, recaptured, weights)
    print(f"{len(logits)} photos: scales {', '.join(f'{scale:.3f}' for scale in scales)}, shift {shift:.3f}")
    tensors = {"calibration": torch.tensor([scales[0], shift])}
    if context := detector.context:
        tensors[CONTEXT + "weight"] = scales[1] * torch.from_numpy(context.weight)
        tensors[CONTEXT + "bias"] = scales[1] * torch.from_numpy(context.bias)
    add_tensors(arguments.weights, tensors, arguments.out)


if __name__ == "__main__":
    main()
