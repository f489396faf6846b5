"""Make the tagger's confidence mean what it says, and write the result into its weights file.

    python -m irs_engine.train.calibrate --weights tagger.safetensors --labelled photos/labelled

`labelled` holds a folder for every tag, called by its id (n02084071, places:kitchen), of photos that show it
and that training never saw. Two numbers for each head that knows the tag, slope and shift of the log-odds
(Platt 1999), make the probability that it gives to a tag agree with how often the tag is right. A label says
nothing of the rest of a photo: tags more special than it are left out, and so are places where things are
labelled, and things where places are. An unlabelled second object counts as wrong, so confidences err on the
low side.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from irs_engine.batches import SUFFIXES
from irs_engine.image import read_rgb
from irs_engine.vision.tagger import SHORT_SIDE, Tagger
from irs_engine.vision.vocabulary import Vocabulary, load_vocabulary

LEAST = 0.02  # what a head calls less likely than this says nothing
FEWEST = 100  # pairs of a score and the truth that two numbers can be found from
BATCH = 16


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


def calibrate(tagger: Tagger, labelled: Path) -> dict[str, tuple[float, float]]:
    """Slope and shift of every head for which the folder has photos to tell."""
    vocabulary = load_vocabulary()
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {head: [] for head in tagger.net.classes}
    for tag, photos in labelled_photos(labelled):
        for head, logits in tagger.logits(photos).items():
            columns, scores = tagger.scorer.head_scores(head, logits)
            ids = [tagger.scorer.tags[i].id for i in columns]
            if tag not in ids:
                continue
            right, judged = _judgement(vocabulary, tag, ids)
            scores = scores[:, judged]
            telling = scores > LEAST
            truth = np.broadcast_to(right[judged], scores.shape)
            pairs[head].append((scores[telling], truth[telling]))
    found = {}
    for head, parts in pairs.items():
        count = sum(len(scores) for scores, _ in parts)
        if count < FEWEST:
            print(f"{head}: left as it is, only {count} pairs")
            continue
        scores, truth = (np.concatenate(values) for values in zip(*parts, strict=True))
        found[head] = fit(scores, truth)
        print(f"{head}: slope {found[head][0]:.3f} shift {found[head][1]:.3f} from {len(scores)} pairs")
    return found


def labelled_photos(folder: Path) -> Iterator[tuple[str, list[np.ndarray]]]:
    """(tag id, some of its photos), (H, W, 3) uint8."""
    vocabulary = load_vocabulary()
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        if place.name not in vocabulary:
            raise SystemExit(f"{place}: not the id of a tag; `irs-engine tags --search WORD` tells the ids")
        files = sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES)
        for start in range(0, len(files), BATCH):
            photos = [read_rgb(path, at_least=SHORT_SIDE).pixels for path in files[start : start + BATCH]]
            yield place.name, photos


def _judgement(vocabulary: Vocabulary, tag: str, ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which of the tags are right on a photo of `tag`, and of which that can be said at all."""
    right = {tag, *vocabulary.ancestors(tag)}
    place = vocabulary[tag].category == "scene"
    judged = [
        (vocabulary[id].category == "scene") == place and tag not in vocabulary.ancestors(id) for id in ids
    ]
    return np.array([id in right for id in ids]), np.array(judged)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--labelled", type=Path, required=True, help="folder of folders called by tag ids")
    arguments = parser.parse_args()
    tagger = Tagger(torch.device("cpu"), weights=arguments.weights)
    found = calibrate(tagger, arguments.labelled)
    with safe_open(arguments.weights, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    tensors |= {f"calibration.{head}": torch.tensor(values) for head, values in found.items()}
    save_file(tensors, arguments.weights, metadata)


if __name__ == "__main__":
    main()
