"""The pictures of a video one after the other: memory does not grow with its length.

Nothing of a file is believed. Only its first video stream is decoded; playlists, and what else would make
libavformat open further files are not read; decoding ends when errors do not.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from irs_engine.errors import MediaError
from irs_engine.image import Rgb
from irs_engine.media.opening import MediaInput, media_problems, open_container, open_file
from irs_engine.video.formats import CODECS, CONTAINERS

MOST_PIXELS = 36_000_000  # of a frame: 8K has 33 million
MOST_SECONDS = 24 * 3600
ERRORS_IN_ROW = 500  # packets that give no picture
SLOWEST = 10.0  # seconds that one frame is shown, if the file says more
HD = 720  # rows from which a video that does not say so has the colours of HDTV, as players take it
ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC


class Frame:
    """One picture of a video; valid until the next one is asked for.

    Attributes:
        time: Seconds since the video began.
        size: Width and height as shown: upright, with square pixels.
    """

    __slots__ = ("_frame", "_turns", "size", "time")

    def __init__(self, frame: Any, time: float, aspect: float):
        self._frame, self.time = frame, time
        self._turns = round(getattr(frame, "rotation", 0) / 90) % 4  # quarters, counter-clockwise; PyAV 13
        width, height = max(1, round(frame.width * aspect)), frame.height
        self.size = (height, width) if self._turns % 2 else (width, height)

    def grey(self, width: int, height: int) -> np.ndarray:
        """(height, width) uint8, as stored: not turned."""
        # Point for point would see every speck of noise; the mean of areas does not.
        small = self._frame.reformat(width=width, height=height, format="gray", interpolation="AREA")
        return small.to_ndarray()

    def rgb(self, at_least: int | None = None) -> Rgb:
        """Upright pixels in sRGB's primaries as they are; no larger than needed.

        Args:
            at_least: The short side that is needed, in pixels; None is the full size.
        """
        width, height = self.size[::-1] if self._turns % 2 else self.size
        scale = min(1.0, at_least / min(width, height)) if at_least else 1.0
        frame = self._frame
        unknown = frame.colorspace == 2  # AVCOL_SPC_UNSPECIFIED
        pixels = frame.reformat(
            width=max(1, round(width * scale)),
            height=max(1, round(height * scale)),
            format="rgb24",
            src_colorspace=("ITU709" if frame.height >= HD else "ITU601") if unknown else None,
            interpolation="AREA" if scale < 0.7 else "BICUBIC",
        ).to_ndarray()
        return Rgb(np.ascontiguousarray(np.rot90(pixels, self._turns)), self.size)


class Video:
    """An open file. A context manager; `frames` can be asked for once.

    Attributes:
        duration: Seconds, as the file says; 0 when it does not.
        rate: Frames per second, as the file says; 0 when it does not.
        seen: Seconds until the end of the last frame so far.
    """

    def __init__(self, file: BinaryIO, threads: int):
        self._file, self.seen = file, 0.0
        self._container = open_container(file, CONTAINERS, CODECS, extra="video")
        try:
            self._stream = _stream_of(self._container)
            if self._stream is None:
                raise MediaError("there is no video in it")
            context = self._stream.codec_context
            context.thread_type, context.thread_count = "AUTO", threads
            context.options = {"max_pixels": str(MOST_PIXELS)}
            context.skip_frame = "NONREF"  # nothing is lost by those on which no other one is built
            duration = (self._container.duration or 0) / 1e6
            self.duration = duration if 0 < duration <= MOST_SECONDS else 0.0
            self.rate = float(self._stream.average_rate or 0)
        except BaseException:
            self._container.close()
            raise

    def frames(self) -> Iterator[Frame]:
        """In the order of time. A file that ends early or has damaged parts gives what can be decoded of it.

        Raises:
            MediaError: Nothing can be decoded, or it is longer than MOST_SECONDS.
        """
        begin, last = None, -math.inf
        for frame in self._decoded():
            time = frame.time
            if time is None:  # it follows the one before
                time = (begin or 0.0) + max(last, 0.0) + 1 / (self.rate or 25)
            if begin is None:
                begin = time
            time -= begin
            if time <= last or not math.isfinite(time):
                continue  # clocks of broken files go back
            if time > MOST_SECONDS:
                raise MediaError(f"more than {MOST_SECONDS // 3600} hours of video")
            last = time
            self.seen = time + min(1 / (self.rate or 25), SLOWEST)
            yield Frame(frame, time, self._aspect())

    def close(self) -> None:
        self._container.close()
        self._file.close()

    def __enter__(self) -> Video:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _aspect(self) -> float:
        """Width of a pixel by its height."""
        ratio = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio
        return float(ratio) if ratio and 0.2 < ratio < 5 else 1.0

    def _decoded(self) -> Iterator[Any]:
        problems = media_problems()
        packets, failed, any_picture = self._container.demux(self._stream), 0, False
        while failed < ERRORS_IN_ROW:
            frames: list[Any] = []
            try:
                if (packet := next(packets, None)) is None:
                    break
                frames = packet.decode()
            except problems:
                packets = self._container.demux(self._stream)  # the other one is at its end
                failed += 1
            else:
                failed = 0 if frames else failed + 1
            any_picture = any_picture or bool(frames)
            yield from frames
        if not any_picture:
            raise MediaError("damaged: its pictures cannot be decoded")


def open_video(source: MediaInput, threads: int = 1) -> Video:
    """A video to look at.

    Args:
        source: A path, the bytes of a file, or an open binary file, which is read to its end and stays open.
        threads: Of the decoder.

    Raises:
        MediaError: There is no such file, no video in it, it is damaged (MediaFormatError: of another kind),
            or declares more than it can hold. A path is named in the message.
        MissingExtra: PyAV is not installed.
    """
    file, _ = open_file(source)
    try:
        return Video(file, threads)
    except BaseException as error:
        file.close()
        if isinstance(error, MediaError) and isinstance(source, (str, os.PathLike)):
            raise type(error)(f"{os.fspath(source)}: {error}") from error
        raise


def _stream_of(container: Any) -> Any:
    """The first stream of moving pictures that can be decoded; the others are not read."""
    import av

    found = None
    for stream in container.streams:
        context = getattr(stream, "codec_context", None)
        cover = int(getattr(stream, "disposition", 0)) & ATTACHED_PICTURE  # of a song
        if stream.type == "video" and found is None and context is not None and not cover:
            if context.name in CODECS:
                found = stream
                continue
        with contextlib.suppress(AttributeError):  # PyAV before 13 reads and drops them
            stream.discard = av.stream.Discard.all
    return found
