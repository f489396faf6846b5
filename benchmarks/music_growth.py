"""What a catalogue of music costs as it grows: size, time to add, time of a query, and the best wrong match.

    python benchmarks/music_growth.py --songs songs/ --queries queries/ --sizes 1000 10000 --out growth.json

Besides the songs of the folder, a catalogue is filled with made-up ones. These are slices of a few seconds of
the peaks of real songs, in random order, each transposed: as dense as real music, with hashes spread like
those of real music, but nothing that could rightly be found. The queries are real ones (music_queries.py) of
the real songs; their peaks are computed once, and what is timed is the search alone, after one that warms the
memory maps.

z is what a match is judged by (irs_engine/music/matching.py): the best one of a wrong song, the more songs
the higher, is what the threshold has to stay above.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from music_mixing import find_sounds
from music_queries import NEGATIVE, read_queries

import irs_engine as irs
from irs_engine.music.audio import open_audio
from irs_engine.music.catalogue import MusicCatalogue
from irs_engine.music.fingerprint import HOP, RATE, Peaks, PeakStream, query_peaks
from irs_engine.music.matching import decide, find_matches
from irs_engine.music.songs import NewSong

HOPS = RATE // HOP  # a second
SLICE = (3, 8)  # seconds
TRANSPOSED = (3, 24)  # bins, to either side: never none, or it would rightly be found
LOWEST, HIGHEST = 6, 448  # bins
BATCH = 250  # songs of one write


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--condition", default="speech0")
    parser.add_argument("--most", type=int, default=40, help="queries of the condition, and negatives")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--seconds", type=int, default=60, help="of a made-up song")
    parser.add_argument("--folder", type=Path, help="for the catalogue; by default a temporary one")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    songs = {song.stem: _song_peaks(song) for song in find_sounds(arguments.songs)}
    queries = read_queries(arguments.queries)
    right = [query for query in queries if query.condition == arguments.condition][: arguments.most]
    wrong = [query for query in queries if query.condition.startswith(NEGATIVE + "music")][: arguments.most]
    asked = [(query.title, _query_peaks(query.file)) for query in (*right, *wrong)]
    made_up = _made_up(list(songs.values()), arguments.seconds, np.random.default_rng(arguments.seed))
    found: dict = {"version": irs.__version__, "seconds of a song": arguments.seconds, "sizes": []}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as work:
        with MusicCatalogue(Path(work) / "catalogue") as catalogue:
            catalogue.add_songs(
                [NewSong(peaks, title, "", _seconds(peaks), title) for title, peaks in songs.items()]
            )
            for size in arguments.sizes:
                found["sizes"].append(measure(catalogue, made_up, size, asked))
                print(json.dumps(found["sizes"][-1]), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def measure(
    catalogue: MusicCatalogue, made_up: Iterator[Peaks], size: int, asked: Sequence[tuple[str, Peaks]]
) -> dict:
    """Fill the catalogue up to `size` songs and ask it; `asked` are titles ("" for none) and peaks."""
    adding = 0.0
    while (have := catalogue.info().songs) < size:
        batch = [next(made_up) for _ in range(min(BATCH, size - have))]
        names = [f"made up {have + number}" for number in range(len(batch))]
        begin = time.perf_counter()
        catalogue.add_songs(
            [
                NewSong(peaks, name, "", _seconds(peaks), name)
                for peaks, name in zip(batch, names, strict=True)
            ]
        )
        adding += time.perf_counter() - begin
    begin = time.perf_counter()
    catalogue.merge()
    merging = time.perf_counter() - begin
    info = catalogue.info()
    snapshot = catalogue.snapshot()
    times, hits, best_wrong, accepted = [], 0, 0.0, 0
    for warm in (False, True):
        for title, peaks in asked:
            begin = time.perf_counter()
            matches = find_matches(peaks, snapshot.parts, snapshot.removed)
            if not warm:
                continue
            times.append((time.perf_counter() - begin) * 1000)
            best = decide(matches, snapshot.count)
            names = [snapshot.song_of(match.part, match.song).title for match in matches]
            answer = snapshot.song_of(best[0].part, best[0].song).title if best else ""
            hits += bool(title) and answer == title
            accepted += bool(answer) and answer != title
            wrong = [match.z for match, name in zip(matches, names, strict=True) if name != title]
            best_wrong = max([best_wrong, *wrong])
    return {
        "songs": info.songs,
        "hours": round(info.hours, 1),
        "segments": info.segments,
        "GB": info.bytes / 1e9,
        "MB an hour": info.bytes / 1e6 / info.hours,
        "postings": sum(len(part.postings) for part in snapshot.parts),
        "s to add": adding,
        "s to merge": merging,
        "ms of a query": statistics.median(times),
        "hit": hits / max(sum(bool(title) for title, _ in asked), 1),
        "wrong": accepted,
        "best wrong z": best_wrong,
    }


def _song_peaks(file: Path) -> Peaks:
    stream = PeakStream()
    with open_audio(file) as audio:
        for block in audio.blocks():
            stream.feed(block)
    return stream.finish()


def _query_peaks(file: Path) -> Peaks:
    with open_audio(file) as audio:
        return query_peaks(np.concatenate(list(audio.blocks())))


def _seconds(peaks: Peaks) -> float:
    return float(peaks.frames[-1]) / HOPS


def _made_up(songs: Sequence[Peaks], seconds: int, chance: np.random.Generator) -> Iterator[Peaks]:
    """Songs without end."""
    songs = [song for song in songs if len(song) and song.frames[-1] > SLICE[1] * HOPS]
    while True:
        frames, bins, at = [], [], 0
        while at < seconds * HOPS:
            song = songs[chance.integers(len(songs))]
            length = int(chance.integers(SLICE[0] * HOPS, SLICE[1] * HOPS))
            begin = int(chance.integers(song.frames[-1] - length))
            first, last = np.searchsorted(song.frames, [begin, begin + length])
            frames.append(song.frames[first:last] - begin + at)
            shift = int(chance.choice([-1, 1]) * chance.integers(TRANSPOSED[0], TRANSPOSED[1] + 1))
            bins.append(song.bins[first:last].astype(np.int64) + shift)
            at += length
        frame, bin = np.concatenate(frames), np.concatenate(bins)
        inside = (bin >= LOWEST) & (bin <= HIGHEST)
        yield Peaks(frame[inside].astype(np.int32), bin[inside].astype(np.uint16))


if __name__ == "__main__":
    main()
