"""Fit what the recapture network's confidence means, on real photos of sources that it did not learn from.

    python -m irs_engine.train.calibrate_recapture --weights raw.safetensors --photos real/a real/b \\
        --out recapture_s.safetensors

Every folder has photos in original, screen and print. Two numbers are fitted, a scale of the logits and a
shift of the originals' (Platt 1999), every class of every folder weighing alike: half of the photos are
recaptures, so to speak. Photos are sent on first, as messengers do, so that no class keeps a size of its own.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from irs_engine.errors import ImageError
from irs_engine.image import read_rgb
from irs_engine.train.recapture_lessons import sent
from irs_engine.vision.nets.recapture_net import CLASSES
from irs_engine.vision.recapture import RecaptureDetector
from irs_engine.vision.recapture_crops import choose_crops, cut, large_enough


def ask(detector: RecaptureDetector, folder: Path, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits (n, 3), whether each photo is a recapture (n,), and weights (n,) of one folder."""
    logits, recaptured, weights = [], [], []
    rng = np.random.default_rng(0)
    for name in CLASSES:
        files = sorted((folder / name).glob("*")) if (folder / name).is_dir() else []
        chosen = [files[i] for i in rng.permutation(len(files))[:most]]
        for file in chosen:
            try:
                pixels = large_enough(sent(read_rgb(file).pixels, rng))
            except ImageError:
                continue  # of a format that is not read here
            whole, _ = detector.probabilities(cut(pixels, choose_crops(pixels)))
            logits.append(np.log(np.maximum(whole, 1e-12)))
            recaptured.append(name != "original")
            weights.append(1 / len(chosen))
    return torch.tensor(np.array(logits)), torch.tensor(recaptured), torch.tensor(weights)


def fit(logits: Tensor, recaptured: Tensor, weights: Tensor) -> tuple[float, float]:
    """Scale and shift of least cross entropy; both classes weigh alike.

    Targets are Platt's: a little off 0 and 1, the fewer photos there are the more, so that a scale exists.
    """
    counts = recaptured.sum(), (~recaptured).sum()
    wanted = torch.where(recaptured, (counts[0] + 1) / (counts[0] + 2), 1 / (counts[1] + 2)).double()
    balanced = weights.double().clone()
    for side in (recaptured, ~recaptured):
        balanced[side] /= balanced[side].sum()
    values = torch.tensor([0.0, 0.0], dtype=torch.float64, requires_grad=True)  # log scale, shift
    search = torch.optim.LBFGS([values], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        odds = log_odds(logits.double(), values[0].exp(), values[1])
        error = torch.nn.functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
        total = (error * balanced).sum()
        total.backward()
        return total

    search.step(loss)
    scale, shift = values.detach().tolist()
    return math.exp(scale), shift


def log_odds(logits: Tensor, scale: Tensor | float, shift: Tensor | float) -> Tensor:
    """Of a recapture, as `RecaptureDetector` computes them."""
    scaled = scale * logits
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
    detector.calibration = (1.0, 0.0)
    parts = [
        part
        for part in (ask(detector, folder, arguments.most) for folder in arguments.photos)
        if len(part[0])
    ]
    logits, recaptured, weights = (torch.cat(column) for column in zip(*parts, strict=True))
    scale, shift = fit(logits, recaptured, weights)
    print(f"{len(logits)} photos: scale {scale:.3f}, shift {shift:.3f}")
    with safe_open(arguments.weights, "pt") as file:
        about = file.metadata()
    save_file(
        load_file(arguments.weights) | {"calibration": torch.tensor([scale, shift])}, arguments.out, about
    )


if __name__ == "__main__":
    main()
