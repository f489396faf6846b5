"""How long an album of many photos takes to search.

    python benchmarks/album_speed.py --work DIR [--photos 100000] [--vectors 100000 1000000]

The photos are rows of random numbers: every tag of the vocabulary, the most frequent one on half of them, the
others rarer and rarer as words are (Zipf, exponent 0.8); times of 17 years. Queries are of random ones among
the 500 most frequent tags, and of the most frequent ones, the worst case; a search includes reading the 50
photos that it shows. `similar` is exact search among random embeddings of 1,024 numbers in memory. Medians of
wall and CPU time of this process; on a machine that does other work too, only the latter says something.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import irs_engine
from irs_engine.album import Album
from irs_engine.album.similar import nearest
from irs_engine.album.tag_rows import ensure_tags
from irs_engine.album.vectors import Vectors
from irs_engine.vision.vocabulary import load_vocabulary

RUNS = 7
WIDTH = 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="where the album is kept")
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--vectors", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    found: dict = {"version": irs_engine.__version__, "cpus": os.cpu_count(), "search": {}, "similar": {}}
    with Album(arguments.work / f"synthetic-{arguments.photos}.db") as album:
        names = fill(album, arguments.photos)
        for kind, queries in queries_of(names).items():
            times = [took(lambda query=query: album.search(query)) for query in queries]
            found["search"][kind] = row = {
                "queries": len(queries),
                "wall ms": median(wall for wall, _ in times),
                "cpu ms": median(cpu for _, cpu in times),
                "slowest cpu ms": round(max(cpu for _, cpu in times), 1),
            }
            print(f"search, {kind}: {row}")
    for count in arguments.vectors:
        vectors = random_vectors(count)
        wall, cpu = took(lambda vectors=vectors: nearest(vectors, vectors.values[7], 50))
        found["similar"][count] = {"wall ms": round(wall, 1), "cpu ms": round(cpu, 1)}
        print(f"similar, {count} vectors: {found['similar'][count]}")
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def fill(album: Album, count: int) -> list[str]:
    """Names of the tags, the most frequent first; the rows are made if the album has none."""
    random = np.random.default_rng(0)
    tags = [load_vocabulary().tags[i] for i in random.permutation(len(load_vocabulary()))]
    with album.database.write() as connection:
        if connection.execute("SELECT count(*) FROM photos").fetchone()[0] == count:
            return [tag.en for tag in tags]
        ids = ensure_tags(connection, tags)
        taken = np.sort(random.uniform(1.2e9, 1.75e9, count))
        connection.executemany(
            "INSERT INTO photos(id, path, size, mtime_ns, width, height, taken, indexed)"
            " VALUES (?, ?, 1, 1, 4000, 3000, ?, 0)",
            ((i + 1, f"/photos/{i // 500:04}/{i:07}.jpg", time) for i, time in enumerate(taken.tolist())),
        )
        for place, tag in enumerate(ids):
            rows = np.flatnonzero(random.random(count) < 0.5 / (place + 1) ** 0.8) + 1
            confidences = random.uniform(20, 100, len(rows)).round(2)
            connection.executemany(
                "INSERT INTO photo_tags(tag_id, photo_id, confidence) VALUES (?, ?, ?)",
                ((tag, row, value) for row, value in zip(rows.tolist(), confidences.tolist(), strict=True)),
            )
    return [tag.en for tag in tags]


def queries_of(names: list[str]) -> dict[str, list[str]]:
    random = np.random.default_rng(1)
    quoted = [f'"{name}"' for name in names]
    usual = [[quoted[i] for i in random.choice(500, 3, replace=False)] for _ in range(20)]
    first, second, third = quoted[:3]
    return {
        "one tag": [a for a, _, _ in usual],
        "two tags": [f"{a} {b}" for a, b, _ in usual],
        "a OR b, not c": [f"({a} OR {b}) -{c}" for a, b, c in usual],
        "a tag in a year": [f"{a} 20{10 + i % 12}" for i, (a, _, _) in enumerate(usual)],
        "the most frequent tag": [first],
        "the two most frequent tags": [f"{first} {second}"],
        "one of the three most frequent": [f"{first} OR {second} OR {third}"],
        "all but the most frequent": [f"-{first}"],
    }


def random_vectors(count: int) -> Vectors:
    random = np.random.default_rng(0)
    values = np.empty((count, WIDTH), np.float16)
    mean = np.zeros(WIDTH)
    for start in range(0, count, 10_000):
        some = random.standard_normal((min(10_000, count - start), WIDTH), np.float32) + 0.5
        some /= np.linalg.norm(some, axis=1, keepdims=True)
        values[start : start + 10_000] = some
        mean += some.sum(0)
    return Vectors(np.arange(count), values, (mean / count).astype(np.float32))


def took(work: Callable[[], object]) -> tuple[float, float]:
    """Medians of milliseconds: of the clock, and of the CPU."""
    work()
    times = []
    for _ in range(RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        times.append((1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)))
    return float(np.median([wall for wall, _ in times])), float(np.median([cpu for _, cpu in times]))


def median(values) -> float:
    return round(float(np.median(list(values))), 1)


if __name__ == "__main__":
    main()
