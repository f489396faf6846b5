"""Folders walked: which pictures are there, and where it cannot be said."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from irs_engine.album.reports import Failure
from irs_engine.batches import SUFFIXES

# Photos, too, but of kinds that nothing here reads: they are counted, so that nobody waits for them.
OTHERS = tuple(
    ".heic .heif .avif .jxl .tif .tiff .gif .dng .cr2 .cr3 .nef .arw .raf .orf .rw2 .pef .srw".split()
)


@dataclass(slots=True)
class Walk:
    """What was found below some folders."""

    files: dict[str, tuple[int, int]] = field(default_factory=dict)  # path -> bytes, mtime in ns
    absent: list[str] = field(default_factory=list)  # folders that may be elsewhere: see `walk`
    failed: list[Failure] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)  # photos of other kinds, by suffix

    def may_hold(self, path: str) -> bool:
        """Whether the file may still be there, though it was not found."""
        return any(is_below(path, folder) for folder in self.absent)


def walk(roots: dict[str, bool]) -> Walk:
    """The pictures below folders, which are absolute paths; True for those whose subfolders count too.

    Hidden files and folders are left out, and links to folders are not followed. A folder that is empty,
    missing as a root, or unreadable says nothing about what was in it: a disk that is not mounted looks so.
    """
    found = Walk()
    for root, recursive in roots.items():
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(_entries(folder))
            except OSError as error:
                found.absent.append(folder)
                found.failed.append(Failure(folder, _why_not(error)))
                continue
            if not entries:
                found.absent.append(folder)
            folders = []
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if recursive and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                    _add(found, entry)
                elif entry.name.lower().endswith(OTHERS):
                    found.skipped[os.path.splitext(entry.name)[1].lower()] += 1
            waiting += reversed(folders)
    return found


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "not there (a disk that is not mounted?); what is known of it is kept, `album forget` drops it"
    return f"the folder cannot be read: {error.strerror}; what is known of it is kept"


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)


def _add(found: Walk, entry: os.DirEntry[str]) -> None:
    try:
        entry.path.encode()
        info = entry.stat()
    except UnicodeEncodeError:
        found.failed.append(Failure(entry.path, "its name is not UTF-8: an album cannot keep it; rename it"))
    except OSError as error:
        found.failed.append(Failure(entry.path, f"the file cannot be read: {error.strerror}"))
    else:
        found.files[entry.path] = info.st_size, info.st_mtime_ns


def is_below(path: str, folder: str) -> bool:
    """Whether the path is the folder or something in it; both are absolute."""
    return path == folder or path.startswith(with_separator(folder))


def with_separator(folder: str) -> str:
    return folder if folder.endswith(os.sep) else folder + os.sep


def range_below(folder: str) -> tuple[str, str]:
    """All paths in a folder are >= the first and < the second, as bytes and as SQLite compare them."""
    start = with_separator(folder)
    return start, start[:-1] + chr(ord(os.sep) + 1)
