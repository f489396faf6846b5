"""Tags with boxes: what the tagger sees in the whole photo and the detector in its parts, put together.

A class of the detector counts as another head of the tagger: its most confident box is the evidence for its
tag and the parents of that. So a detected thing makes its tag likelier (noisy-or), a missed one takes nothing
away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from irs_engine.image import Rgb
from irs_engine.results import Instance, TaggingResult
from irs_engine.vision.scoring import DETECTED, TagScorer
from irs_engine.vision.tagger import Tagger, tags_shown
from irs_engine.vision.windows import WindowDetector

LEAST = 0.05  # score of a box that counts at all
SHOWN = 35.0  # confidence of boxes that are told as instances of a tag


class DetectingTagger:
    """A tagger and a detector that look at the same photos. Safe to share between threads."""

    def __init__(self, tagger: Tagger, detector: WindowDetector):
        self.tagger, self.detector = tagger, detector
        self.scorer = TagScorer(
            tagger.vocabulary.with_head(DETECTED, detector.tags),
            {**tagger.net.classes, DETECTED: len(detector.tags)},
            {**tagger.calibration, DETECTED: detector.calibration},
        )

    def tag_batch(
        self, photos: Sequence[Rgb], *, threshold: float = 60, limit: int | None = None, language: str = "en"
    ) -> list[TaggingResult]:
        """As `Tagger.tag_batch`; tags of detected things have their boxes as instances."""
        scores, found = self.look([photo.pixels for photo in photos])
        results = []
        for row, rows, photo in zip(scores, found, photos, strict=True):
            instances = self._instances(rows, photo)
            tags = tags_shown(self.scorer, row, threshold, limit, language, instances)
            results.append(TaggingResult(tags, photo.size))
        return results

    def look(self, photos: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """(H, W, 3) uint8 pictures to probabilities (N, tags), columns as `self.scorer.tags`, and boxes."""
        return self.look_and_embed(photos)[:2]

    def look_and_embed(self, photos: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """The same, and the features of the tagger, which cost no more."""
        found = self.detector.boxes(photos, LEAST)
        logits, features = self.tagger.logits_and_features(photos)
        return self.scorer({**logits, DETECTED: self._presence(found)}), found, features

    def _presence(self, found: Sequence[np.ndarray]) -> np.ndarray:
        """(photos, classes) logits of the best box of each class."""
        best = np.zeros((len(found), len(self.detector.tags)), np.float32)
        for row, boxes in zip(best, found, strict=True):
            np.maximum.at(row, boxes[:, 5].astype(np.intp), boxes[:, 4])
        best = best.clip(1e-6, 1 - 1e-6)
        return np.log(best / (1 - best))

    def _instances(self, rows: np.ndarray, photo: Rgb) -> dict[str, tuple[Instance, ...]]:
        """By id of the tag, the most confident first."""
        instances = defaultdict(list)
        for thing in self.detector.objects(rows, photo, SHOWN):
            instances[thing.id].append(Instance(thing.box, thing.confidence))
        return {id: tuple(boxes) for id, boxes in instances.items()}
