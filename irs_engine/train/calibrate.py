"""Make the tagger's confidence mean what it says, and write the result into its weights file.

    python -m irs_engine.train.calibrate --weights tagger.safetensors --labelled photos/labelled

`labelled` holds a folder for every tag, called by its id (n02084071, places:kitchen), of photos that show it
and that training never saw. Two numbers for each head that knows the tag, slope and shift of the log-odds
(Platt 1999), make the probability that it gives to a tag agree with how often the tag is right. A label says
nothing of the rest of a photo: tags more special than it are left out, and so are places where things are
labelled, and things where places are. Then the shifts are made smaller, if need be, until nearly nine of ten
tags shown are right.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from irs_engine.batches import SUFFIXES
from irs_engine.image import read_rgb
from irs_engine.train.runs import add_tensors
from irs_engine.vision.scoring import TagScorer
from irs_engine.vision.tagger import SHORT_SIDE, Tagger
from irs_engine.vision.vocabulary import Vocabulary, load_vocabulary

LEAST = 0.02  # what a head calls less likely than this says nothing
THRESHOLD = 60  # the default of `tag`
SHOWN_RIGHT = 0.89  # of the tags shown at it: 85 % are promised, and labelled photos are easier than others
LEAST_SLOPE = 0.05  # what is likelier stays so
FEWEST = 100  # pairs of a score and the truth that two numbers can be found from
BATCH = 16


def fit(scores: np.ndarray, truth: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """Slope and shift of the log-odds of `scores` that bring them nearest to `truth` in cross-entropy."""
    p = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    x = np.stack([np.log(p / (1 - p)), np.ones_like(p)])

    def cross_entropy(w: np.ndarray) -> float:
        return float((np.logaddexp(0, w @ x) - truth * (w @ x)).sum())

    w = np.array([1.0, 0.0])  # found by Newton's method
    for _ in range(steps):
        q = 1 / (1 + np.exp(-np.clip(w @ x, -40, 40)))
        gradient = x @ (q - truth)
        hessian = (x * (q * (1 - q))) @ x.T + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 2.0 / (np.abs(step).max() + 1e-12))
        while cross_entropy(w - step) > cross_entropy(w) and np.abs(step).max() > 1e-9:
            step /= 2  # from far away it leaps over the place, and back
        w -= step
    return float(w[0]), float(w[1])


def fit_few(scores: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """The same from few examples, with Platt's targets: after ten that were right the next may be wrong."""
    targets = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / ((~right).sum() + 2))
    slope, shift = fit(scores, targets)
    return max(slope, LEAST_SLOPE), shift


Calibration = dict[str, tuple[float, float]]  # slope and shift by head


@dataclass(frozen=True)
class Answers:
    """What the heads say of photos with one label, and which of the tags are right and can be judged."""

    logits: dict[str, np.ndarray]
    tag: str
    right: np.ndarray
    judged: np.ndarray


def calibrate(tagger: Tagger, labelled: Path) -> Calibration:
    """Slope and shift of every head for which the folder has photos to tell."""
    vocabulary = load_vocabulary()
    ids = [tag.id for tag in tagger.scorer.tags]
    answers = [
        Answers(tagger.logits(photos), tag, *_judgement(vocabulary, tag, ids))
        for tag, photos in labelled_photos(labelled)
    ]
    found = {}
    for head in tagger.net.classes:
        scores, truth = _pairs(tagger.scorer, head, answers)
        if len(scores) < FEWEST:
            print(f"{head}: left as it is, only {len(scores)} pairs")
            continue
        found[head] = fit(scores, truth)
        print(f"{head}: slope {found[head][0]:.3f} shift {found[head][1]:.3f} from {len(scores)} pairs")
    return hold_back(tagger.scorer, found, answers)


def hold_back(scorer: TagScorer, fitted: Calibration, answers: list[Answers]) -> Calibration:
    """The fitted calibration with its shifts made smaller until enough of what is shown is right.

    Labelled photos mostly show one large thing; on crowded ones the same scores are right less often.
    """
    for part in np.linspace(1, 0, 21):
        calibration = {head: (slope, float(part) * shift) for head, (slope, shift) in fitted.items()}
        share = _share_right(scorer.with_calibration(calibration), answers)
        if share >= SHOWN_RIGHT:
            break
    print(f"{100 * share:.1f} % of what is shown is right with {100 * part:.0f} % of the shifts")
    return calibration


def _share_right(scorer: TagScorer, answers: list[Answers]) -> float:
    hits = count = 0
    for answer in answers:
        shown = (scorer(answer.logits) >= THRESHOLD / 100) & answer.judged
        hits, count = hits + (shown & answer.right).sum(), count + shown.sum()
    return hits / max(count, 1)


def _pairs(scorer: TagScorer, head: str, answers: list[Answers]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the head that say something, before calibration, and whether each is right."""
    all_scores, all_truth = [np.empty(0, np.float32)], [np.empty(0, bool)]
    for answer in answers:
        columns, scores = scorer.head_scores(head, answer.logits[head])
        if answer.tag not in (scorer.tags[i].id for i in columns):
            continue
        judged = answer.judged[columns]
        scores = scores[:, judged]
        telling = scores > LEAST
        all_scores.append(scores[telling])
        all_truth.append(np.broadcast_to(answer.right[columns][judged], scores.shape)[telling])
    return np.concatenate(all_scores), np.concatenate(all_truth)


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
    tensors = {f"calibration.{head}": torch.tensor(values) for head, values in found.items()}
    add_tensors(arguments.weights, tensors, arguments.weights)


if __name__ == "__main__":
    main()
