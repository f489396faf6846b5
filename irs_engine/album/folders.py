"""The folders of an album."""

from __future__ import annotations

import os
from collections.abc import Iterable

from irs_engine.album.database import Database
from irs_engine.album.walk import is_below
from irs_engine.errors import AlbumError


def folders_to_index(database: Database, folders: Iterable[str], recursive: bool) -> dict[str, bool]:
    """Absolute paths of the folders that are given, else of all that were indexed before.

    Raises:
        AlbumError: One is no folder and was none before, or there is none.
    """
    with database.read() as connection:
        known = {path: bool(deep) for path, deep in connection.execute("SELECT path, recursive FROM folders")}
    roots = {os.path.abspath(os.path.expanduser(folder)): recursive for folder in folders} or known
    if not roots:
        raise AlbumError(f"{database.path}: no folder was indexed yet; give one")
    for root in roots:
        if root not in known and not os.path.isdir(root):
            raise AlbumError(f"{root}: not a folder; albums are made of folders")
    return {
        root: deep
        for root, deep in roots.items()
        if not any(other != root and roots[other] and is_below(root, other) for other in roots)
    }
