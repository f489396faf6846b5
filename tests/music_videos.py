"""Drawn music and videos for tests: every song is a melody of its own, every video a real MP4."""

from __future__ import annotations

import struct
import tempfile

import numpy as np

RATE = 16_000


def song(number, seconds=20.0):
    """(n,) float32 at RATE: three voices with partials, with notes, tempo and tuning of their own."""
    draw = np.random.default_rng(1000 + number)
    time = np.arange(round(seconds * RATE)) / RATE
    found = np.zeros(len(time))
    tempo, tuning = draw.uniform(0.7, 1.4), draw.uniform(-0.5, 0.5)
    for voice, (lowest, span, length) in enumerate([(45, 12, 0.5), (60, 24, 0.25), (72, 20, 0.375)]):
        start = draw.uniform(0, 0.2)
        while start < seconds:
            length_of_note = length * tempo * draw.choice([0.5, 1, 1, 1.5])
            at = slice(int(start * RATE), min(int((start + length_of_note) * RATE), len(time)))
            pitch = 440 * 2 ** ((lowest + tuning + draw.integers(span) - 69) / 12)
            t = time[at] - start
            for partial in range(1, 7):
                level = draw.uniform(0.2, 1) / partial / (voice + 1)
                found[at] += level * np.sin(2 * np.pi * pitch * partial * t) * np.exp(-4 * t)
            start += length_of_note
    return (0.25 * found / max(abs(found).max(), 1e-9)).astype(np.float32)


def noise(seconds, seed=0, level=0.1):
    """(n,) float32 at RATE, white."""
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def video(samples, rate=RATE, *, picture=True, format="mp4", codec="aac", bits=64_000, movflags="", **tags):
    """An encoded file with a small moving picture and the sound, (n,), (channels, n) or None."""
    import av

    options = {"movflags": movflags} if movflags else {}
    with tempfile.NamedTemporaryFile() as file, av.open(file.name, "w", format, options=options) as container:
        container.metadata.update(tags)
        streams = []
        if samples is not None:
            sound = np.atleast_2d(np.asarray(samples, np.float32))
            layout = {1: "mono", 2: "stereo"}[len(sound)]
            streams.append(container.add_stream(codec, rate=rate, layout=layout))
            if codec == "aac":
                streams[-1].bit_rate = bits
        if picture:
            streams.append(container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p"))
        seconds = 2.0 if samples is None else sound.shape[1] / rate
        for stream in streams:
            frames = (
                _pictures(av, seconds) if stream.type == "video" else _sounds(av, sound, layout, rate, stream)
            )
            for frame in [*frames, None]:
                container.mux(stream.encode(frame))
        container.close()
        return file.read()


def _sounds(av, sound, layout, rate, stream):
    frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
    frame.sample_rate, frame.pts = rate, 0
    converted = av.AudioResampler(stream.codec_context.format.name, layout, rate).resample(frame)
    yield from converted


def _pictures(av, seconds):
    for number in range(max(1, int(5 * seconds))):
        frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * number % 256, np.uint8), format="rgb24")
        frame.pts = number
        yield frame.reformat(format="yuv420p")


def box(kind, body):
    """A box of an MP4 file."""
    return struct.pack(">I4s", 8 + len(body), kind) + body


def rewritten(data, change):
    """An MP4 file in which `change(kind, body)` is the body of every box; chunk offsets are not mended."""
    parts, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            body = rewritten(body, change)
        parts.append(box(kind, change(kind, body)))
        at += size
    return b"".join(parts)
