"""Which frames of a video are worth a look: one where the picture changes, and one every few seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from irs_engine.video.frames import Frame, Video

RATE = 10  # frames per second that are compared
WIDTH, HEIGHT = 64, 36  # grey pixels that they are compared by, in 4 x 4 regions
REGIONS = 4
# Mean change of brightness, 0..1. Of 7,875 pairs of different photos 1 in 100 differs by less than 0.107; in
# 10 s of street scenes with five cuts those gave 0.128 to 0.30, and buses that fill the picture 0.09 at most.
CUT = 0.11
STILL = 0.06  # a picture in motion or in a cross-fade is not the one to look at
PATIENCE = 1.0  # seconds that are waited for it to come to rest
LEAST_GAP = 0.4  # seconds between two looks
DRIFT_GAP = 1.0  # likewise, where no cut is between them


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A frame that stands for what is seen from `start` until the start of the next one."""

    start: float  # seconds; a little before the frame's own time where the picture had to come to rest
    scene: int  # counted from 0; frames of one scene show about the same
    frame: Frame  # valid until the next Look is asked for


def looks(video: Video, *, every: float = 2.0, most: int = 600) -> Iterator[Look]:
    """Frames to look at, in order, as the video is decoded.

    A scene begins where brightness changes, by the earth mover's distance of the histograms of each of 16
    regions, from one frame to the next (a cut) or since the last look (a pan, a cross-fade).

    Args:
        every: Seconds after which a scene that goes on is looked at again.
        most: Looks at the whole video, about: those of one that does not know how long it is grow rarer.
    """
    gap = max(LEAST_GAP, video.duration / most)
    every = max(every, gap)
    taken, scene = 0, -1
    # Waiting, since a first change, for a scene to come to rest that began at the last cut.
    waiting, cut, first, began = True, True, 0.0, 0.0
    looked: Look | None = None
    previous = shown = None
    for frame in _thinned(video.frames()):
        now = _signature(frame.grey(WIDTH, HEIGHT))
        step = 0.0 if previous is None else _distance(now, previous)
        drift = 1.0 if shown is None else _distance(now, shown)
        previous = now
        if step > CUT or (drift > CUT and not waiting):
            first = first if waiting else frame.time
            waiting, cut, began = True, step > CUT, frame.time
        elif drift <= CUT:
            waiting = False  # it was a flash
        since = np.inf if looked is None else frame.time - looked.frame.time
        rested = waiting and (step < STILL or frame.time - first >= PATIENCE)
        if (rested and since >= (gap if cut else max(gap, min(DRIFT_GAP, every / 2)))) or since >= every:
            new = waiting and drift > CUT
            scene, start = (scene + 1, began) if new else (scene, frame.time)
            looked, shown, waiting = Look(start, scene, frame), now, False
            yield looked
            taken += 1
            if taken % most == 0:
                gap, every = 2 * gap, max(every, 2 * gap)


def _thinned(frames: Iterator[Frame]) -> Iterator[Frame]:
    """No more than RATE of them per second."""
    due = 0.0
    for frame in frames:
        if frame.time >= due - 1e-3:
            due = frame.time + 1 / RATE
            yield frame


def _signature(grey: np.ndarray) -> np.ndarray:
    """The brightness of every region's pixels, sorted: (regions, pixels)."""
    height, width = HEIGHT // REGIONS, WIDTH // REGIONS
    regions = grey.reshape(REGIONS, height, REGIONS, width).swapaxes(1, 2)
    return np.sort(regions.reshape(REGIONS * REGIONS, -1).astype(np.int16), axis=1)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """0..1. The mean difference of sorted values is the earth mover's distance of their histograms."""
    return float(np.abs(a - b).mean()) / 255
