"""Which songs of an index play in a query: votes of pairs for candidates, single peaks for proof.

Pairs of peaks that query and song share name a few songs (Wang 2003). Each is then aligned so that most
single peaks coincide, and believed by how many deviations these are more than at other alignments of the same
song, which is as strict for any song, length and level of speech. That single peaks find more than pairs do
under speech was seen by Cortes et al. 2022, "BAF: an audio fingerprinting dataset for broadcast monitoring".
Notes of any two songs of one tempo coincide beat by beat, so the best alignment has to stand out among the
best of all beats as well. The work is done in csrc/ops/music_match.cpp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irs_engine import _native
from irs_engine.music.fingerprint import HOP, RATE, Peaks
from irs_engine.music.index import QUERY_FAN, IndexPart, pair_hashes

# Of an accepted match in a catalogue of one song, and more for ten times the songs: the most of wrong ones
# was 13.1 with the 64 songs of tuning, and 20.7 with 10,000 made-up ones beside those of the benchmark.
LEAST_Z, Z_OF_TENFOLD = 13.0, 2.0
LEAST_COINCIDENCES = 8
LEAST_MARGIN = 1.5  # of z, to the best other song
CONFIDENCE_SLOPE = 0.5  # of the logistic function of z - z0

CANDIDATES = 12  # songs that are proved
LEAST_VOTES = 3
EARLY = 1000  # hops before a song at which a query may begin
VOTE_WORTH = 0.4  # of z, which votes at most double: songs of one artist share drums and tempo, not pairs
FRAMES, BINS = 1, 1  # peaks coincide within so many
USUAL = 0.9  # share of alignments with the fewest coincidences, which tell what chance gives: loops repeat
# What a coincidence is worth by frames (-1, 0, 1) between the peaks, in the same bin and in the next one: of
# those that survive speech two in three come back in their very frame and bin, nearly all others beside it.
WORTH = np.array([[4, 8, 4], [1, 2, 1]], np.float32)

MOMENT = 10  # frames: what coincides within them happens at once
DOUBTED_Z = 10.0  # from here on it is asked whether a single moment made it

TEMPI = (0.98, 0.985, 0.99, 0.995, 1.005, 1.01, 1.015, 1.02)  # 2 % each way
SURE_Z = 25.0  # of a match at which no other tempo is tried
TEMPO_FAN = 7  # pairs of a peak at each of them, instead of QUERY_FAN
PROVED = 2  # songs at each of them: at the right one the right song has most of the votes, or next to
TEMPO_COST = 2.0  # of z: with more tries more is found by chance


@dataclass(frozen=True)
class Match:
    part: int
    song: int  # within the part
    offset: float  # seconds: time in the song at time 0 of the query
    z: float  # deviations by which more peaks coincide than by chance, and something for each vote
    coincidences: int  # peaks of the query that the song has at this alignment
    votes: int  # pairs of peaks
    tempo: float = 1.0  # of the query, as a multiple of the song's


def find_matches(
    query: Peaks,
    parts: Sequence[IndexPart],
    removed: Sequence[np.ndarray],
    limit: int = CANDIDATES,
    tempi: Sequence[float] = TEMPI,
) -> list[Match]:
    """The likeliest songs, best first, one match a song; whether they are right is for `decide`.

    Sound that was made faster or slower, with its pitch, by up to 2 % is found as well.

    Args:
        removed: For each part (songs,) bool, the songs that are not to be found.
        limit: Songs that are proved, and that are returned.
        tempi: That are tried when nothing else is found.
    """
    matches = _matches_at(query, 1.0, parts, removed, limit)
    if all(match.z < SURE_Z for match in matches):
        for tempo in tempi:
            matches += _matches_at(query, tempo, parts, removed, min(limit, PROVED))
    best: dict[tuple[int, int], Match] = {}
    for match in sorted(matches, key=lambda match: (-match.z, match.part, match.song)):
        best.setdefault((match.part, match.song), match)
    return list(best.values())[:limit]


def at_tempo(query: Peaks, tempo: float) -> Peaks:
    """The peaks as they would be at the song's own speed, if the query is `tempo` times as fast."""
    if tempo == 1.0:
        return query
    frames = np.rint(query.frames * tempo).astype(np.int32)
    bins = np.rint(query.bins / tempo).astype(np.uint16)
    order = np.lexsort((bins, frames))
    return Peaks(frames[order], bins[order])


