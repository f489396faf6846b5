"""Photos of people's own with a folder for each class.

    DIR/helmet/*.jpg    DIR/bare head/*.jpg    DIR/none/*.jpg

The folders' names are those of the classes; NONE holds photos of none of them, whose class is never shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from irs_engine.errors import DatasetError
from irs_engine.train.datasets import PHOTO_NAMES, Problems, check_readable, photos_below
from irs_engine.train.progress import Progress
from irs_engine.vision.detector import tags_of

NONE = "none"
LEAST = 8  # photos of a class
HELD_OUT = 7  # every so many-th photo of a class is kept to judge by

Photos = tuple[tuple[Path, int], ...]  # files, and their classes


@dataclass(frozen=True)
class ClassFolders:
    names: tuple[str, ...]  # of the classes, NONE last
    photos: Photos

    def split(self) -> tuple[Photos, Photos]:
        """What to learn from and what to judge by: by the names of the files, the same every time."""
        parts: tuple[list, list] = ([], [])
        for label in range(len(self.names)):
            of_class = [photo for photo in self.photos if photo[1] == label]
            of_class.sort(key=lambda photo: sha256(photo[0].name.encode()).digest())
            for place, photo in enumerate(of_class):
                parts[place % HELD_OUT == 0].append(photo)
        return tuple(parts[0]), tuple(parts[1])

    @property
    def shown(self) -> tuple[str | None, ...]:
        """Names of the tags; None for what is hidden."""
        return tuple(None if name == NONE else name for name in self.names)


def read_class_folders(folder: str | Path, progress: Progress | None = None) -> ClassFolders:
    """The photos of a folder of folders.

    Raises:
        DatasetError: Fewer than two classes, classes of fewer than LEAST photos or with the same tag, photos
            that are damaged, in no class or in two; all of them are listed.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    problems = Problems(folder)
    places = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    names = sorted((path.name for path in places), key=lambda name: (name == NONE, name))
    photos = tuple((path, names.index(place.name)) for place in places for path in photos_below(place))
    if not set(names) - {NONE} or len(names) < 2:
        problems.add(
            "classes", f"two folders of photos are needed at least, found {', '.join(names) or 'none'}"
        )
    if stray := [path for path in folder.iterdir() if path.suffix.lower() in PHOTO_NAMES]:
        problems.add(min(stray).name, f"{len(stray)} photo(s) are in no class: move them into its folder")
    for label, name in enumerate(names):
        if (count := sum(of == label for _, of in photos)) < LEAST:
            problems.add(f"{name}/", f"{count} photo(s), {LEAST} are needed at least")
    _check_tags([name for name in names if name != NONE], problems)
    _check_doubles(photos, names, problems)
    check_readable((path for path, _ in photos), problems, progress)
    problems.raise_any()
    return ClassFolders(tuple(names), photos)


def _check_tags(names: Sequence[str], problems: Problems) -> None:
    of_tag = defaultdict(list)
    for name, tag in zip(names, tags_of(names), strict=True):
        of_tag[tag.id].append(name)
    for id, alike in of_tag.items():
        if len(alike) > 1:
            problems.add("classes", f"{' and '.join(alike)} would both be the tag {id}: rename one")


def _check_doubles(photos: Photos, names: Sequence[str], problems: Problems) -> None:
    """Nothing can be learned from a photo that is said to be two things."""
    known: dict[bytes, tuple[Path, int]] = {}
    for path, label in photos:
        first, of_first = known.setdefault(sha256(path.read_bytes()).digest(), (path, label))
        if of_first != label:
            problems.add(path, f"is {names[label]!r}, and the same photo is {names[of_first]!r} in {first}")
