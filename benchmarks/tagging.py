"""How often the tagger is right, beside its teachers, on photos that other people labelled.

    python benchmarks/tagging.py --teachers teachers/ --out tagging.json \\
        --data caltech101=photos/caltech-test coco128=photos/coco128

Two questions:

- Classes: is the answer of a head right, first or among the first five? Labels of a set are mapped to ours
  by `tagging_classes.tsv`, written before anything was measured; a folder of a set is a class, classes
  without a counterpart are left out.
- Tags: of what is shown at the default threshold, how much is right, how often is nothing shown, how honest
  is the confidence? A tag is right if it is the class of the photo or a parent of it. A label says nothing of
  the rest of the photo: of a set of objects, tags of places are not judged, and the other way round; an
  unlabelled second object counts as wrong all the same, so the precision is a lower bound. On COCO photos all
  objects of 80 classes are labelled, and these and their parents are judged.

Intervals are 95 % bootstrap intervals over photos.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import irs_engine
from irs_engine.device import choose_device
from irs_engine.image import read_rgb
from irs_engine.vision.detecting_tagger import DetectingTagger
from irs_engine.vision.detector import SIDE
from irs_engine.vision.detectors import load_detector
from irs_engine.vision.scoring import TagScorer
from irs_engine.vision.tagger import SHORT_SIDE, Tagger
from irs_engine.vision.vocabulary import load_vocabulary

CLASSES = Path(__file__).with_name("tagging_classes.tsv")
THRESHOLD = 60
BATCH = 16


@dataclass
class Labelled:
    """Photos of one set, what is right for each of them, and which tags its labels can judge."""

    head: str
    photos: list[tuple[Path, frozenset[int]]] = field(default_factory=list)  # file, right classes of the head
    right: list[frozenset[str]] = field(default_factory=list)  # tags of each photo
    judged: frozenset[str] = frozenset()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", required=True, metavar="set=folder")
    parser.add_argument(
        "--teachers", type=Path, help="folder of the teachers' files; without it they are not asked"
    )
    parser.add_argument("--weights", type=Path, help="weights to judge instead of the shipped ones")
    parser.add_argument(
        "--detect", action="store_true", help="tags with what the detector finds, as by default"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--most", type=int, default=0, help="at most so many photos of a set, evenly spread")
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    tagger = Tagger(device, weights=arguments.weights)
    both = DetectingTagger(tagger, load_detector(device)) if arguments.detect else None
    teachers = Teachers(arguments.teachers) if arguments.teachers else None
    found = {"version": irs_engine.__version__}
    for item in arguments.data:
        name, folder = item.split("=", 1)
        data = read_coco(Path(folder)) if name.startswith("coco") else read_classes(name, Path(folder))
        if arguments.most and len(data.photos) > arguments.most:
            keep = np.linspace(0, len(data.photos) - 1, arguments.most).astype(int)
            data.photos, data.right = [data.photos[i] for i in keep], [data.right[i] for i in keep]
        found[name] = judge(data, tagger, both, teachers)
        print_figures(name, found[name])
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def read_classes(name: str, folder: Path) -> Labelled:
    """A folder of folders, one for each class of `tagging_classes.tsv`."""
    vocabulary = load_vocabulary()
    with CLASSES.open(encoding="utf-8") as file:
        lines = (line for line in file if not line.startswith("#"))
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["dataset"] == name]
    if not rows:
        raise SystemExit(f"{name}: not a set of {CLASSES.name}")
    data = Labelled(rows[0]["head"])
    everything = _with_parents(data.head, range(len(vocabulary.labels(data.head))))
    places = data.head == "places"
    data.judged = frozenset(id for id in everything if (vocabulary[id].category == "scene") == places)
    for row in rows:
        indices = frozenset(int(i) for i in row["indices"].split(","))
        for path in _pictures(folder / row["class"]):
            data.photos.append((path, indices))
            data.right.append(_with_parents(data.head, indices))
    return data


def read_coco(folder: Path) -> Labelled:
    """`images/` and `labels/` (YOLO lines that begin with the class number) of COCO photos."""
    data = Labelled("coco", judged=_with_parents("coco", range(80)))
    for path in _pictures(folder / "images"):
        file = folder / "labels" / f"{path.stem}.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        classes = frozenset(int(line.split()[0]) for line in lines)
        data.photos.append((path, classes))
        data.right.append(_with_parents("coco", classes))
    return data


def _with_parents(head: str, classes: Iterable[int]) -> frozenset[str]:
    """The tags of some classes of a head and all their parents."""
    vocabulary = load_vocabulary()
    labels = vocabulary.labels(head)
    tags = {label for i in classes if (label := labels[i]) is not None}
    return frozenset(tags | {parent for tag in tags for parent in vocabulary.ancestors(tag)})


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


class Teachers:
    """The teachers as they were meant to be asked: the central 0.875 of the short side at 224 pixels."""

    def __init__(self, folder: Path):
        from irs_engine.train.teachers import Faculty

        self.faculty = Faculty(folder, second_opinion=True, ask=0.0)

    def logits(self, photos: list[np.ndarray]) -> dict[str, np.ndarray]:
        import torch

        from irs_engine.resize import resize
        from irs_engine.train.lessons import to_input

        views = []
        for photo in photos:
            height, width = photo.shape[:2]
            side = 0.875 * min(height, width)
            box = ((width - side) / 2, (height - side) / 2, side, side)
            views.append(resize(photo, (224, 224), box=box))
        logits, _ = self.faculty(to_input(torch.from_numpy(np.stack(views))))
        return {head: values.numpy() for head, values in logits.items()}


def judge(data: Labelled, tagger: Tagger, both: DetectingTagger | None, teachers: Teachers | None) -> dict:
    ranks = defaultdict(list)  # who -> place of the first right class, for every photo
    scores = []
    for paths in _batches([path for path, _ in data.photos]):
        photos = [read_rgb(path, at_least=SIDE if both else SHORT_SIDE).pixels for path in paths]
        right = [data.photos[len(scores) + i][1] for i in range(len(paths))]
        ours = tagger.logits(photos)
        answers = {"ours": ours, "teacher": teachers.logits(photos) if teachers else {}}
        for who, logits in answers.items():
            if data.head in logits:
                ranks[who] += [
                    _rank(row, classes) for row, classes in zip(logits[data.head], right, strict=True)
                ]
        scores += list(both.look(photos)[0] if both else tagger.scorer(ours))
    figures: dict = {"photos": len(data.photos), "head": data.head}
    for who, places in ranks.items():
        places = np.array(places)
        figures[who] = {"top1": _share(places < 1), "top5": _share(places < 5)}
    figures["tags"] = judge_tags(data, both.scorer if both else tagger.scorer, np.stack(scores))
    return figures


def judge_tags(data: Labelled, scorer: TagScorer, scores: np.ndarray) -> dict:
    """Precision, recall and calibration of confidences against the tags that are right for each photo."""
    ids = [tag.id for tag in scorer.tags]
    some_tag = (scores >= THRESHOLD / 100).any(1)
    columns = np.array([i for i, id in enumerate(ids) if id in data.judged])
    scores = scores[:, columns]
    right = np.array([[ids[i] in tags for i in columns] for tags in data.right])
    shown = scores >= THRESHOLD / 100
    hits, count = (shown & right).sum(1), shown.sum(1)
    return {
        "precision": _ratio(hits, count),
        "recall": _ratio(hits, right.sum(1)),
        "photos_with_a_tag": _share(some_tag),
        "tags_per_photo": float(count.mean()),
        "calibration": _calibration(scores, right),
    }


def _calibration(scores: np.ndarray, right: np.ndarray) -> dict:
    """Expected calibration error over bins from 0.1 up, and of each bin (mean score, share right, number)."""
    bins = []
    for low in np.arange(0.1, 1.0, 0.1):
        inside = (scores >= low) & (scores < low + 0.1)
        if inside.any():
            bins.append((float(scores[inside].mean()), float(right[inside].mean()), int(inside.sum())))
    total = sum(n for *_, n in bins) or 1
    return {"ece": sum(abs(s - r) * n for s, r, n in bins) / total, "bins": bins}


def _rank(logits: np.ndarray, right: frozenset[int]) -> int:
    best = max(logits[i] for i in right)
    return int((logits > best).sum())


def _share(hits: np.ndarray) -> list[float]:
    return _ratio(hits.astype(float), np.ones(len(hits)))


def _ratio(part: np.ndarray, whole: np.ndarray) -> list[float]:
    """sum(part) / sum(whole) with its 95 % interval over photos."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(part), size=(1000, len(part)))
    samples = part[picks].sum(1) / np.maximum(whole[picks].sum(1), 1)
    low, high = np.percentile(samples, (2.5, 97.5))
    return [round(float(v), 4) for v in (part.sum() / max(whole.sum(), 1), low, high)]


def _batches(items: list) -> Iterator[list]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def print_figures(name: str, figures: dict) -> None:
    def percent(value: list[float]) -> str:
        return f"{100 * value[0]:.1f} ({100 * value[1]:.1f}-{100 * value[2]:.1f})"

    print(f"\n{name}: {figures['photos']} photos")
    for who in ("teacher", "ours"):
        if who in figures:
            line = f"  {who:8s} top-1 {percent(figures[who]['top1'])}  top-5 {percent(figures[who]['top5'])}"
            if who == "ours" and "teacher" in figures:
                share = [
                    figures["ours"][k][0] / max(figures["teacher"][k][0], 1e-9) for k in ("top1", "top5")
                ]
                line += f"  = {100 * share[0]:.0f} % and {100 * share[1]:.0f} % of the teacher's"
            print(line)
    tags = figures["tags"]
    print(
        f"  at {THRESHOLD}: precision {percent(tags['precision'])}, recall {percent(tags['recall'])}, "
        f"photos with a tag {percent(tags['photos_with_a_tag'])}, {tags['tags_per_photo']:.1f} tags a photo, "
        f"calibration error {tags['calibration']['ece']:.3f}"
    )


if __name__ == "__main__":
    main()
