"""Opening them: only the containers and decoders that are named, and no further file or address."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from typing import Any, BinaryIO, TypeAlias

from irs_engine.errors import MediaError, MediaFormatError, MissingExtra
from irs_engine.media.mp4 import MOST_TRACKS, PROBE, check_tables, is_mp4

MediaInput: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"

MP4 = "mov"  # libavformat's demuxer of MP4, MOV, M4A and 3GP
BUFFER = 2**18  # bytes that are read at a time
IN_MEMORY = 2**24  # bytes of an open file that is copied; more go to a temporary one


def open_file(source: MediaInput) -> tuple[BinaryIO, str]:
    """A binary file that can be sought in, and its name without a folder, "" where it has none.

    Args:
        source: A path, the bytes of a file, or an open binary file, which is read to its end and stays open.

    Raises:
        MediaError: There is no such file, or this is none of them.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source), ""
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        try:
            return open(path, "rb"), os.path.basename(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise MediaError(f"{path}: {reason}") from error
    if not hasattr(source, "read"):
        raise MediaError(f"{type(source).__name__}: expected a path, bytes or a binary file")
    # A copy: it need not be seekable, and it stays its owner's.
    copy: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)
    shutil.copyfileobj(source, copy, BUFFER)
    copy.seek(0)
    name = getattr(source, "name", "")
    return copy, os.path.basename(name) if isinstance(name, str) else ""


def open_container(
    file: BinaryIO,
    containers: str,
    codecs: Collection[str],
    *,
    extra: str,
    mp4_only: bool = False,
    options: Mapping[str, str] | None = None,
) -> Any:
    """An `av.container.InputContainer` of the file.

    Args:
        containers: Demuxers of libavformat, comma-separated, beside that of MP4.
        codecs: Decoders that may look into the first packets.
        extra: Of this package that brings PyAV, named when it is missing.
        options: More for the demuxer.

    Raises:
        MediaError: It declares more than it can hold.
        MediaFormatError: It is damaged, or of another kind.
        MissingExtra: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtra(f"{error}; run: pip install 'irs-engine[{extra}]'") from error
    try:
        head = file.read(PROBE)
        file.seek(0)
        if not head:
            raise MediaFormatError("an empty file")
        mp4 = is_mp4(head)
        if mp4:
            check_tables(file)
        elif mp4_only:
            raise MediaFormatError("not an MP4 file")
        return av.open(
            file,  # never by its path: that may be a URL to libavformat
            mode="r",
            metadata_errors="replace",
            buffer_size=BUFFER,
            options={
                "format_whitelist": MP4 if mp4 else containers,
                "protocol_whitelist": "none",
                "codec_whitelist": ",".join(sorted(codecs)),
                "max_streams": str(MOST_TRACKS),
                **(options or {}),
            },
        )
    except media_problems() as error:
        raise MediaFormatError(f"damaged, or in none of the formats of {extra} that are read") from error


def media_problems() -> tuple[type[BaseException], ...]:
    """What PyAV raises for files that it cannot read."""
    import av

    return av.FFmpegError, ValueError, LookupError, OverflowError, NotImplementedError, MemoryError, OSError
