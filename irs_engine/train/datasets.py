"""Labelled photos of people's own: boxes in COCO, YOLO or Pascal VOC layout.

    COCO    any .json with images, annotations and categories; photos beside it, in images/ or below
    YOLO    labels/**.txt with "class x y width height" in shares of the photo, photos in images/**,
            names in data.yaml, classes.txt or *.names
    VOC     Annotations/*.xml, photos in JPEGImages/

Everything is read and checked before anything is learned, and all that is wrong is said at once.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from irs_engine.batches import read_ahead
from irs_engine.device import choose_threads
from irs_engine.errors import DatasetError, ImageError, IrsError
from irs_engine.image import read_rgb
from irs_engine.image.decode import read_header
from irs_engine.image.limits import Limits
from irs_engine.train.progress import Progress

PHOTO_NAMES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
MOST_SAID = 12  # problems that a message lists
SLACK = 0.01  # of a side, by which a box may stand out of its photo: it is cut


@dataclass(frozen=True)
class LabelledFile:
    path: Path
    boxes: np.ndarray  # (n, 4) float32: left, top, right, bottom in pixels
    labels: np.ndarray  # (n,) int64


@dataclass(frozen=True)
class Dataset:
    names: tuple[str, ...]  # of the classes
    photos: tuple[LabelledFile, ...]

    def split(self, share: float = 0.15) -> tuple[Dataset, Dataset]:
        """What to learn from and what to judge by: by the names of the files, the same every time."""
        ranked = sorted(self.photos, key=lambda photo: sha256(photo.path.name.encode()).digest())
        count = max(1, round(share * len(ranked)))
        return Dataset(self.names, tuple(ranked[count:])), Dataset(self.names, tuple(ranked[:count]))


class Problems:
    """What is wrong with a folder, collected to be told together."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.found: list[str] = []

    def add(self, where: object, what: str) -> None:
        self.found.append(f"{where}: {what}")

    def raise_any(self) -> None:
        if self.found:
            more = len(self.found) - MOST_SAID
            listed = "\n  ".join(self.found[:MOST_SAID] + ([f"and {more} more"] if more > 0 else []))
            raise DatasetError(f"{self.folder}: {len(self.found)} problem(s)\n  {listed}")


