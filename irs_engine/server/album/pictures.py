"""Photos of an album on their way out: small copies, decoded a few at a time, and the files themselves.

A file may have become anything since it was indexed. Only what begins as a picture does leaves the machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import threading
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from starlette.responses import FileResponse

from irs_engine.album.thumbnails import thumbnail
from irs_engine.errors import ImageError
from irs_engine.image.decode import format_of, read_header
from irs_engine.image.header import Header
from irs_engine.image.limits import Limits
from irs_engine.image.source import read_file
from irs_engine.server.album.lane import Lane
from irs_engine.server.album.telling import file_name
from irs_engine.server.errors import ServiceError, from_engine

LIMITS = Limits(max_bytes=2**28)
LARGE = 2**25  # pixels; of what has more when decoded only one is in memory at a time
HEIGHTS = (160, 320, 1080)  # of small copies: few, so that browsers keep them
QUALITY = 80
HEAD = 32  # bytes that tell a format


@dataclass(frozen=True, slots=True)
class Stored:
    """A photo's file, and what its content is known by."""

    id: int
    path: str
    stat: os.stat_result
    state: bytes  # changes with the file

    @classmethod
    def at(cls, id: int, path: str, digest: bytes) -> Stored:
        """
        Raises:
            ServiceError: APIG.0101, the file is gone.
        """
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            raise gone(id) from None
        if not stat.S_ISREG(found.st_mode):
            raise gone(id)
        return cls(id, path, found, digest + f"{found.st_size} {found.st_mtime_ns}".encode())

    def etag(self, kind: str) -> str:
        """Of the photo in one of its forms."""
        return f'"{hashlib.blake2b(self.state + kind.encode(), digest_size=16).hexdigest()}"'


class Draughtsman:
    """Makes small copies."""

    def __init__(self, lane: Lane):
        self.lane = lane
        self._large = threading.Lock()

    async def thumbnail(self, stored: Stored, height: int) -> bytes:
        """WebP data, of that height at most.

        Raises:
            ServiceError: The file is gone, or no picture any more, or too large; too many are waiting.
        """
        try:
            return await self.lane.do(partial(self._draw, stored.path, height))
        except ImageError as error:
            # Not what is wrong in particular, which may be the first bytes of what lies there now.
            code = from_engine(error, "AIS.0503").code
            detail = f"photo {stored.id}: its file is gone, damaged, no picture any more, or too large"
            raise ServiceError(code, detail) from error

    def _draw(self, path: str, height: int) -> bytes:
        data = read_file(path, LIMITS)
        format, header = read_header(data, LIMITS)
        with self._large if pixels_decoded(format, header, height) > LARGE else contextlib.nullcontext():
            image = thumbnail(data, height, LIMITS)
        file = io.BytesIO()
        image.save(file, "WEBP", quality=QUALITY, method=2)
        return file.getvalue()


def pixels_decoded(format: str, header: Header, height: int) -> int:
    """At most how many there are in memory: a JPEG is decoded at half its size and less."""
    reduction = min(1.0, 2 * height / min(header.width, header.height)) if format == "JPEG" else 1.0
    return int(header.width * header.height * reduction**2)


def file_answer(stored: Stored, headers: dict[str, str]) -> FileResponse:
    """The file itself. Reads its first bytes: not for the event loop.

    Raises:
        ServiceError: APIG.0101, it is gone; AIS.0502, it is no picture any more.
    """
    try:
        with open(os.open(stored.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            head = file.read(HEAD) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        raise gone(stored.id) from None
    try:
        kind = f"image/{format_of(head).lower()}"
    except ImageError:
        raise ServiceError("AIS.0502", f"photo {stored.id}: its file is no picture any more") from None
    name = quote(file_name(stored.path), safe="")
    headers = headers | {"Content-Disposition": f"inline; filename*=UTF-8''{name}"}
    return FileResponse(stored.path, headers=headers, media_type=kind, stat_result=stored.stat)


def gone(id: int) -> ServiceError:
    return ServiceError("APIG.0101", f"the file of photo {id} is gone, or its disk is not there")
