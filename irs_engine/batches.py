"""Many pictures: find them, read ahead, hand them on in batches."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from irs_engine.errors import ImageError, IrsError

if TYPE_CHECKING:
    from irs_engine.image import Rgb

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
BATCH_PIXELS = 32_000_000  # a batch of large pictures is closed early: 96 MB of decoded pixels

T = TypeVar("T")
Read: TypeAlias = "tuple[Any, Rgb | IrsError]"  # what was given, and what it held or why it cannot be read


def pictures_in(folder: str | os.PathLike[str], recursive: bool = False) -> list[Path]:
    """Paths of the pictures in a folder, sorted; hidden ones are left out."""
    if not os.path.isdir(folder):
        raise ImageError(f"{os.fspath(folder)}: not a folder; give one, or a picture to `tag`")
    return files_in(folder, SUFFIXES, recursive)


def files_in(
    folder: str | os.PathLike[str], suffixes: tuple[str, ...], recursive: bool = False
) -> list[Path]:
    """Paths of the files in a folder whose names end so, sorted; hidden ones are left out."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        wanted = (name for name in files if name.lower().endswith(suffixes) and not name.startswith("."))
        found += [Path(parent, name) for name in sorted(wanted)]
    return found


def read_ahead(
    images: Iterable[Any], read: Callable[[Any], T], *, readers: int, depth: int
) -> Iterator[tuple[Any, T | IrsError]]:
    """Read images in threads, at most `depth` ahead of the one that is asked for, and yield them in order."""
    pool = ThreadPoolExecutor(readers, thread_name_prefix="irs-read")
    waiting: deque[tuple[Any, Future[T]]] = deque()

    def first() -> tuple[Any, T | IrsError]:
        image, future = waiting.popleft()
        try:
            return image, future.result()
        except IrsError as error:
            return image, error

    try:
        for image in images:
            waiting.append((image, pool.submit(read, image)))
            if len(waiting) > depth:
                yield first()
        while waiting:
            yield first()
    finally:
        pool.shutdown(cancel_futures=True)


def in_batches(pictures: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """Lists of `size`, fewer where the pictures are large."""
    batch: list[Read] = []
    pixels = 0
    for image, picture in pictures:
        batch.append((image, picture))
        pixels += 0 if isinstance(picture, IrsError) else picture.pixels.size // 3
        if len(batch) == size or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch
