"""The sound of a video or a piece of music, in blocks: memory does not grow with its length.

Nothing of a file is believed. Only its first audio stream is decoded, and no video; playlists, and what else
would make libavformat open further files are not read; decoding ends when errors do not.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from irs_engine.errors import MediaError
from irs_engine.media.opening import MediaInput, media_problems, open_container, open_file
from irs_engine.music.containers import AUDIO, CONTAINERS, title_and_artist
from irs_engine.music.fingerprint import RATE

MOST_SECONDS = 24 * 3600  # of sound
RATES = range(4_000, 768_001)  # Hz; one sample at 1 Hz would become 16,000
LOUDEST = 8.0  # full scale is 1
TOGETHER = 2**15  # samples that are resampled at once
ERRORS_IN_ROW = 100  # packets that give no sound
# A packet costs the same work, be it one sample: formats in use have 400 a second at most.
FREE_PACKETS, PACKETS = 10_000, 500  # in all; a second


class Audio:
    """An open file. A context manager; `blocks` can be asked for once.

    Attributes:
        title, artist: From its tags, else from its name; empty where neither tells.
        duration: Seconds, as the file says; 0 when it does not.
        start: Seconds of the video that pass before its sound begins; known from the first block on.
        has_sound: Whether there is an audio stream.
    """

    def __init__(self, file: BinaryIO, name: str, mp4_only: bool):
        self._file = file
        self.start = 0.0
        self._container = _open(file, mp4_only)
        streams = self._container.streams.audio
        self._stream: Any = streams[0] if streams else None
        self.has_sound = self._stream is not None
        tags = [self._container.metadata, *(stream.metadata for stream in streams[:1])]
        self.title, self.artist = title_and_artist(tags, name)
        duration = self._container.duration
        self.duration = max(0.0, duration / 1e6) if duration else 0.0

    def blocks(self, seconds: float = 10) -> Iterator[np.ndarray]:
        """(n,) float32 mono at RATE, within -LOUDEST..LOUDEST; each so long, the last one shorter.

        A file that ends early or has damaged parts gives what can be decoded of it; a video without sound
        gives nothing.

        Raises:
            MediaError: Nothing can be decoded, or there is more than MOST_SECONDS.
        """
        if self.has_sound:
            yield from _even(self._resampled(), round(seconds * RATE))

    def close(self) -> None:
        self._container.close()
        self._file.close()

    def __enter__(self) -> Audio:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _resampled(self) -> Iterator[np.ndarray]:
        mono: _Mono | None = None
        total, failed = 0, 0
        for frame in self._frames():
            made: list[Any] = []
            try:
                if mono is None or mono.kind != _kind_of(frame):
                    made = mono.rest() if mono else []
                    mono = _Mono(_kind_of(frame))
                made += mono.resample(frame)
            except media_problems():  # no such layout or rate
                mono, failed = None, failed + 1
                if failed >= ERRORS_IN_ROW:
                    break
            total += sum(one.samples for one in made)
            if total > MOST_SECONDS * RATE:
                raise MediaError(f"more than {MOST_SECONDS // 3600} hours of sound")
            yield from map(_samples, made)
        if mono:
            yield from map(_samples, mono.rest())

    def _frames(self) -> Iterator[Any]:
        """What the decoder gives, of packets that it can read."""
        context = self._stream.codec_context
        if context is None or context.name not in AUDIO:
            raise MediaError("its sound is in a format that is not decoded")
        context.thread_count = 1
        problems = media_problems()
        packets, failed, broken = self._container.demux(self._stream), 0, False
        read, seconds = 0, 0.0
        while failed < ERRORS_IN_ROW and read < FREE_PACKETS + PACKETS * seconds:
            frames: list[Any] = []
            read += 1
            try:
                if (packet := next(packets, None)) is None:
                    break
                frames = [frame for frame in packet.decode() if frame.samples and frame.sample_rate in RATES]
            except problems:
                broken = True
                packets = self._container.demux(self._stream)  # the other one is at its end
            failed = 0 if frames else failed + 1
            if frames and not seconds:
                self.start = self._start_of(frames[0])
            seconds += sum(frame.samples / frame.sample_rate for frame in frames)
            yield from frames
        if broken and not seconds:
            raise MediaError("damaged: its sound cannot be decoded")

    def _start_of(self, frame: Any) -> float:
        begin = (self._container.start_time or 0) / 1e6
        start = 0.0 if frame.time is None else float(frame.time) - begin
        return start if math.isfinite(start) and 0 < start < max(self.duration, 1.0) else 0.0


def open_audio(source: MediaInput, *, name: str = "", mp4_only: bool = False) -> Audio:
    """A video or a piece of music to listen to.

    Args:
        source: A path, the bytes of a file, or an open binary file, which is read to its end and stays open.
        name: What the file is called, where `source` does not tell.
        mp4_only: Nothing but MP4 and its sisters MOV, M4A and 3GP.

    Raises:
        MediaError: There is no such file, it is damaged (MediaFormatError: of another kind), or declares more
            than it can hold.
        MissingExtra: PyAV is not installed.
    """
    file, known = open_file(source)
    try:
        return Audio(file, name or known, mp4_only)
    except BaseException:
        file.close()
        raise


def _open(file: BinaryIO, mp4_only: bool) -> Any:
    container = open_container(
        file,
        CONTAINERS,
        AUDIO,
        extra="music",
        mp4_only=mp4_only,
        options={"advanced_editlist": "0"},  # each of many edits would copy the index
    )
    import av

    for stream in container.streams:
        if stream not in container.streams.audio[:1]:
            with contextlib.suppress(AttributeError):  # PyAV before 13 reads and drops them
                stream.discard = av.stream.Discard.all
    return container


def _kind_of(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


class _Mono:
    """Frames of one kind to mono at RATE, many at once: calls of the resampler take longer than its work."""

    def __init__(self, kind: tuple[str, str, int]):
        import av

        self.kind = kind
        self._waiting = av.AudioFifo()
        self._resampler = av.AudioResampler("flt", "mono", RATE, frame_size=RATE)

    def resample(self, frame: Any) -> list[Any]:
        frame.pts = None  # what is missing or doubled in the file is no reason to stop
        self._waiting.write(frame)
        return self._resampler.resample(self._waiting.read()) if self._waiting.samples >= TOGETHER else []

    def rest(self) -> list[Any]:
        """The end of what it was given."""
        made: list[Any] = []
        with contextlib.suppress(*media_problems()):
            if self._waiting.samples:
                made += self._resampler.resample(self._waiting.read())
            made += self._resampler.resample(None)
        return made


def _samples(frame: Any) -> np.ndarray:
    """(n,) float32 in which damaged files cannot hide numbers that are none."""
    found = np.nan_to_num(frame.to_ndarray()[0], nan=0.0, posinf=0.0, neginf=0.0)
    return found.clip(-LOUDEST, LOUDEST, out=found)


def _even(pieces: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in arrays of `size`, the last one shorter."""
    waiting: list[np.ndarray] = []
    count = 0
    for piece in pieces:
        waiting.append(piece)
        count += len(piece)
        while count >= size:
            joined = np.concatenate(waiting)
            yield joined[:size]
            waiting, count = [joined[size:]], count - size
    if count:
        yield np.concatenate(waiting)
