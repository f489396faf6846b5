"""Make the tagger's confidence mean what it says, and write the result into its weights file.

    python -m irs_engine.train.calibrate --weights tagger.safetensors --teachers teachers/ --packs packs/a

On photos that training held out, the probability that a head gives to a tag is compared with the teachers'
probability of the same tag, and two numbers for each head (slope and shift of the log-odds, Platt 1999) make
the first agree with the second. Labels by people are not used, so that all of them stay for
`benchmarks/tagging.py`, which reports how honest the confidences are.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from irs_engine.train.lessons import held_out, to_input
from irs_engine.train.photos import PhotoPack, centre_view
from irs_engine.train.teachers import Faculty
from irs_engine.vision.tagger import Tagger

LEAST = 0.02  # pairs that both call less likely than this say nothing
BATCH = 16


def held_out_photos(packs: list[str], most: int) -> Iterator[list[np.ndarray]]:
    """Batches of (H, W, 3) uint8 photos that were never trained on, at most so many in all."""
    places = [(pack, i) for pack in map(PhotoPack, packs) for i in range(len(pack)) if held_out(i)]
    chosen = [places[i] for i in np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)]
    for start in range(0, len(chosen), BATCH):
        yield [pack[i] for pack, i in chosen[start : start + BATCH]]


def fit(scores: np.ndarray, truth: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Slope and shift of the log-odds of `scores` that bring them nearest to `truth` in cross-entropy."""
    p = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    x = np.stack([np.log(p / (1 - p)), np.ones_like(p)])
    w = np.array([1.0, 0.0])  # found by Newton's method
    for _ in range(steps):
        q = 1 / (1 + np.exp(-np.clip(w @ x, -40, 40)))
        gradient = x @ (q - truth)
        hessian = (x * (q * (1 - q))) @ x.T + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        w -= step * min(1.0, 2.0 / (np.abs(step).max() + 1e-12))
    return float(w[0]), float(w[1])


def calibrate(
    tagger: Tagger, faculty: Faculty, photos: Iterator[list[np.ndarray]]
) -> dict[str, tuple[float, float]]:
    ours: dict[str, list[np.ndarray]] = {head: [] for head in tagger.net.classes}
    theirs: dict[str, list[np.ndarray]] = {head: [] for head in tagger.net.classes}
    for batch in photos:
        views = np.stack([centre_view(_inner(photo), 224) for photo in batch])
        told, _ = faculty(to_input(torch.from_numpy(views)))
        for head, logits in tagger.logits(batch).items():
            ours[head].append(tagger.scorer.head_scores(head, logits)[1])
            theirs[head].append(tagger.scorer.head_scores(head, told[head].numpy())[1])
    found = {}
    for head in ours:
        score, truth = np.concatenate(ours[head]), np.concatenate(theirs[head])
        telling = np.maximum(score, truth) > LEAST
        found[head] = fit(score[telling], truth[telling])
        print(f"{head}: slope {found[head][0]:.3f} shift {found[head][1]:.3f} from {telling.sum()} pairs")
    return found


def _inner(photo: np.ndarray) -> np.ndarray:
    """The part of the photo that the teachers were trained to look at: 0.875 of each side."""
    height, width = photo.shape[:2]
    return photo[height // 16 : height - height // 16, width // 16 : width - width // 16]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--packs", nargs="+", required=True)
    parser.add_argument("--most", type=int, default=2000, help="at most so many photos")
    arguments = parser.parse_args()
    tagger = Tagger(torch.device("cpu"), weights=arguments.weights)
    faculty = Faculty(arguments.teachers, second_opinion=True)
    found = calibrate(tagger, faculty, held_out_photos(arguments.packs, arguments.most))
    with safe_open(arguments.weights, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    tensors |= {f"calibration.{head}": torch.tensor(values) for head, values in found.items()}
    save_file(tensors, arguments.weights, metadata)


if __name__ == "__main__":
    main()
