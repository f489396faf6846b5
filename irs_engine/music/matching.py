"""Which songs of an index play in a query: votes of pairs for candidates, single peaks for proof.

A candidate is believed by z: by how many deviations more peaks coincide at its alignment than at other
alignments of the same song, which is as strict for any song, length and level of speech.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irs_engine.music.fingerprint import HOP, RATE, Peaks
from irs_engine.music.index import HASH_BITS, QUERY_FAN, IndexPart, pair_hashes

LEAST_Z = 7.0  # of an accepted match, in a catalogue of one song
Z_OF_TENFOLD = 0.5  # more for ten times the songs
LEAST_COINCIDENCES = 8
LEAST_MARGIN = 1.5  # of z, to the best other song
CONFIDENCE_SLOPE = 1.0  # of the logistic function of z - z0

CANDIDATES = 12
LEAST_VOTES = 3
FRAMES, BINS = 2, 1  # peaks coincide within so many
COMMON = 0.02  # share of alignments with the most coincidences that are left out: loops repeat


@dataclass(frozen=True)
class Match:
    part: int
    song: int  # within the part
    offset: float  # seconds: time in the song at time 0 of the query
    z: float  # deviations above what coincides by chance
    coincidences: int  # peaks of the query that the song has at this alignment
    votes: int  # pairs of peaks
    tempo: float = 1.0  # of the query, as a multiple of the song's


def find_matches(
    query: Peaks, parts: Sequence[IndexPart], removed: Sequence[np.ndarray], limit: int = CANDIDATES
) -> list[Match]:
    """The likeliest songs, best first, one match a song; whether they are right is for `decide`.

    Args:
        removed: For each part (songs,) bool, the songs that are not to be found.
    """
    hashes, frames = pair_hashes(query, QUERY_FAN)
    candidates: list[tuple[int, int, int]] = []  # votes, part, song
    for number, (part, gone) in enumerate(zip(parts, removed, strict=True)):
        songs, votes = vote(hashes, frames, part)
        keep = ~np.asarray(gone, bool)[songs]
        candidates += [(int(v), number, int(s)) for s, v in zip(songs[keep], votes[keep], strict=True)]
    candidates.sort(key=lambda found: (-found[0], found[1:]))
    matches = []
    for votes_of, number, song in candidates[:limit]:
        z, coincidences, offset = verify(query, parts[number].song_peaks(song))
        matches.append(Match(number, song, offset * HOP / RATE, z, coincidences, votes_of))
    return sorted(matches, key=lambda match: (-match.z, match.part, match.song))


def vote(hashes: np.ndarray, frames: np.ndarray, part: IndexPart) -> tuple[np.ndarray, np.ndarray]:
    """Songs of a part that some alignment has at least LEAST_VOTES pairs of, and the most that one has."""
    bits = len(part.directory).bit_length() - 1
    own, room = HASH_BITS - bits, 32 - int(part.starts[-1]).bit_length()
    hashes = hashes.astype(np.int64)
    places = []
    for step in (-1, 0, 1):
        probes = hashes + step
        probes = np.where(probes >> 6 == hashes >> 6, probes, hashes) if step else hashes
        buckets = probes >> own
        first = part.directory[buckets].astype(np.int64)
        counts = part.directory[buckets + 1].astype(np.int64) - first
        which = np.repeat(np.arange(len(hashes)), counts)
        at = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts) + first[which]
        postings = part.postings[at].astype(np.int64)
        rest = (probes & ((1 << own) - 1)) >> max(own - room, 0)
        same = postings >> (32 - room) == rest[which]
        places.append((postings[same] & ((1 << (32 - room)) - 1)) - frames[which[same]])
    place = np.concatenate(places)
    counts = np.bincount(place[place >= 0] // 2, minlength=int(part.starts[-1]) // 2 + 2)
    votes = counts[:-1] + counts[1:]
    songs = np.searchsorted(part.starts, np.arange(len(votes)) * 2 + 1000, "right") - 1
    best = np.zeros(part.songs + 2, np.int64)
    np.maximum.at(best, songs.clip(0, part.songs), votes)
    found = np.flatnonzero(best[: part.songs] >= LEAST_VOTES)
    return found, best[found]


def verify(query: Peaks, song: Peaks) -> tuple[float, int, int]:
    """z, coincidences and frame of the song at frame 0 of the query, of the best alignment of all."""
    if not len(song) or not len(query):
        return 0.0, 0, 0
    length, end = int(query.frames[-1]) + 1, int(song.frames[-1]) + 1
    counts = np.zeros(length + end + 2 * FRAMES, np.int64)  # of alignments -length to end
    order = np.argsort(query.bins, kind="stable")
    bins, frames = query.bins[order].astype(np.int64), query.frames[order].astype(np.int64)
    for step in range(-BINS, BINS + 1):
        first = np.searchsorted(bins, song.bins.astype(np.int64) + step, "left")
        last = np.searchsorted(bins, song.bins.astype(np.int64) + step, "right")
        which = np.repeat(np.arange(len(song)), last - first)
        at = np.arange(len(which)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
        counts += np.bincount(
            song.frames[which] - frames[at + first[which]] + length + FRAMES, minlength=len(counts)
        )
    near = np.convolve(counts, np.ones(2 * FRAMES + 1, np.int64), "valid")
    best = int(near.argmax())
    inside = near[length : max(end, length + 1)] if end > 1.5 * length else near[length // 2 : -length // 2]
    usual = np.sort(inside)[: max(1, int(len(inside) * (1 - COMMON)))]
    mean = float(usual.mean())
    deviation = max(float(usual.std()), math.sqrt(mean), 1.5)
    return (int(near[best]) - mean) / deviation, int(near[best]), best - length


def least_z(songs: int) -> float:
    """What a match needs: more where more songs could match by chance."""
    return LEAST_Z + Z_OF_TENFOLD * math.log10(max(songs, 1))


def decide(matches: Sequence[Match], songs_in_all: int) -> list[Match]:
    """Those of `find_matches` that are believed, best first; most often one or none."""
    good = [
        match
        for match in matches
        if match.z >= least_z(songs_in_all) and match.coincidences >= LEAST_COINCIDENCES
    ]
    if len(good) < 2 and len(matches) > 1 and good and good[0].z - matches[1].z < LEAST_MARGIN:
        return []
    return good


def confidence(match: Match, songs_in_all: int) -> float:
    """0..1: how likely the match is right; 0.5 is where `decide` begins to believe."""
    return 1 / (1 + math.exp(-CONFIDENCE_SLOPE * (match.z - least_z(songs_in_all))))
