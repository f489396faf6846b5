"""Tags of a video: frames are chosen, looked at in batches, and forgotten."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from PIL import Image

from irs_engine.image import Rgb
from irs_engine.results import TaggingResult, VideoResult
from irs_engine.video.frames import Video
from irs_engine.video.intervals import KEPT, Seen, merged
from irs_engine.video.scenes import Look, looks

BATCH = 8  # frames that go through the networks together
PICTURES = 96  # that a result keeps, at most; half as many or more of a long video
THUMBNAIL = (240, 180)  # pixels that they fit in

OnProgress = Callable[[float, float], None]
T = TypeVar("T")


class FrameTagger(Protocol):
    """What `Tagger` and `DetectingTagger` both do."""

    def tag_batch(
        self, photos: Sequence[Rgb], *, threshold: float = 60, limit: int | None = None, language: str = "en"
    ) -> list[TaggingResult]: ...


def tag_video(
    video: Video,
    tagger: FrameTagger,
    *,
    at_least: int,
    threshold: float,
    limit: int | None,
    language: str,
    every: float,
    most: int,
    on_progress: OnProgress | None = None,
) -> VideoResult:
    """What a video shows, and when.

    Args:
        at_least: Short side of the pictures that the tagger needs, in pixels.
        on_progress: Called with the seconds that were seen and the seconds that there are, 0 if not known.
    """
    found: list[tuple[float, int, float, TaggingResult]] = []  # start, scene, time
    pictures: list[tuple[float, bytes]] = []
    stride = 1  # every so-manieth frame is kept as a picture
    end = 0.0
    for batch in _batches(_read(looks(video, every=every, most=most), at_least), BATCH):
        results = tagger.tag_batch(
            [picture for *_, picture in batch], threshold=KEPT * threshold, language=language
        )
        for (start, scene, time, picture), result in zip(batch, results, strict=True):
            if len(found) % stride == 0:
                pictures.append((round(time, 3), _thumbnail(picture)))
            if len(pictures) > PICTURES:
                pictures, stride = pictures[::2], 2 * stride
            found.append((start, scene, time, result))
        end = batch[-1][2]
        if on_progress:
            on_progress(end, video.duration)
    # The decoder has seen the last frame, which need not be one that was looked at.
    duration = round(max(video.seen, end), 3)
    ends = [start for start, *_ in found[1:]] + [duration]
    seen = [
        Seen(start, stop, time, scene, result.tags)
        for (start, scene, time, result), stop in zip(found, ends, strict=True)
    ]
    scenes = [next(group).start for _, group in itertools.groupby(seen, key=lambda one: one.scene)]
    return VideoResult(
        merged(seen, threshold, limit),
        found[0][3].size,
        duration,
        tuple(round(start, 3) for start in scenes),
        tuple(round(one.time, 3) for one in seen),
        tuple(pictures),
    )


def _read(chosen: Iterator[Look], at_least: int) -> Iterator[tuple[float, int, float, Rgb]]:
    """Start, scene, time and pixels; a frame itself is gone when the next one is asked for."""
    for look in chosen:
        yield look.start, look.scene, look.frame.time, look.frame.rgb(at_least)


def _batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while batch := list(itertools.islice(items, size)):
        yield batch


def _thumbnail(picture: Rgb) -> bytes:
    small = Image.fromarray(picture.pixels)
    small.thumbnail(THUMBNAIL, Image.Resampling.BOX)
    data = io.BytesIO()
    small.save(data, "JPEG", quality=85)
    return data.getvalue()
