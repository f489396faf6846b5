"""Image tagging: what a photo shows, as tags with calibrated confidence."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from irs_engine.image import Rgb
from irs_engine.resize import resize_normalize
from irs_engine.results import Instance, Tag, TaggingResult
from irs_engine.vision.scoring import TagScorer
from irs_engine.vision.vocabulary import Vocabulary, load_vocabulary
from irs_engine.weights import Given, find_weights, read_weights, weights_about

if TYPE_CHECKING:
    import torch

WEIGHTS = "tagger_s"
OWN = "own"  # the head of classes that people trained themselves
SHORT_SIDE = 224  # of the picture that the network sees; nothing is cut off a photo of up to LONGEST_ASPECT
CELL = 32  # stride of the network: both sides are multiples of it
LONGEST_ASPECT = 2.0  # of a longer picture the middle is seen
MEAN = STD = (0.5, 0.5, 0.5)


class Tagger:
    """The tagging network on one device, with its vocabulary. Safe to share between threads.

    Args:
        device: Where the network runs.
        precision: "fp32", "bf16", or "auto": bf16 where that is faster (`wants_bf16`).
        weights: A .safetensors file, or a folder to look in first; the shipped ones by default.
        threads: CPU threads of the network; torch's own choice by default.
    """

    def __init__(
        self,
        device: torch.device,
        precision: str = "auto",
        weights: Given = None,
        threads: int | None = None,
    ):
        import torch

        from irs_engine.vision.nets.packed import for_inference
        from irs_engine.vision.nets.tagger_net import build_tagger_net

        if threads:
            torch.set_num_threads(threads)
        path = find_weights(WEIGHTS, weights)
        tensors = read_weights(path)
        self.calibration = {
            name.removeprefix("calibration."): tuple(values.tolist())
            for name, values in tensors.items()
            if name.startswith("calibration.")
        }
        self.path = path
        self.device = device
        self.net, self.dtype = for_inference(build_tagger_net(tensors), device, precision)
        self.vocabulary = _vocabulary_of(path)
        self.scorer = TagScorer(self.vocabulary, self.net.classes, self.calibration)

    @cached_property
    def trunk(self) -> int:
        """`trunk_of` its weights; read again for the few who ask, rather than counted at every start."""
        return trunk_of(read_weights(self.path))

    def tag_batch(
        self, photos: Sequence[Rgb], *, threshold: float = 60, limit: int | None = None, language: str = "en"
    ) -> list[TaggingResult]:
        """Tags of each photo with a confidence (0..100) of at least `threshold`, the most confident first."""
        scores = self.scores([photo.pixels for photo in photos])
        return [
            TaggingResult(tags_shown(self.scorer, row, threshold, limit, language), photo.size)
            for row, photo in zip(scores, photos, strict=True)
        ]

    def scores(self, photos: Sequence[np.ndarray]) -> np.ndarray:
        """(H, W, 3) uint8 pictures to probabilities (N, tags), columns as `self.scorer.tags`."""
        return self.scorer(self.logits(photos))

    def logits(self, photos: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """What the heads say, (N, classes) by head."""
        return self.logits_and_features(photos)[0]

    def features(self, photos: Sequence[np.ndarray]) -> np.ndarray:
        """What the heads look at, (N, feature) float32, each of length 1: alike for photos that are alike."""
        return self.logits_and_features(photos)[1]

    def logits_and_features(self, photos: Sequence[np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Both in one pass. Pictures of one shape go through the network together."""
        by_shape = defaultdict(list)
        for number, photo in enumerate(photos):
            by_shape[_network_size(photo)].append(number)
        found: dict[str, np.ndarray] = {
            head: np.empty((len(photos), classes), np.float32) for head, classes in self.net.classes.items()
        }
        features = np.empty((len(photos), self.net.feature_width), np.float32)
        for (width, height), numbers in by_shape.items():
            batch = np.empty((len(numbers), 3, height, width), np.float32)
            for row, number in zip(batch, numbers, strict=True):
                prepare(photos[number], out=row)
            answers, features[numbers] = self._run(batch)
            for head, values in answers.items():
                found[head][numbers] = values
        return found, features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """The network alone: (N, 3, h, w) float32 in -1..1, sides divisible by CELL, to logits by head."""
        return self._run(batch)[0]

    def _run(self, batch: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The same, and the pooled features (N, feature)."""
        import torch

        with torch.inference_mode():
            x = torch.from_numpy(batch).to(self.device, self.dtype, memory_format=torch.channels_last)
            pooled = self.net.pooled(x)
            logits = {head: values.float().cpu().numpy() for head, values in self.net.read(pooled).items()}
            return logits, pooled.float().cpu().numpy()


def trunk_of(tensors: Mapping[str, torch.Tensor]) -> int:
    """A number that tells the trunk of a tagger, without its heads, from any other (CRC-32 of the values)."""
    found = 0
    for name in sorted(tensors):
        if not name.startswith(("heads.", "calibration.")):
            found = zlib.crc32(tensors[name].contiguous().numpy().tobytes(), found)
    return found


def tags_shown(
    scorer: TagScorer,
    scores: np.ndarray,
    threshold: float,
    limit: int | None,
    language: str,
    instances: Mapping[str, tuple[Instance, ...]] | None = None,
) -> tuple[Tag, ...]:
    """Tags with a confidence of at least `threshold`, the most confident first.

    Args:
        scores: (tags,) probabilities, as `scorer.tags`.
        instances: Where things are, by id of their tag.
    """
    categories, where = load_vocabulary().categories, instances or {}
    confidence = np.round(100 * scores.astype(np.float64), 2)
    shown = np.flatnonzero(confidence >= threshold)
    found = []
    for column in shown[np.argsort(-confidence[shown], kind="stable")][:limit].tolist():
        tag = scorer.tags[column]
        name, category = tag.zh if language == "zh" else tag.en, categories[tag.category]
        boxes = where.get(tag.id, ())
        found.append(Tag(tag.id, name, tag.en, tag.zh, tag.kind, category, float(confidence[column]), boxes))
    return tuple(found)


def _vocabulary_of(path: Path) -> Vocabulary:
    """That of the package, and what the head OWN of a file means if it has one; null = hidden."""
    from irs_engine.vision.detector import tags_of

    classes = weights_about(path).get("classes")
    if classes is None:
        return load_vocabulary()
    tags = [None if name is None else tags_of([name])[0] for name in json.loads(classes)]
    return load_vocabulary().with_head(OWN, tags)


def prepare(photo: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """An (H, W, 3) uint8 photo as the network's input: the whole of it, (3, h, w) float32 in -1..1."""
    height, width = photo.shape[:2]
    seen_w, seen_h = min(width, LONGEST_ASPECT * height), min(height, LONGEST_ASPECT * width)
    box = ((width - seen_w) / 2, (height - seen_h) / 2, seen_w, seen_h)
    return resize_normalize(photo, _network_size(photo), box=box, mean=MEAN, std=STD, out=out)


def _network_size(photo: np.ndarray) -> tuple[int, int]:
    """Width and height at which the network sees the photo."""
    height, width = photo.shape[:2]
    aspect = min(max(width, height) / min(width, height), LONGEST_ASPECT)
    long_side = round(SHORT_SIDE * aspect / CELL) * CELL
    return (long_side, SHORT_SIDE) if width >= height else (SHORT_SIDE, long_side)
