"""How often background music is recognised, how often wrongly, how fast, and how much an index takes.

    python benchmarks/music_queries.py ... --out queries/      # see there
    python benchmarks/music.py --songs songs/ --queries queries/ --out music.json

Every song of the folder goes into a new catalogue; every query, a real MP4, goes to `recognize_music`. Of a
condition and a length: hit (the right title), wrong (another one) and none, with the 95 % Wilson interval of
hits; offset is the share of hits whose place in the song is right to half a second (a song that repeats
itself may honestly miss). Of what is not in the catalogue: how many get a title all the same.

Times are of whole calls: opening, decoding, searching. --audfprint FOLDER and --fpcalc ask others beside, see
music_peers.py. Songs, voices and noises of the figures are of other sources than those of tuning.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from music_mixing import find_sounds
from music_peers import DENSE, Audfprint, Chromaprint
from music_queries import NEGATIVE, Query, read_queries

import irs_engine as irs
from irs_engine.music.catalogue import MusicCatalogue
from irs_engine.music.songs import DuplicateSong

OFFSET_RIGHT = 0.5  # seconds
TIMED = ("clean", "speech0")  # conditions whose calls are timed
MB = 1e6


@dataclass(frozen=True)
class Answer:
    title: str  # "" for none
    offset: float | None = None  # second of the song at the start of the video


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--songs", type=Path, required=True, help="folder of the catalogue's songs")
    parser.add_argument(
        "--queries", type=Path, nargs="+", required=True, help="folders made by music_queries.py"
    )
    parser.add_argument("--catalogue", type=Path, help="kept, and used again by the next run")
    parser.add_argument("--conditions", nargs="+", help="only these; negatives are always asked")
    parser.add_argument("--audfprint", type=Path, metavar="FOLDER")
    parser.add_argument("--python", default="python3", help="of audfprint")
    parser.add_argument("--fpcalc", action="store_true", help="Chromaprint beside")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    songs = find_sounds(arguments.songs)
    queries = [
        query
        for folder in arguments.queries
        for query in read_queries(folder)
        if not arguments.conditions
        or query.condition in arguments.conditions
        or query.condition.startswith(NEGATIVE)
    ]
    found: dict[str, object] = {
        "version": irs.__version__,
        "machine": platform.processor(),
        "songs": len(songs),
    }
    with tempfile.TemporaryDirectory() as work:
        found["irs"], hours = measure_ours(songs, queries, arguments.catalogue or Path(work) / "catalogue")
        peers: list[Audfprint | Chromaprint] = []
        if arguments.audfprint:
            for name, options in (("audfprint", []), ("audfprint dense", DENSE)):
                peers.append(Audfprint(name, arguments.audfprint, arguments.python, Path(work), options))
        if arguments.fpcalc:
            peers.append(Chromaprint())
        for peer in peers:
            peer.add(songs)
            answers = [Answer(title) for title in peer.ask([query.file for query in queries])]
            found[peer.name] = judge(queries, answers) | {"mb_per_hour": peer.bytes() / MB / hours}
    print_tables(found)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def measure_ours(songs: Sequence[Path], queries: Sequence[Query], folder: Path) -> tuple[dict, float]:
    """Figures, and hours of music."""
    with MusicCatalogue(folder) as catalogue:
        known = {song.title for song in catalogue.songs()}
        begin = time.perf_counter()
        for song in songs:
            try:
                if song.stem in known:
                    continue
                catalogue.add(song, title=song.stem, artist="")
            except DuplicateSong as error:
                print(f"{song.name}: is {error.song.title} too")
        seconds = time.perf_counter() - begin
        catalogue.merge()
        info = catalogue.info()
        answers, times, of_unknown = [], [], []
        for query in queries:
            begin = time.perf_counter()
            result = irs.recognize_music(query.file, catalogue=catalogue)
            took = time.perf_counter() - begin
            answers.append(_answer(result))
            if query.condition in TIMED and query.length == 10:
                times.append(took * 1000)
            if query.condition.startswith(NEGATIVE) and query.length == 10 and not result.matches:
                of_unknown.append(took * 1000)
    cost = {
        "hours": info.hours,
        # Closed: open, the log of the database is there as well.
        "mb_per_hour": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        / MB
        / info.hours,
    }
    if not known:
        cost["add_times_real_time"] = info.hours * 3600 / seconds
    if times:
        cost |= {
            "ms_of_10_s": statistics.median(times),
            "ms_of_10_s_p95": sorted(times)[len(times) * 95 // 100],
        }
    if of_unknown:
        cost["ms_of_10_s_unknown"] = statistics.median(of_unknown)
    return judge(queries, answers) | cost, info.hours


def _answer(result: irs.MusicResult) -> Answer:
    if not result.matches:
        return Answer("")
    best = result.matches[0]
    return Answer(best.title, best.offset - best.start)


def judge(queries: Sequence[Query], answers: Sequence[Answer]) -> dict:
    """Of each condition and length, and of each kind of negatives."""
    cells: dict[str, dict[str, list[tuple[Query, Answer]]]] = {}
    for query, answer in zip(queries, answers, strict=True):
        key = "" if query.condition.startswith(NEGATIVE) else f"{query.length} s"
        cells.setdefault(query.condition.removeprefix(NEGATIVE), {}).setdefault(key, []).append(
            (query, answer)
        )
    found: dict = {"hits": {}, "negatives": {}, "mistakes": []}
    for condition, lengths in cells.items():
        for length, pairs in lengths.items():
            if length:
                found["hits"].setdefault(condition, {})[length] = _cell(pairs)
            else:
                accepted = sum(bool(answer.title) for _, answer in pairs)
                found["negatives"][condition] = {"accepted": accepted, "asked": len(pairs)}
    for query, answer in zip(queries, answers, strict=True):
        if answer.title and answer.title != query.title:
            found["mistakes"].append({"query": query.file.name, "is": query.title, "answer": answer.title})
    return found


def _cell(pairs: Sequence[tuple[Query, Answer]]) -> dict:
    count = len(pairs)
    hits = [(query, answer) for query, answer in pairs if answer.title == query.title]
    wrong = sum(bool(answer.title) and answer.title != query.title for query, answer in pairs)
    cell = {
        "asked": count,
        "hit": len(hits) / count,
        "wrong": wrong / count,
        "interval": wilson(len(hits), count),
    }
    placed = [abs(a.offset - q.offset) < OFFSET_RIGHT for q, a in hits if a.offset is not None]
    return cell | ({"offset": sum(placed) / len(placed)} if placed else {})


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share, scale = hits / count, 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)


def print_tables(found: dict) -> None:
    systems = [name for name, figures in found.items() if isinstance(figures, dict)]
    lengths = sorted(
        {n for cells in found["irs"]["hits"].values() for n in cells}, key=lambda n: int(n.split()[0])
    )
    print("\nhit (interval) / wrong / offset right; of the others hit / wrong\n")
    print("| condition | " + " | ".join(f"{name} {n}" for n in lengths for name in systems) + " |")
    print("|---" * (1 + len(lengths) * len(systems)) + "|")
    for condition in found["irs"]["hits"]:
        row = []
        for length in lengths:
            for name in systems:
                cell = found[name]["hits"][condition].get(length)
                row.append(_shown(cell, name == "irs") if cell else "")
        print(f"| {condition} | " + " | ".join(row) + " |")
    print("\naccepted / asked of what is not in the catalogue\n")
    print("| of | " + " | ".join(systems) + " |")
    print("|---" * (1 + len(systems)) + "|")
    for kind in found["irs"]["negatives"]:
        cells = [found[name]["negatives"][kind] for name in systems]
        print(f"| {kind} | " + " | ".join(f"{cell['accepted']}/{cell['asked']}" for cell in cells) + " |")
    print()
    for name in systems:
        cost = {key: round(value, 2) for key, value in found[name].items() if isinstance(value, float)}
        print(name, json.dumps(cost))


def _shown(cell: dict, ours: bool) -> str:
    if not ours:
        return f"{cell['hit']:.2f} / {cell['wrong']:.2f}"
    low, high = cell["interval"]
    offset = f"{cell['offset']:.2f}" if "offset" in cell else "-"
    return f"{cell['hit']:.2f} ({low:.2f}-{high:.2f}) / {cell['wrong']:.2f} / {offset}"


if __name__ == "__main__":
    main()
