"""From the logits of the heads to one confidence for every tag.

Inside a head of exclusive classes the probability of a tag is the sum over its classes and those of its
descendants (so that "dog" is likely when every single breed is not); inside a head of independent labels it
is the largest of them. Each head's values are calibrated (Platt 1999), then heads that know the same tag are
combined by noisy-or.

Two kinds of heads know only their own world and always name something of it. A specialist (birds, insects)
speaks as far as the others see its subject at all. The places head answers for close-ups of things too, and
then always with the same few places: these count as far as the others do not see that thing.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np

from irs_engine.vision.vocabulary import TagEntry, Vocabulary

DETECTED = "detected"  # head of the classes of a detector
INDEPENDENT = frozenset({"objects", "coco", DETECTED})  # many labels at once; other heads choose one class
GATES = {"birds": "n01503061", "insects": "n02159955"}  # specialists, and the tag that they depend on
ANIMAL, FOOD, PLANT, CLOTHING = "n00015388", "n00021265", "n00017222", "n03051540"
STAND_INS = {  # places that are said of a thing without surroundings, and the thing
    "places:veterinarians-office": ANIMAL,
    "places:kennel-outdoor": ANIMAL,
    "places:pet-shop": ANIMAL,
    "places:ball-pit": FOOD,
    "places:pizzeria": FOOD,
    "places:delicatessen": FOOD,
    "places:ice-cream-parlor": FOOD,
    "places:sushi-bar": FOOD,
    "n02776631": FOOD,  # bakery
    "n02927161": FOOD,  # butcher shop
    "n03089624": FOOD,  # candy store
    "places:florist-shop-indoor": PLANT,
    "places:closet": CLOTHING,
    "places:clothing-store": CLOTHING,
}


class TagScorer:
    """Scores of all tags for which the given heads have evidence.

    Args:
        heads: Names and numbers of classes.
        calibration: (slope, shift) by head, applied to the log-odds of its tags; (1, 0) where missing.

    Raises:
        ValueError: A head has another number of classes than the vocabulary has labels for it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        heads: Mapping[str, int],
        calibration: Mapping[str, tuple[float, float]] | None = None,
    ):
        positions: dict[str, int] = {}  # tag id -> column
        pairs = {
            head: _pairs(vocabulary, head, heads[head], positions)
            for head in sorted(heads, key=lambda name: name in GATES)  # what gates are, others say
        }
        self.tags: tuple[TagEntry, ...] = tuple(vocabulary[id] for id in positions)
        self._heads = {head: _HeadTable(head, *pairs[head]) for head in heads}
        self._calibration = {head: (calibration or {}).get(head, (1.0, 0.0)) for head in heads}
        self._gates = {head: positions[GATES[head]] for head in heads if GATES.get(head) in positions}
        labels = vocabulary.labels("places") if "places" in heads else ()
        stand_ins = [
            (i, positions[STAND_INS[id]])
            for i, id in enumerate(labels)
            if id is not None and STAND_INS.get(id) in positions
        ]
        # Classes of places, and the columns of their things.
        self._stand_ins = np.array(stand_ins, np.intp).reshape(-1, 2).T

    def with_calibration(self, calibration: Mapping[str, tuple[float, float]]) -> TagScorer:
        """The same scorer with other (slope, shift) for some heads."""
        other = copy.copy(self)
        other._calibration = {**self._calibration, **calibration}
        return other

    def __call__(self, logits: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits (N, classes) by head to probabilities (N, tags), columns as `self.tags`."""
        count = len(next(iter(logits.values())))
        absent = np.ones((count, len(self.tags)), np.float32)  # probability that no head is right about a tag
        for head in sorted(logits, key=self._turn):
            table = self._heads[head]
            slope, shift = self._calibration[head]
            weights = None
            if head == "places":
                classes, things = self._stand_ins
                weights = np.ones(logits[head].shape, np.float32)
                weights[:, classes] = absent[:, things]
            score = _sigmoid(slope * _log_odds(table(logits[head], weights)) + shift)
            before = absent[:, table.columns]
            if head in self._gates:
                no_gate = absent[:, self._gates[head], None]
                # Nothing becomes likelier by it than the gate: every robin is a bird.
                absent[:, table.columns] = np.maximum(
                    before * (1 - (1 - no_gate) * score), np.minimum(before, no_gate)
                )
            else:
                absent[:, table.columns] = before * (1 - score)
        return 1 - absent

    def _turn(self, head: str) -> int:
        """What a head depends on must be known before it is asked."""
        return 2 if head in self._gates else int(head == "places")

    def head_scores(self, head: str, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns and uncalibrated (N, columns) probabilities of one head, for calibration and inspection."""
        table = self._heads[head]
        return table.columns, table(logits)


class _HeadTable:
    """Which classes speak for which tags, as runs of class indices sorted by tag."""

    def __init__(self, head: str, classes: np.ndarray, columns: np.ndarray):
        order = np.argsort(columns, kind="stable")
        self._classes = classes[order]
        self.columns, self._starts = np.unique(columns[order], return_index=True)
        self._independent = head in INDEPENDENT

    def __call__(self, logits: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """(N, classes) to (N, columns); `weights` (N, classes) make some classes count less."""
        logits = np.asarray(logits, np.float32)
        probabilities = _sigmoid(logits) if self._independent else _softmax(logits)
        if weights is not None:
            probabilities *= weights
        reduce = np.maximum if self._independent else np.add
        return reduce.reduceat(probabilities[:, self._classes], self._starts, axis=1)


def _pairs(
    vocabulary: Vocabulary, head: str, classes: int, positions: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    labels = vocabulary.labels(head)
    if len(labels) != classes:
        raise ValueError(
            f"head {head!r} has {classes} classes, the vocabulary has {len(labels)} labels for it"
        )
    # A specialist says nothing of its gate: within its world everything is a bird.
    gate = GATES.get(head)
    unsaid = {gate, *vocabulary.ancestors(gate)} if gate is not None and gate in positions else set()
    pairs = [
        (index, positions.setdefault(tag, len(positions)))
        for index, label in enumerate(labels)
        if label is not None
        for tag in (label, *vocabulary.ancestors(label))
        if tag not in unsaid
    ]
    table = np.array(pairs, np.intp).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))
