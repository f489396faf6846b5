"""What plays in a video: its sound in windows, each asked of the catalogue, and what they say together.

One window is enough where it is sure. Where it is not quite, another one has to say the same song at the same
place of it, and where both are below what a single one needs, they may not share any sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from irs_engine.media.opening import MediaInput
from irs_engine.music.audio import open_audio
from irs_engine.music.fingerprint import RATE, query_peaks
from irs_engine.music.matching import (
    CONFIDENCE_SLOPE,
    LEAST_COINCIDENCES,
    Match,
    confidence,
    decide,
    find_matches,
    least_z,
)
from irs_engine.music.playing import when_it_plays
from irs_engine.music.snapshot import Snapshot
from irs_engine.results import MusicMatch, MusicResult

WINDOW, HOP = 10.0, 5.0  # seconds
TAIL = 1.0  # seconds beyond the last window that are worth one more
SCANNED = 4 * 3600.0  # seconds of a video that are listened to; the rest is not
GREY = 1.5 / CONFIDENCE_SLOPE  # of z, around what `decide` accepts: there two windows have to agree
SURE = 3.0 / CONFIDENCE_SLOPE  # of z above that: nobody need listen further
AGREE = 0.5  # seconds by which the same place of a song may differ between windows
RUNNERS_UP = 3


@dataclass(frozen=True)
class Sighting:
    """A song in a window."""

    window: float  # s, start of the window in the video
    match: Match
    start: float  # s in the video
    end: float
    offset: float  # s into the song, at `start`
    accepted: bool  # by `decide`
    likely: bool  # nearly so
    z: float  # of this and others that say the same, together

    @property
    def song(self) -> tuple[int, int]:
        return self.match.part, self.match.song

    @property
    def shift(self) -> float:
        """Seconds: time in the song at time 0 of the video."""
        return self.match.offset - self.match.tempo * self.window

    def says_the_same(self, other: Sighting) -> bool:
        """Of another window on the same song: whether it is the same place of it."""
        # A song that is played faster or slower drifts.
        apart = abs(self.window - other.window) * abs(self.match.tempo - 1)
        return abs(self.shift - other.shift) <= AGREE + 2 * apart

    def shares_sound(self, other: Sighting) -> bool:
        return abs(self.window - other.window) < WINDOW


def recognize(
    video: MediaInput,
    snapshot: Snapshot,
    *,
    all_songs: bool = False,
    mp4_only: bool = False,
    enough: Callable[[], bool] = lambda: False,
) -> MusicResult:
    """The song that plays in a video, or in its background; nothing where none of the catalogue does.

    Args:
        all_songs: Listen to all of it and tell every song, in the order in which they play. Else it ends with
            the first one that is beyond doubt.
        mp4_only: Accept no other container.
        enough: Asked after each window; true: the answer is what has been heard until then.

    Raises:
        MediaError: The video cannot be read.
    """
    bar = least_z(snapshot.count)
    sightings: list[Sighting] = []
    heard, windows = 0.0, 0
    with open_audio(video, mp4_only=mp4_only) as audio:
        for window, samples in windows_of(audio.blocks(HOP)) if snapshot.count else ():
            found = list(_look(samples, window, snapshot, bar))
            sightings += found
            windows += 1
            heard = window + len(samples) / RATE
            sure = not all_songs and any(one.accepted and one.z >= bar + SURE for one in found)
            if sure or heard >= SCANNED or enough():
                break
        begin = audio.start
    told = joined(agreed(sightings, bar, alone=windows == 1))
    told.sort(key=lambda one: -one.z)
    matches = [_told(one, snapshot, begin) for one in told]
    best = matches[0] if matches else None
    others = _best_of_each(one for one in sightings if one.song not in {one.song for one in told})
    # What was not believed is less than even, whatever one window alone said of it.
    runners_up = [
        replace(match, confidence=min(match.confidence, 0.49))
        for match in (_told(one, snapshot, begin) for one in others[:RUNNERS_UP])
    ]
    return MusicResult(
        audio_name=best.title if best else None,
        artist=best.artist if best else None,
        confidence=best.confidence if best else 0.0,
        offset=best.offset if best else None,
        matches=tuple(sorted(matches, key=lambda match: match.start) if all_songs else matches),
        runners_up=tuple(runners_up),
        seconds=round(begin + heard, 2),
    )


def windows_of(blocks: Iterable[np.ndarray]) -> Iterator[tuple[float, np.ndarray]]:
    """Blocks of HOP seconds to windows of at most WINDOW: (start in seconds, samples).

    The last one ends where the sound does; sound shorter than a window is one.
    """
    most, hop = round(WINDOW * RATE), round(HOP * RATE)
    kept = np.zeros(0, np.float32)
    end = told = 0
    for block in blocks:
        kept = np.concatenate((kept, block))[-most:]
        end += len(block)
        if len(kept) == most and (len(block) == hop or end - told >= TAIL * RATE):
            yield (end - most) / RATE, kept
            told = end
    if not told and len(kept):
        yield 0.0, kept


def agreed(sightings: Sequence[Sighting], bar: float, alone: bool) -> list[Sighting]:
    """Those that are believed, each with the z of all that say so.

    Args:
        bar: The z that `decide` accepts.
        alone: There is only one window, so no other one can agree.
    """
    found = []
    of_song: dict[tuple[int, int], list[Sighting]] = {}
    for one in sightings:
        if one.likely:
            of_song.setdefault(one.song, []).append(one)
    for one in (one for each in of_song.values() for one in each):
        same = [other for other in of_song[one.song] if other is not one and one.says_the_same(other)]
        apart = [other for other in same if not one.shares_sound(other)]
        if (one.accepted and (alone or same or one.z >= bar + GREY)) or apart:
            # Stouffer's sum, of windows that share nothing.
            together = [(one.z + other.z) / math.sqrt(2) for other in apart]
            found.append(replace(one, z=max(one.z, *together) if together else one.z))
    return found


def joined(sightings: Sequence[Sighting]) -> list[Sighting]:
    """One sighting for each time that a song plays: the surest of neighbours, with the range of them all."""
    found: list[Sighting] = []
    last: dict[tuple[int, int], int] = {}  # of each song, where in `found`
    for one in sorted(sightings, key=lambda sighting: sighting.window):
        at = last.get(one.song)
        if at is None or one.start - found[at].end > WINDOW:
            last[one.song] = len(found)
            found.append(one)
        else:
            before = found[at]
            best = max(before, one, key=lambda sighting: sighting.z)
            first = min(before, one, key=lambda sighting: sighting.start)
            end = max(before.end, one.end)
            found[at] = replace(best, start=first.start, offset=first.offset, end=end)
    return found


def _look(samples: np.ndarray, window: float, snapshot: Snapshot, bar: float) -> Iterator[Sighting]:
    """Songs of a window, best first: all that `decide` accepts, and some that come next."""
    peaks = query_peaks(samples)
    matches = find_matches(peaks, snapshot.parts, snapshot.removed)
    accepted = decide(matches, snapshot.count)
    for match in matches[: len(accepted) + RUNNERS_UP]:
        good = match in accepted
        likely = match.z >= bar - GREY and match.coincidences >= LEAST_COINCIDENCES
        first, last = 0.0, len(samples) / RATE
        if good or likely:
            first, last = when_it_plays(peaks, snapshot.parts[match.part].song_peaks(match.song), match)
        offset = match.offset + match.tempo * first
        yield Sighting(window, match, window + first, window + last, offset, good, good or likely, match.z)


def _best_of_each(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Of each song the likeliest, likeliest first."""
    found: dict[tuple[int, int], Sighting] = {}
    for one in sightings:
        if one.song not in found or found[one.song].z < one.z:
            found[one.song] = one
    return sorted(found.values(), key=lambda one: -one.z)


def _told(one: Sighting, snapshot: Snapshot, begin: float) -> MusicMatch:
    """`begin`: seconds of the video before its sound."""
    song = snapshot.song_of(*one.song)
    return MusicMatch(
        title=song.title,
        artist=song.artist,
        id=song.id,
        confidence=round(confidence(replace(one.match, z=one.z), snapshot.count), 4),
        offset=round(one.offset, 2),
        start=round(begin + one.start, 2),
        end=round(begin + one.end, 2),
    )
