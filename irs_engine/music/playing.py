"""When a song plays within a window: where more of its peaks coincide than chance lets expect."""

from __future__ import annotations

import numpy as np

from irs_engine.music.fingerprint import HOP, RATE, Peaks
from irs_engine.music.matching import Match, coincide

PIECE = 50  # frames: half a second
SHARE = 0.4  # of the surplus of the best quarter of pieces that a piece needs to count for the song
ELSEWHERE = (-397, -251, 263, 389)  # frames: where the song is compared to tell what chance gives


def when_it_plays(query: Peaks, song: Peaks, match: Match) -> tuple[float, float]:
    """Start and end in seconds of the query: the stretch with the largest surplus of coincidences."""
    if not len(query):
        return 0.0, 0.0
    pieces = query.frames // PIECE
    count = int(pieces[-1]) + 1
    shift = match.offset * RATE / HOP
    here = np.bincount(pieces[coincide(query, song, shift, match.tempo)], minlength=count)
    chance = np.mean(
        [
            np.bincount(pieces[coincide(query, song, shift + away, match.tempo)], minlength=count)
            for away in ELSEWHERE
        ],
        axis=0,
    )
    surplus = here - chance
    best = np.sort(surplus)[-max(1, count // 4) :]
    first, last = _largest_sum(surplus - SHARE * max(float(best.mean()), 1e-6))
    piece = PIECE * HOP / RATE
    end = (int(query.frames[-1]) + 1) * HOP / RATE
    return first * piece, min((last + 1) * piece, end)


def _largest_sum(values: np.ndarray) -> tuple[int, int]:
    """First and last index of the stretch with the largest sum (Kadane 1984)."""
    best, found, total, first = -np.inf, (0, len(values) - 1), 0.0, 0
    for at, value in enumerate(values.tolist()):
        if total <= 0:
            total, first = 0.0, at
        total += value
        if total > best:
            best, found = total, (first, at)
    return found