def _matches_at(
    query: Peaks, tempo: float, parts: Sequence[IndexPart], removed: Sequence[np.ndarray], limit: int
) -> list[Match]:
    query = at_tempo(query, tempo)
    hashes, frames = pair_hashes(query, QUERY_FAN if tempo == 1.0 else TEMPO_FAN)
    candidates: list[tuple[int, int, int]] = []  # votes, part, song
    for number, (part, gone) in enumerate(zip(parts, removed, strict=True)):
        songs, votes = vote(hashes, frames, part, gone)
        best = np.argsort(-votes, kind="stable")[:limit]
        candidates += [(int(votes[i]), number, int(songs[i])) for i in best]
    candidates = sorted(candidates, key=lambda found: (-found[0], found[1:]))[:limit]
    rows = [parts[number].song_rows(song) for _, number, song in candidates]
    proofs = _native.prove_music(query.frames, query.bins, rows, WORTH, USUAL)
    cost = 0.0 if tempo == 1.0 else TEMPO_COST
    matches = []
    for (votes, number, song), z, coincidences, offset in zip(
        candidates, *(proof.tolist() for proof in proofs), strict=True
    ):
        z = _worth(z, votes) - cost
        if z >= DOUBTED_Z:
            z *= spread(query, parts[number].song_peaks(song), offset)
        matches.append(Match(number, song, offset * HOP / RATE, z, coincidences, votes, tempo))
    return matches


def spread(query: Peaks, song: Peaks, shift: int) -> float:
    """0..1: the share of coincidences that are not of the one moment that has most of them.

    A cut, or what is left under one, is dozens of peaks at once, and by chance an onset of any music meets
    them all; where the song does play, they are spread over the query.
    """
    moments = np.bincount(query.frames[coincide(query, song, shift)] // MOMENT)
    return 1 - float(moments.max() / moments.sum()) if len(moments) else 0.0


def coincide(query: Peaks, song: Peaks, shift: float, tempo: float = 1.0) -> np.ndarray:
    """(n,) bool: peaks of the query that the song has within FRAMES and BINS.

    Args:
        shift: Frame of the song at frame 0 of the query.
        tempo: Frames of the song for each of the query.
    """
    frames = np.rint(query.frames * tempo + shift).astype(np.int64)
    keys = song.frames.astype(np.int64) << 16 | song.bins  # ascending, as peaks are
    found = np.zeros(len(frames), bool)
    for step in range(-FRAMES, FRAMES + 1):
        # Bins of one frame are neighbours, so one look is enough for all that are near.
        lowest = ((frames + step) << 16) + query.bins.astype(np.int64) - BINS
        at = np.searchsorted(keys, lowest)
        there = at < len(keys)
        found[there] |= keys[at[there]] <= lowest[there] + 2 * BINS
    return found


def _worth(z: float, votes: int) -> float:
    return z + min(VOTE_WORTH * votes, max(z, 0.0))


def vote(
    hashes: np.ndarray, frames: np.ndarray, part: IndexPart, removed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Songs of a part, ascending, that share at least LEAST_VOTES pairs with the query at some alignment.

    Returns (n,) int32 songs and (n,) int32 votes: the most that an alignment of each has.
    """
    removed = np.ascontiguousarray(removed, bool)
    arrays = (part.starts, part.directory, part.postings, removed)
    return _native.vote_music(hashes, frames, *arrays, EARLY, LEAST_VOTES)


def least_z(songs: int) -> float:
    """What a match needs: more where more songs could match by chance."""
    return LEAST_Z + Z_OF_TENFOLD * math.log10(max(songs, 1))


def decide(matches: Sequence[Match], songs_in_all: int) -> list[Match]:
    """Those of `find_matches` that are believed, best first; most often one or none.

    Where the best is believed alone but another comes close, neither is: chance made both.
    """
    good = [
        match
        for match in matches
        if match.z >= least_z(songs_in_all) and match.coincidences >= LEAST_COINCIDENCES
    ]
    if len(good) == 1 and len(matches) > 1 and good[0].z - matches[1].z < LEAST_MARGIN:
        return []
    return good


def confidence(match: Match, songs_in_all: int) -> float:
    """0..1: how likely the match is right; 0.5 is where `decide` begins to believe."""
    return 1 / (1 + math.exp(min(-CONFIDENCE_SLOPE * (match.z - least_z(songs_in_all)), 700.0)))
