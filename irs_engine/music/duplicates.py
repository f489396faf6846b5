"""Whether a song is in a catalogue already in another encoding: the two could not be told apart."""

from __future__ import annotations

from irs_engine.music.fingerprint import HOP, RATE, Peaks
from irs_engine.music.matching import coincide, find_matches
from irs_engine.music.snapshot import Snapshot
from irs_engine.music.songs import Song

EXCERPT = 500  # hops to each side of the middle of a song, which are looked for
LIKELIEST = 3
LEAST_PEAKS = 50  # of which a share says something
# Of all peaks of the longer one. Five songs of 30 s had .72 to .96 in common with what MP3 at 128, AAC at 96
# and Opus at 64 kbit/s left of them; two mixes of one recording had .32.
SHARE = 0.6


def same_recording(peaks: Peaks, snapshot: Snapshot) -> Song | None:
    """The song of the catalogue that is the same from beginning to end, if any."""
    if len(peaks) < LEAST_PEAKS or not snapshot.count:
        return None
    middle = peaks.frames[len(peaks) // 2]  # where there is something to be heard
    near = abs(peaks.frames - middle) <= EXCERPT
    excerpt = Peaks(peaks.frames[near], peaks.bins[near])
    for match in find_matches(excerpt, snapshot.parts, snapshot.removed, LIKELIEST, tempi=()):
        known = snapshot.parts[match.part].song_peaks(match.song)
        if shared(peaks, known, round(match.offset * RATE / HOP)) >= SHARE:
            return snapshot.song_of(match.part, match.song)
    return None


def shared(one: Peaks, other: Peaks, offset: int) -> float:
    """0..1: the share of peaks that both have, where `one` begins `offset` hops within the other."""
    return int(coincide(one, other, offset).sum()) / max(len(one), len(other), 1)
