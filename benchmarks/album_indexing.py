"""How fast an album is indexed, beside the bare tagger on the same photos, in turn in one process.

    python benchmarks/album_indexing.py --photos shots/ --threads 2 --out album_indexing.json

The bare tagger is `Engine.tag_many` with boxes, which decodes ahead as well. Both are told in photos a second
of the clock and of the CPU's time, which a busy machine does not change; the ratio is of those. Then: what
a second run over the same, unchanged folder takes, and what the album needs on disk for each photo. Without
--photos they are made from the pictures of the tests: 1600 x 1200, each another part.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import irs_engine as irs
from irs_engine.batches import pictures_in

PICTURES = Path(__file__).parent.parent / "tests" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, help="a folder")
    parser.add_argument("--count", type=int, default=64, help="of photos that are made where none are given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, help="threads that decode for the album")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = arguments.photos or made_photos(Path(scratch) / "photos", arguments.count)
        engine = irs.Engine(arguments.device, threads=arguments.threads)
        found = compare(engine, photos, Path(scratch), arguments.rounds, arguments.workers)
    found["machine"] = {
        "cpu": platform.processor() or platform.machine(),
        "threads": arguments.threads,
        "device": str(engine.device),
    }
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


def made_photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    sources = [Image.open(PICTURES / f"{name}.jpg").convert("RGB") for name in ("cat", "coffee", "rocket")]
    for number in range(count):
        source = sources[number % len(sources)]
        width = int(source.width * random.uniform(0.6, 1))
        height = min(source.height, width * 3 // 4)
        left, top = (int(random.integers(0, n + 1)) for n in (source.width - width, source.height - height))
        part = source.crop((left, top, left + width, top + height)).resize((1600, 1200))
        part.save(folder / f"{number:05}.jpg", quality=90)
    return folder


def compare(engine: irs.Engine, photos: Path, scratch: Path, rounds: int, workers: int | None) -> dict:
    paths = pictures_in(photos, recursive=True)
    batch = 8 if engine.device.type == "cpu" else 64
    times: dict[str, list[tuple[float, float]]] = {"tagger": [], "index": [], "unchanged": []}

    def tag() -> None:
        for _ in engine.tag_many(paths, batch_size=batch, threshold=20, on_error=lambda path, error: None):
            pass

    tag()  # loads the networks, and the photos into the memory of the system
    for number in range(rounds):
        with irs.Album(scratch / f"{number}.db", engine=engine) as album:
            times["tagger"].append(timed(tag))
            times["index"].append(timed(lambda: album.index(photos, workers=workers)))
            times["unchanged"].append(timed(lambda: album.index(photos, workers=workers)))
            known = album.info().photos
            tags = sum(tag.photos for tag in album.tags(threshold=20))
    rates = {
        name: {
            "photos_per_second": len(paths) / statistics.median(wall for wall, _ in rows),
            "photos_per_cpu_second": len(paths) / statistics.median(cpu for _, cpu in rows),
        }
        for name, rows in times.items()
    }
    return {
        "photos": len(paths),
        "read": known,
        "rates": rates,
        "index_beside_tagger": {
            "clock": statistics.median(
                t / i for (t, _), (i, _) in zip(times["tagger"], times["index"], strict=True)
            ),
            "cpu": statistics.median(
                t / i for (_, t), (_, i) in zip(times["tagger"], times["index"], strict=True)
            ),
        },
        "bytes_per_photo": bytes_of_photos(scratch / "0.db") / known,
        "tags_per_photo": tags / known,
    }


def bytes_of_photos(album: Path) -> int:
    """Without the names of all tags, which it has once. The album is empty afterwards."""
    full = album.stat().st_size
    connection = sqlite3.connect(album, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("DELETE FROM photos")
    connection.execute("VACUUM")
    connection.close()
    return full - album.stat().st_size


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock, and of all CPUs."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
