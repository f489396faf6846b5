"""How well an album is searched, on photos that other people labelled.

    python benchmarks/album.py keywords   --work DIR --data photos/set-a photos/set-b [--more photos/others]
    python benchmarks/album.py similar    --work DIR --data photos/set-a photos/set-b
    python benchmarks/album.py duplicates --work DIR --data photos/any [--planted 200]

A set is a folder of folders, one for each class, or COCO's `images/` and `annotations.json`. The truth is the
name of the folder (or of COCO's category) that is found among the tags, with all that it is a kind of;
classes that no tag is called are left out. All is indexed into DIR/album.db, once: later calls go on there.

- keywords: 100 tags with ten right photos or more, spread evenly from the rarest to the most frequent, are
  searched for by name, English and Chinese in turn. Precision at 10 over the photos that come first: of all
  sets, where a photo of a set whose labels know nothing of the tag counts as wrong (a lower bound); and of
  the photos whose labels can judge alone. What a photo shows beside its one label counts as wrong.
- similar: each of --queries photos of a set asks for the others of its class among the whole set. Mean
  average precision of `Album.similar`, beside histograms of colours (8 x 4 x 4 of HSV, intersection) and
  beside the pooled features of torchvision's ResNet-18 with random weights (cosine, less their mean too).
- duplicates: of --planted photos copies are made (half the size; JPEG of quality 40; brighter by 15 %;
  mirrored; without a tenth of width and height, from all sides or from one; the bytes themselves), indexed
  with all others; recall by kind, and groups that hold more than one picture: some sets have doubles.

Intervals are 95 % bootstrap intervals over queries.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

import irs_engine
from irs_engine import Engine
from irs_engine.album import Album
from irs_engine.album.names import TagNames
from irs_engine.album.similar import nearest
from irs_engine.album.tables import LEAST
from irs_engine.album.vectors import Vectors, read_vectors
from irs_engine.image import read_rgb
from irs_engine.vision.vocabulary import load_vocabulary

SUFFIXES = (".jpg", ".jpeg", ".png")
TOP = 10
PAGE = 200  # photos of a search that are read at once


@dataclass
class Labelled:
    """A set of photos, and what is right for each of them."""

    name: str
    right: dict[str, frozenset[str]] = field(default_factory=dict)  # path -> tags, hypernyms included
    classes: dict[str, str] = field(default_factory=dict)  # path -> name of its folder; none of COCO's
    judged: frozenset[str] = frozenset()  # tags that its labels know


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["keywords", "similar", "duplicates"])
    parser.add_argument("--data", nargs="+", type=Path, required=True)
    parser.add_argument(
        "--more", nargs="*", type=Path, default=[], help="folders indexed too, without labels"
    )
    parser.add_argument("--work", type=Path, required=True, help="where the album is kept")
    parser.add_argument("--queries", type=int, help="keywords: 100; similar: 500 of each set")
    parser.add_argument("--planted", type=int, default=200)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    with Album(arguments.work / "album.db", engine=Engine(arguments.device)) as album:
        if arguments.part == "duplicates":
            found = duplicates(album, arguments.data, arguments.work / "planted", arguments.planted)
        else:
            report = album.index([*arguments.data, *arguments.more])
            print(f"indexed: {report.added} new, {len(report.failed)} failed, {report.seconds:.0f} s")
            sets = [read_set(folder) for folder in arguments.data]
            part = keywords if arguments.part == "keywords" else similar
            found = part(album, sets, arguments.queries or (100 if part is keywords else 500))
    found["version"] = irs_engine.__version__
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1, ensure_ascii=False))


def read_set(folder: Path) -> Labelled:
    data, names, vocabulary = Labelled(folder.name), TagNames(), load_vocabulary()

    def with_kinds(keys: Iterable[str]) -> frozenset[str]:
        return frozenset(tag for key in keys for tag in (key, *vocabulary.ancestors(key)))

    def tag(name: str) -> str | None:
        keys = names.find(name.replace("_", " "))
        return keys[0] if len(keys) == 1 else None

    if (folder / "annotations.json").exists():
        table = json.loads((folder / "annotations.json").read_text())
        categories = {one["id"]: tag(one["name"]) for one in table["categories"]}
        seen: dict[int, set[str]] = defaultdict(set)
        for thing in table["annotations"]:
            if key := categories[thing["category_id"]]:
                seen[thing["image_id"]].add(key)
        for image in table["images"]:
            path = str((folder / "images" / image["file_name"]).absolute())
            data.right[path] = with_kinds(seen[image["id"]])
        data.judged = with_kinds(key for key in categories.values() if key)
    else:
        known = {child.name: key for child in sorted(folder.iterdir()) if (key := tag(child.name))}
        for name, key in known.items():
            for path in pictures(folder / name):
                data.right[str(path.absolute())] = with_kinds([key])
                data.classes[str(path.absolute())] = name
        data.judged = with_kinds(known.values())
        # One label a photo: of a set of things nothing is known of places, and the other way round.
        scenes = {key for key in data.judged if vocabulary[key].category == "scene"}
        data.judged = frozenset(scenes if 2 * len(scenes) > len(data.judged) else data.judged - scenes)
    print(f"{data.name}: {len(data.right)} photos, {len(data.judged)} tags")
    return data


def pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def keywords(album: Album, sets: list[Labelled], count: int) -> dict:
    vocabulary = load_vocabulary()
    set_of = {path: data for data in sets for path in data.right}
    positives: dict[str, int] = defaultdict(int)
    for data in sets:
        for right in data.right.values():
            for key in right & data.judged:
                positives[key] += 1
    enough = sorted((number, key) for key, number in positives.items() if number >= TOP)
    chosen = (
        [enough[i] for i in np.unique(np.linspace(0, len(enough) - 1, count).astype(int))] if enough else []
    )
    rows = []
    for number, (_, key) in enumerate(chosen):
        name = vocabulary[key].zh if number % 2 else vocabulary[key].en
        truth: list[bool] = []
        judged: list[bool] = []
        total = 1
        while len(judged) < TOP and len(truth) < total:  # a page at a time, until the labels say enough
            page = album.search(f'"{name}"', threshold=LEAST, limit=PAGE, offset=len(truth))
            total = page.total
            for path in (hit.photo.path for hit in page.hits):
                truth.append(path in set_of and key in set_of[path].right[path])
                if path in set_of and key in set_of[path].judged:
                    judged.append(truth[-1])
        rows.append(
            {
                "query": name,
                "positives": positives[key],
                "found": total,
                "lower": sum(truth[:TOP]) / TOP,
                "judged": sum(judged[:TOP]) / TOP,
            }
        )
        print(
            f"{name:30} {positives[key]:5} right photos   {rows[-1]['judged']:.1f} ({rows[-1]['lower']:.1f})"
        )
    found = {"photos": album.info().photos, "queries": rows}
    for what in ("judged", "lower"):
        found[what] = interval([row[what] for row in rows])
    print(f"precision at 10, {len(rows)} queries, {found['photos']} photos: ", end="")
    print(f"{found['judged']}, lower bound {found['lower']}")
    return found


def similar(album: Album, sets: list[Labelled], count: int) -> dict:
    vectors = read_vectors(album.database)
    path_of = {photo.id: photo.path for photo in album.photos(threshold=100)}
    found = {}
    for data in sets:
        rows = [row for row, id in enumerate(vectors.ids.tolist()) if path_of[id] in data.classes]
        paths = [path_of[int(vectors.ids[row])] for row in rows]
        labels = np.array([data.classes[path] for path in paths])
        if len(set(labels)) < 2:
            continue
        asked = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))
        features = {
            "embeddings": of_vectors(vectors.values[rows]),
            "colours": of_histograms(paths),
            "random network": of_vectors(random_features(paths)),
        }
        found[data.name] = {"photos": len(rows), "classes": len(set(labels)), "queries": len(asked)}
        for name, ranking in features.items():
            precisions = [average_precision(ranking(row), labels, row) for row in asked]
            found[data.name][name] = interval([p for p in precisions if p is not None])
        print(data.name, found[data.name])
    return found


def average_precision(order: np.ndarray, labels: np.ndarray, row: int) -> float | None:
    """Of a ranking of all rows, without the one that asked; None if it is alone in its class."""
    right = labels[order[order != row]] == labels[row]
    ranks = np.flatnonzero(right) + 1
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks)) if len(ranks) else None


def of_vectors(values: np.ndarray) -> Callable[[int], np.ndarray]:
    """Rankings as `Album.similar` makes them."""
    vectors = Vectors(np.arange(len(values)), values, values.astype(np.float32).mean(0))
    return lambda row: nearest(vectors, values[row], len(values))[0]


def of_histograms(paths: list[str]) -> Callable[[int], np.ndarray]:
    table = []
    for path in paths:
        pixels = np.array(Image.fromarray(small(path)).convert("HSV")).reshape(-1, 3)
        histogram, _ = np.histogramdd(pixels, bins=(8, 4, 4), range=[(0, 256)] * 3)
        table.append(histogram.ravel() / len(pixels))
    histograms = np.array(table, np.float32)
    return lambda row: np.argsort(-np.minimum(histograms, histograms[row]).sum(1), kind="stable")


def random_features(paths: list[str]) -> np.ndarray:
    import torch
    import torchvision

    torch.manual_seed(0)
    net = torchvision.models.resnet18(weights=None).eval()
    net.fc = torch.nn.Identity()
    features = []
    with torch.inference_mode():
        for start in range(0, len(paths), 32):
            batch = np.stack([small(path) for path in paths[start : start + 32]])
            features.append(net(torch.from_numpy(batch).permute(0, 3, 1, 2) / 127.5 - 1).numpy())
    values = np.concatenate(features)
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)


def small(path: str) -> np.ndarray:
    """(224, 224, 3) uint8, the whole photo."""
    return np.array(Image.fromarray(read_rgb(path, at_least=224).pixels).resize((224, 224)))


def tenth_off_a_side(image: Image.Image) -> Image.Image:
    return image.crop((0, 0, round(0.9 * image.width), image.height))


def tenth_off(image: Image.Image) -> Image.Image:
    x, y = round(0.05 * image.width), round(0.05 * image.height)
    return image.crop((x, y, image.width - x, image.height - y))


COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {  # and quality of JPEG
    "half the size": (lambda image: image.resize((image.width // 2, image.height // 2)), 90),
    "JPEG of 40": (lambda image: image, 40),
    "brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.15), 90),
    "mirrored": (lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 90),
    "tenth off, all sides": (tenth_off, 90),
    "tenth off, one side": (tenth_off_a_side, 90),
}


def duplicates(album: Album, folders: list[Path], planted: Path, count: int) -> dict:
    album.index(folders)
    here = str(planted.absolute())
    paths = [photo.path for photo in album.photos(threshold=100) if not photo.path.startswith(here)]
    chosen = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, count).astype(int))]
    origin = {}
    for number, path in enumerate(chosen):
        with Image.open(path) as image:
            image = image.convert("RGB")
        for kind, (change, quality) in COPIES.items():
            copy = planted / kind.replace(" ", "-") / f"{number:05}.jpg"
            copy.parent.mkdir(parents=True, exist_ok=True)
            change(image).save(copy, quality=quality)
            origin[str(copy.absolute())] = (path, kind)
        copy = planted / "bytes" / f"{number:05}{Path(path).suffix}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        origin[str(copy.absolute())] = (path, "the bytes")
    album.index(planted)
    found: dict[str, int] = defaultdict(int)
    named: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    groups = mixed = 0
    for group in album.duplicates():
        groups += 1
        kinds = {group.photo.path: "best", **{copy.photo.path: copy.kind for copy in group.copies}}
        mixed += len({origin.get(path, (path, ""))[0] for path in kinds}) > 1
        for path, kind in kinds.items():
            if path in origin and origin[path][0] in kinds:
                found[origin[path][1]] += 1
                named[origin[path][1]][kind] += 1
    recall = {kind: found[kind] / len(chosen) for kind in [*COPIES, "the bytes"]}
    for kind, share in recall.items():
        print(f"{kind:22} {100 * share:5.1f} %   called {dict(named[kind])}")
    print(
        f"{len(chosen)} photos copied among {len(paths)}; {groups} groups, {mixed} with more than one picture"
    )
    return {"photos": len(paths), "planted": len(chosen), "recall": recall, "groups": groups, "mixed": mixed}


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean, and its 95 % bootstrap interval."""
    if not values:
        return (float("nan"),) * 3
    means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(1)
    return tuple(round(float(x), 4) for x in (np.mean(values), *np.percentile(means, [2.5, 97.5])))


if __name__ == "__main__":
    main()
