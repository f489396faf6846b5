"""Videos for benchmarks/music.py: what plays in them is known, and how it is hidden.

    python benchmarks/music_queries.py --songs songs/ --others others/ --speech voices/ --noise ambience/ \\
        --count 100 --out queries/

Writes real MP4s (a video track, mono AAC at 96 kbit/s) and `queries.csv`: file, condition, length in seconds,
title of the song (name of its file; empty where none of the catalogue plays) and the second of the song at
the start of the video. Songs are the catalogue, others are outside it: the same composition played by other
instruments, other pieces of the same game, anything. Clips of speech are named `source__speaker-...`.

The same number is the same excerpt in every condition, every song comes once before one comes again, and all
is drawn from the seed. Figures to be quoted are made with songs, voices and noises that nothing was tuned on.
"""

from __future__ import annotations

import argparse
import csv
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from music_mixing import (
    BIT_RATES,
    CONDITIONS,
    RATE,
    SPEEDS,
    Sounds,
    at_level,
    by_speaker,
    embedded_at,
    find_sounds,
    pink,
    played_at,
    read_sound,
    rms,
    write_mp4,
)

FIELDS = ("file", "condition", "length", "title", "offset")
NEGATIVE = "negative: "
QUIET_PART = 0.1  # of the RMS of a song: excerpts are louder
TRIES = 100
SPEECH_RMS = NOISE_RMS = 0.1


@dataclass(frozen=True)
class Query:
    file: Path
    condition: str
    length: int  # seconds of music
    title: str  # "" where no song of the catalogue plays
    offset: float  # seconds: time in the song at the start of the video


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=Path, required=True)
    parser.add_argument("--others", type=Path, help="music outside the catalogue; without it, no negatives")
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--noise", type=Path, required=True)
    parser.add_argument("--count", type=int, default=50, help="queries of a condition and a length")
    parser.add_argument("--lengths", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--conditions", nargs="*", default=list(CONDITIONS), choices=list(CONDITIONS))
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    songs = find_sounds(arguments.songs)
    others = find_sounds(arguments.others) if arguments.others else []
    sounds = Sounds(by_speaker(find_sounds(arguments.speech)), find_sounds(arguments.noise))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "queries.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(FIELDS)
        makers = (
            positives(
                songs, sounds, arguments.conditions, arguments.lengths, arguments.count, arguments.seed
            ),
            negatives(others, sounds, max(arguments.lengths), arguments.count, arguments.seed)
            if others
            else (),
        )
        for name, row, make in (query for maker in makers for query in maker):
            (arguments.out / name).write_bytes(make())
            table.writerow([name, *row])


def read_queries(folder: Path) -> list[Query]:
    with (folder / "queries.csv").open(newline="") as file:
        return [
            Query(
                folder / row["file"],
                row["condition"],
                int(row["length"]),
                row["title"],
                float(row["offset"] or 0),
            )
            for row in csv.DictReader(file)
        ]


Made = Iterator[tuple[str, tuple[str, int, str, str], Callable[[], bytes]]]


def positives(
    songs: Sequence[Path],
    sounds: Sounds,
    conditions: Sequence[str],
    lengths: Sequence[int],
    count: int,
    seed: int,
) -> Made:
    for number in range(count):
        for length in lengths:
            for condition in conditions:
                song, begin, music = excerpt(songs, length, number, seed, SPEEDS.get(condition, 0))
                chance = np.random.default_rng([seed, length, number, zlib.crc32(condition.encode())])
                offset = begin - (embedded_at(len(music)) if condition == "embedded" else 0)
                mixed = CONDITIONS[condition](music, sounds, chance)
                rate = BIT_RATES.get(condition, 96_000)
                row = (condition, length, song.stem, f"{offset:.3f}")
                yield f"{condition}-{length}s-{number:03}.mp4", row, lambda m=mixed, r=rate: write_mp4(m, r)


def excerpt(
    songs: Sequence[Path], length: int, number: int, seed: int, faster: int = 0
) -> tuple[Path, float, np.ndarray]:
    """A song, seconds into it, and samples of its middle that are not near-silent; `faster` in Hz of RATE."""
    chance = np.random.default_rng([seed, length, number])
    order = np.random.default_rng([seed, number // len(songs)]).permutation(len(songs))
    song = songs[order[number % len(songs)]]
    sound = read_sound(song)
    count = length * (RATE + faster)
    room = len(sound) - count
    if room < 0:
        raise SystemExit(f"{song}: shorter than {length} s")
    for _ in range(TRIES):
        first = int(chance.uniform(0.1, 0.9) * room)
        music = sound[first : first + count]
        if rms(music) > QUIET_PART * rms(sound):
            break
    return song, first / RATE, played_at(music, RATE + faster)


def negatives(others: Sequence[Path], sounds: Sounds, length: int, count: int, seed: int) -> Made:
    """All music outside the catalogue, alone and under speech; `count` videos each of speech and of noise."""
    for number in range(len(others)):
        song, _, music = excerpt(others, length, number, seed)
        kind = song.stem.split("__")[0]
        spoken = music + at_level(sounds.speech(len(music), np.random.default_rng([seed, number])), music, 0)
        for name, made in ((f"music ({kind})", music), (f"music under speech ({kind})", spoken)):
            yield _negative(name, number, length, made)
    for number in range(count):
        chance = np.random.default_rng([seed, number])
        spoken = sounds.speech(length * RATE, chance)
        yield _negative("speech", number, length, spoken * np.float32(SPEECH_RMS / rms(spoken)))
        noise = (pink, sounds.ambience)[number % 2](length * RATE, chance)
        yield _negative("noise", number, length, noise * np.float32(NOISE_RMS / rms(noise)))
    chance = np.random.default_rng(seed)
    time = np.arange(length * RATE) / RATE
    for number, made in enumerate(
        (np.zeros(len(time)), chance.standard_normal(len(time)) * 1e-4, np.sin(2 * np.pi * 440 * time) * 0.3)
    ):
        yield _negative("silence, hiss, tone", number, length, made.astype(np.float32))


def _negative(
    name: str, number: int, length: int, sound: np.ndarray
) -> tuple[str, tuple[str, int, str, str], Callable[[], bytes]]:
    file = f"negative-{name.replace(' ', '_').replace(',', '')}-{number:03}.mp4"
    return file, (NEGATIVE + name, length, "", ""), lambda: write_mp4(sound)


if __name__ == "__main__":
    main()
