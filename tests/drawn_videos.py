"""Drawn videos for tests: real files, of pictures that stay, move, and are cut."""

from __future__ import annotations

import io

import numpy as np

RATE = 10  # frames per second
SIZE = 96, 64  # width, height


def scene(seed, seconds, *, size=SIZE, moving=0, rate=RATE):
    """(h, w, 3) uint8 frames of one view: blocks of its own brightness, and a square that moves."""
    random = np.random.default_rng(seed)
    width, height = size
    blocks = random.integers(20, 236, (4, 4, 3))
    view = np.kron(blocks, np.ones((height // 4, width // 4, 1))).astype(np.uint8)
    for number in range(round(seconds * rate)):
        frame = view.copy()
        left = (number * moving) % (width - 8)
        frame[4:12, left : left + 8] = 255 - frame[4:12, left : left + 8]
        yield frame


def video(frames, *, rate=RATE, format="mp4", codec="libx264", pix_fmt="yuv420p", times=None, **options):
    """An encoded file of these frames, `times` (seconds) being when each is shown."""
    import av

    out = io.BytesIO()
    frames = list(frames)
    height, width = frames[0].shape[:2]
    with av.open(out, "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate, width=width, height=height, pix_fmt=pix_fmt)
        stream.options = {name: str(value) for name, value in options.items()}
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pix_fmt)
            frame.pts = number if times is None else round(times[number] * rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
