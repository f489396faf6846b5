"""Files that are whole or not there: written beside their place, then moved into it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from irs_engine.errors import AlbumError


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
    """A file that takes the place of `path`, or of what that links to, when the block ends well.

    Raises:
        AlbumError: It cannot be written.
    """
    place = Path(os.path.realpath(path))
    name = None
    try:
        with tempfile.NamedTemporaryFile(
            mode, dir=place.parent, prefix=f".{place.name[:100]}.", delete=False, **options
        ) as file:
            name = file.name
            yield file
            file.flush()
            os.fsync(file.fileno())  # a power cut leaves the old one or the new one
        os.chmod(name, place.stat().st_mode & 0o7777 if place.exists() else 0o666 & ~_umask())
        os.replace(name, place)
    except OSError as error:
        raise AlbumError(f"{place}: cannot be written ({error.strerror or error})") from error
    finally:
        if name is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)


def _umask() -> int:
    """Of this process; there is no way to ask that does not set it for a moment."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