def read_dataset(folder: str | Path, names: Sequence[str] | None = None) -> Dataset:
    """The labelled photos of a folder, in whichever of the three layouts it is.

    Args:
        names: The classes, in this order, for which a model exists; of some there may be no box then.

    Raises:
        DatasetError: In none of them, or missing photos, boxes outside of their photos or without an area,
            unknown classes, or classes without a box; all of them are listed.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    for fits, read in _LAYOUTS:
        if fits(folder):
            problems = Problems(folder)
            found, photos = read(folder, list(names or []), problems)
            seen = {label for photo in photos for label in photo.labels.tolist()}
            for label, name in enumerate(found):
                if label not in seen and not names:
                    problems.add("classes", f"{name!r} has no box: leave it out, or add photos of it")
                if names and name not in names:
                    problems.add("classes", f"{name!r} is not known: there are {', '.join(names)}")
            problems.raise_any()
            return Dataset(tuple(found), tuple(photos))
    raise DatasetError(
        f"{folder}: in none of the known layouts: COCO (a .json with images, annotations and categories), "
        "YOLO (images/ and labels/), Pascal VOC (JPEGImages/ and Annotations/)"
    )


def check_readable(photos: Iterable[Path], problems: Problems, progress: Progress | None = None) -> None:
    """Decode them all, small: what is damaged is known before anything is learned."""
    paths = list(photos)
    read = functools.partial(read_rgb, at_least=64)
    for number, (path, photo) in enumerate(read_ahead(paths, read, readers=choose_threads(), depth=16), 1):
        if isinstance(photo, IrsError):
            problems.add(path, f"not a readable photo ({str(photo).removeprefix(f'{path}: ')})")
        if progress:
            progress.passing(f"{number} of {len(paths)} photos checked")


Read = tuple[list[str], list[LabelledFile]]


def _checked(
    path: Path,
    boxes: list[list[float]],
    labels: list[int],
    where: str,
    problems: Problems,
    in_shares: bool = False,
) -> LabelledFile | None:
    """The photo with its boxes, cut at its borders; None and problems where they do not fit.

    Args:
        where: What to call the place of the boxes in a message.
        in_shares: Boxes are in shares of the photo, not in pixels.
    """
    try:
        _, header = read_header(path.read_bytes(), Limits())
    except FileNotFoundError:
        problems.add(where, f"there is no photo {path}")
        return None
    except (OSError, ImageError) as error:
        problems.add(path, f"not a readable photo ({error})")
        return None
    size = header.shown_size
    limit = np.array([*size, *size], np.float32)
    found = np.array(boxes, np.float32).reshape(-1, 4) * (limit if in_shares else 1)
    for box in found:
        text = ", ".join(f"{value:g}" for value in box)
        if not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
            problems.add(where, f"a box without an area: {text} (left, top, right, bottom)")
        elif (box < -SLACK * limit).any() or (box > (1 + SLACK) * limit).any():
            problems.add(where, f"a box outside of its photo of {size[0]} x {size[1]} pixels: {text}")
    return LabelledFile(path, found.clip(0, limit), np.array(labels, np.int64))


# COCO.


def _coco_files(folder: Path) -> list[Path]:
    return [file for file in _files(folder, ".json") if _is_coco(file)]


def _is_coco(file: Path) -> bool:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def _read_coco(folder: Path, names: list[str], problems: Problems) -> Read:
    photos = []
    for file in _coco_files(folder):
        content = json.loads(file.read_text(encoding="utf-8"))
        classes: dict[int, int] = {}
        for category in content["categories"]:
            if category["name"] not in names:
                names.append(category["name"])
            classes[category["id"]] = names.index(category["name"])
        of_image: dict[int, list[dict]] = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            where = f"{file.name}, annotation {annotation.get('id')}"
            if annotation.get("image_id") not in of_image:
                problems.add(where, f"there is no image {annotation.get('image_id')}")
            elif annotation.get("category_id") not in classes:
                problems.add(where, f"there is no category {annotation.get('category_id')}")
            elif not annotation.get("iscrowd"):
                of_image[annotation["image_id"]].append(annotation)
        index = _index(folder)
        for image in content["images"]:
            given = of_image[image["id"]]
            boxes = [[x, y, x + w, y + h] for x, y, w, h in (some["bbox"] for some in given)]
            path = index.get(Path(image["file_name"]).name, folder / image["file_name"])
            labels = [classes[some["category_id"]] for some in given]
            where = f"{file.name}, image {image['id']}"
            if (photo := _checked(path, boxes, labels, where, problems)) is not None:
                photos.append(photo)
    return names, photos


def _index(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in photos_below(folder)}


def photos_below(folder: Path) -> list[Path]:
    """In any depth, sorted."""
    return _files(folder, *PHOTO_NAMES)


def _files(folder: Path, *suffixes: str) -> list[Path]:
    """Below a folder and whatever folders it links to."""
    found = (Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names)
    return sorted(path for path in found if path.suffix.lower() in suffixes)


# YOLO.


def _read_yolo(folder: Path, names: list[str], problems: Problems) -> Read:
    names = names or _yolo_names(folder)
    of_photo = {_key(path, folder, "images"): path for path in photos_below(folder)}
    texts = (path for path in _files(folder, ".txt") if "labels" in path.parts and path.name != "classes.txt")
    of_labels = {_key(path, folder, "labels"): path for path in texts}
    for key in sorted(of_labels.keys() - of_photo.keys()):
        problems.add(of_labels[key].relative_to(folder), "there is no photo of that name in images/")
    photos = []
    for key, path in of_photo.items():
        file = of_labels.get(key)
        lines = file.read_text(encoding="utf-8").splitlines() if file else []
        where = str((file or path).relative_to(folder))
        boxes, labels = [], []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                label, *box = line.split()[:5]
                x, y, w, h = map(float, box)
                labels.append(int(label))
            except ValueError:
                problems.add(f"{where}, line {number}", f"expected a class and four numbers, got {line!r}")
                break
            if not 0 <= labels[-1] < len(names):
                problems.add(f"{where}, line {number}", f"class {label} has no name, there are {len(names)}")
                break
            boxes.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        else:
            photos.append(_checked(path, boxes, labels, where, problems, in_shares=True))
    return names, [photo for photo in photos if photo]


def _key(path: Path, folder: Path, kind: str) -> str:
    """Where a file lies, without images or labels in its path and without its suffix."""
    parts = [part for part in path.relative_to(folder).with_suffix("").parts if part != kind]
    return "/".join(parts)


def _yolo_names(folder: Path) -> list[str]:
    for file in (*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))):
        import yaml

        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        names = content.get("names") if isinstance(content, dict) else None
        if isinstance(names, dict):
            names = [names[number] for number in sorted(names)]
        if names:
            return [str(name) for name in names]
    for file in (folder / "classes.txt", folder / "labels" / "classes.txt", *sorted(folder.glob("*.names"))):
        if file.is_file():
            return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    raise DatasetError(f"{folder}: no names of classes: put them in data.yaml, classes.txt or *.names")


# Pascal VOC.


def _read_voc(folder: Path, names: list[str], problems: Problems) -> Read:
    index = {path.stem: path for path in photos_below(folder / "JPEGImages")}
    found: list[tuple[Path, list[list[float]], list[str], str]] = []
    for file in _files(folder / "Annotations", ".xml"):
        where = str(file.relative_to(folder))
        try:
            root = ElementTree.parse(file).getroot()
            boxes = [
                [float(thing.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax", "ymax")]
                for thing in root.iter("object")
            ]
        except (ElementTree.ParseError, ValueError) as error:
            problems.add(where, f"not a readable annotation ({error})")
            continue
        of_photo = [thing.findtext("name", "").strip() for thing in root.iter("object")]
        path = index.get(file.stem, folder / "JPEGImages" / root.findtext("filename", f"{file.stem}.jpg"))
        found.append((path, boxes, of_photo, where))
    names += sorted({name for _, _, of_photo, _ in found for name in of_photo} - set(names))
    photos = [
        _checked(path, boxes, [names.index(name) for name in of_photo], where, problems)
        for path, boxes, of_photo, where in found
    ]
    return names, [photo for photo in photos if photo]


_LAYOUTS: tuple[tuple[Callable[[Path], bool], Callable[[Path, list[str], Problems], Read]], ...] = (
    (lambda folder: (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir(), _read_voc),
    (lambda folder: any("labels" in path.parts for path in _files(folder, ".txt")), _read_yolo),
    (lambda folder: bool(_coco_files(folder)), _read_coco),
)
