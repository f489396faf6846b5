"""Fit what the whole photo says of a recapture (`vision/recapture_context.py`), and put it into the weights.

    python -m irs_engine.train.recapture_context --weights raw.safetensors --photos photos \\
        --real real/a real/b --out recapture_s.safetensors

The features are the tagger's, so only a linear map is fitted: regularised softmax regression on simulated
whole views (`whole_views.py`, of any photos) and on real photos in folders original, screen and print. Run it
again whenever the tagger was trained anew, and `calibrate_recapture` after it.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from irs_engine.errors import ImageError
from irs_engine.image import read_rgb
from irs_engine.train.recapture_lessons import photos_of
from irs_engine.train.runs import add_tensors
from irs_engine.train.whole_views import WholeViews
from irs_engine.vision.nets.recapture_net import CLASSES, CONTEXT
from irs_engine.vision.tagger import Tagger

log = logging.getLogger(__name__)

DECAY = 0.1  # of the squares of weights of standardised features
MOST = 70  # photos of a class of a folder
BATCH = 16


def of_simulated(tagger: Tagger, views: WholeViews, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features (n, feature), classes (n,), and weights (n,) that sum up to 1."""
    rng = np.random.default_rng(0)
    features, labels = [], []
    for done in range(0, count, BATCH):
        pictures, classes = zip(*(views.draw(rng) for _ in range(min(BATCH, count - done))), strict=True)
        features.append(tagger.features(pictures))
        labels += classes
        if done % (100 * BATCH) == 0:
            log.info("%5d of %d simulated views", done, count)
    return _rows(features, labels, [1.0] * count)


def of_real(tagger: Tagger, folders: list[Path]) -> tuple[Tensor, Tensor, Tensor]:
    """The same of photos, each as it is and as the square in its middle. A folder with four times as many
    weighs twice as much."""
    features, labels, weights = [], [], []
    rng = np.random.default_rng(0)
    for folder in folders:
        for label, name in enumerate(CLASSES):
            files = photos_of(folder, name)
            chosen = [files[i] for i in rng.permutation(len(files))[:MOST]]
            for file in chosen:
                try:
                    pixels = read_rgb(file).pixels
                except ImageError as error:
                    log.info("%s: left out, %s", file, error)
                    continue
                features.append(tagger.features([pixels, _middle_square(pixels)]))
                labels += [label] * 2
                weights += [len(chosen) ** -0.5] * 2
    return _rows(features, labels, weights)


def _middle_square(pixels: np.ndarray) -> np.ndarray:
    side = min(pixels.shape[:2])
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def _rows(
    features: list[np.ndarray], labels: list[int], weights: list[float]
) -> tuple[Tensor, Tensor, Tensor]:
    weighing = torch.tensor(weights, dtype=torch.float64)
    return torch.from_numpy(np.concatenate(features)), torch.tensor(labels), weighing / weighing.sum()


def fit(features: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (3, feature) and bias (3,) of least cross entropy; originals weigh as much as all recaptures."""
    weights = weights.clone()
    for recaptured in (labels == 0, labels > 0):
        weights[recaptured] /= weights[recaptured].sum()
    x = features.double()
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    x = (x - mean) / deviation
    weight = torch.zeros(len(CLASSES), x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(CLASSES), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        error = F.cross_entropy(x @ weight.T + bias, labels, reduction="none")
        total = (error * weights).sum() / 2 + DECAY * weight.square().sum() / 2
        total.backward()
        return total

    search.step(loss)
    with torch.no_grad():
        weight /= deviation
        bias -= weight @ mean
    return weight.detach().float(), bias.detach().float()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True, help="of RecaptureNet, as training wrote them")
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of any photos")
    parser.add_argument("--views", type=int, default=12_000, help="simulated ones")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="folders of sources")
    parser.add_argument("--tagger", type=Path, help="weights of the tagger; the shipped ones by default")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tagger = Tagger(torch.device("cpu"), weights=arguments.tagger)
    parts = [of_simulated(tagger, WholeViews(arguments.photos), arguments.views)]
    if arguments.real:
        parts.append(of_real(tagger, arguments.real))
    features, labels, weights = (torch.cat(column) for column in zip(*parts, strict=True))
    log.info("%s of %s", torch.bincount(labels, minlength=len(CLASSES)).tolist(), ", ".join(CLASSES))
    weight, bias = fit(features, labels, weights)
    context = {"weight": weight, "bias": bias, "trunk": torch.tensor(tagger.trunk)}
    tensors = {CONTEXT + name: value for name, value in context.items()}
    add_tensors(arguments.weights, tensors, arguments.out)


if __name__ == "__main__":
    main()
