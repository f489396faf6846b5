"""How often recapture detection is right, on real photos, source by source.

    python benchmarks/recapture.py --photos real --weights recapture_s.safetensors --tails --out out.json

`--photos` has folders of sources, with photos in `original`, `screen` and `print`. What people collected as
originals and what they collected as recaptures often differ in size, shape and compression, which tells them
apart without a look. So all photos first pass one common tail: the largest square in the middle, shrunk
(INTER_AREA) to a side that is one for the whole source, then JPEG of quality 85. That side is 1024 pixels, or
what nine in ten photos of the source have on their shorter side; smaller photos are left out. With `--tails`
three more, each in its place:

- half: shrunk once more, to half the size
- jpeg 60: JPEG of quality 60
- middle: the middle half of either side, cut out before the JPEG

Of every source with at least LEAST originals and as many screens or prints: AUC and EER of the score
(screen + print), and at threshold 0.95 the share of recaptures that are called so (recall) and missed
(called originals), of originals called recaptures (false positives), and of both together that get no answer
(uncertain). Then the means over sources, each source counting alike. Of sources with originals alone, and of
each folder of `--confounders` (originals that look like recaptures): false positives and uncertain ones.

Intervals of shares are Wilson's, those of AUC are explained in `recapture_metrics.py`, those of means are a
bootstrap over sources, all of 95 %. They take photos for independent; several of one object are not.

Shortcuts: AUC of a logistic regression that knows width, height and bytes per pixel of a file and nothing
else, each source by what all others teach. "As collected" tells how much the sets would have given away,
"after the tail" how much they still do: it must be about 0.5.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from preprocess import machine
from recapture_metrics import Interval, auc, equal_error_rate, mean_over_sources, wilson, without_each

import irs_engine as irs
from irs_engine.errors import IrsError
from irs_engine.image import read_rgb

THRESHOLD = 0.95
LARGEST_SIDE, QUALITY = 1024, 85
LEAST = 10  # photos of a class of a source; fewer say nothing
KINDS = ("screen", "print")
COMMON = "common tail"

Files = dict[str, list[Path]]  # of one source, by class


def squared(pixels: np.ndarray, side: int) -> np.ndarray:
    """The largest square in the middle, (side, side)."""
    height, width = pixels.shape[:2]
    whole = min(height, width)
    top, left = (height - whole) // 2, (width - whole) // 2
    square = pixels[top : top + whole, left : left + whole]
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA) if side < whole else square


def jpeg(pixels: np.ndarray, quality: int) -> bytes:
    _, file = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return file.tobytes()


TAILS: dict[str, Callable[[np.ndarray], bytes]] = {  # of squares
    COMMON: lambda square: jpeg(square, QUALITY),
    "half": lambda square: jpeg(squared(square, len(square) // 2), QUALITY),
    "jpeg 60": lambda square: jpeg(square, 60),
    "middle": lambda square: jpeg(_middle(square), QUALITY),
}


def _middle(square: np.ndarray) -> np.ndarray:
    border = len(square) // 4
    return square[border:-border, border:-border]


@dataclass
class Answers:
    """To the photos of one folder."""

    scores: np.ndarray  # (n,) probability of a recapture
    suggestions: list[str]
    files: np.ndarray  # (2, n, 3) width, height, bytes per pixel: as collected, after the tail

    def share(self, suggestion: str) -> Interval:
        return wilson(self.suggestions.count(suggestion), len(self.suggestions))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="folder of sources")
    parser.add_argument("--sources", nargs="+", help="only these folders of it")
    parser.add_argument("--confounders", type=Path, nargs="*", default=[], metavar="DIR", help="of originals")
    parser.add_argument("--weights", type=Path, help="weights to judge instead of the shipped ones")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--most", type=int, default=0, help="at most so many photos of a class of a source")
    parser.add_argument("--tails", action="store_true", help="also after other tails than the common one")
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    engine = irs.Engine(device=arguments.device, weights=arguments.weights)
    sources = read_sources(arguments.photos, arguments.sources, arguments.most)
    confounders = {
        folder.name: {"original": evenly(_files(folder), arguments.most)} for folder in arguments.confounders
    }
    found: dict = {"version": irs.__version__, "machine": machine(), "threshold": THRESHOLD, "tails": {}}
    for tail in TAILS if arguments.tails else (COMMON,):
        answers = {name: ask_all(engine, files, tail, name) for name, files in sources.items()}
        asked = {name: ask_all(engine, files, tail, name) for name, files in confounders.items()}
        found["tails"][tail] = judge(answers, asked)
        print_figures(tail, found["tails"][tail])
        if tail == COMMON:
            found["shortcuts"] = {kind: shortcuts(answers, kind) for kind in KINDS}
            print_shortcuts(found["shortcuts"])
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def read_sources(folder: Path, names: list[str] | None, most: int) -> dict[str, Files]:
    sources = {}
    for source in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = {kind: evenly(_files(source / kind), most) for kind in ("original", *KINDS)}
        files = {kind: some for kind, some in files.items() if len(some) >= LEAST}
        if files.get("original") and (not names or source.name in names):
            sources[source.name] = files
    if not sources:
        raise SystemExit(f"{folder}: no source with {LEAST} originals")
    return sources


def evenly(files: list[Path], most: int) -> list[Path]:
    if not most or len(files) <= most:
        return files
    return [files[i] for i in np.linspace(0, len(files) - 1, most).astype(int)]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def common_side(paths: Iterable[Path]) -> int:
    """Of the squares of a source, see above."""
    shorter = []
    for path in paths:
        with contextlib.suppress(OSError), Image.open(path) as header:
            shorter.append(min(header.size))
    return min(LARGEST_SIDE, int(np.quantile(shorter, 0.1)))


def ask_all(engine: irs.Engine, files: Files, tail: str, source: str) -> dict[str, Answers]:
    found = {}
    side = common_side(path for paths in files.values() for path in paths)
    for kind, paths in files.items():
        print(f"\r{f'{tail}: {source}, {len(paths)} of {kind}':60s}", end="", file=sys.stderr, flush=True)
        answers = ask(engine, paths, side, TAILS[tail])
        if len(answers.scores) >= LEAST:
            found[kind] = answers
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return found


def ask(engine: irs.Engine, paths: Iterable[Path], side: int, tail: Callable[[np.ndarray], bytes]) -> Answers:
    scores, suggestions, before, after = [], [], [], []
    for path in paths:
        try:
            pixels = read_rgb(path).pixels
        except IrsError as error:
            print(f"\n{path}: left out, {error}", file=sys.stderr)
            continue
        if min(pixels.shape[:2]) < side:
            continue
        file = tail(squared(pixels, side))
        result = engine.detect_recapture(file, threshold=THRESHOLD)
        scores.append(result.screen + result.print)
        suggestions.append(result.suggestion)
        with Image.open(path) as header:
            before.append(_outside(header.size, path.stat().st_size))
        after.append(_outside(result.size, len(file)))
    return Answers(np.array(scores), suggestions, np.array([before, after], np.float64))


def _outside(size: tuple[int, int], count: int) -> tuple[float, float, float]:
    return (*size, count / (size[0] * size[1]))


def judge(answers: dict[str, dict[str, Answers]], confounders: dict[str, dict[str, Answers]]) -> dict:
    found: dict = {kind: {} for kind in KINDS} | {"originals": {}, "confounders": {}, "means": {}}
    for name, classes in answers.items():
        for kind in KINDS:
            if kind in classes and "original" in classes:
                found[kind][name] = tell_apart(classes["original"], classes[kind])
        if list(classes) == ["original"]:
            found["originals"][name] = of_originals(classes["original"])
    for name, classes in confounders.items():
        if classes:
            found["confounders"][name] = of_originals(classes["original"])
    for part, rows in found.items():
        if rows and part != "means":
            keys = [key for key in next(iter(rows.values())) if key not in ("photos", "of each")]
            found["means"][part] = {
                key: mean_over_sources([_first(row[key]) for row in rows.values()]) for key in keys
            }
    return found


def tell_apart(originals: Answers, recaptures: Answers) -> dict:
    both = originals.suggestions + recaptures.suggestions
    return {
        "photos": [len(originals.scores), len(recaptures.scores)],
        "AUC": auc(originals.scores, recaptures.scores),
        "EER": equal_error_rate(originals.scores, recaptures.scores),
        "recall": recaptures.share("false"),
        "missed": recaptures.share("true"),
        "false positives": originals.share("false"),
        "uncertain": wilson(both.count("uncertainty"), len(both)),
        "of each": {  # uncertain
            "originals": originals.share("uncertainty"),
            "recaptures": recaptures.share("uncertainty"),
        },
    }


def of_originals(answers: Answers) -> dict:
    return {
        "photos": [len(answers.scores)],
        "false positives": answers.share("false"),
        "uncertain": answers.share("uncertainty"),
    }


def _first(value: float | Interval) -> float:
    return value[0] if isinstance(value, list) else value


def shortcuts(answers: dict[str, dict[str, Answers]], kind: str) -> dict:
    """AUC of every source by the outside of its files alone, as collected and after the tail."""
    both = {name: classes for name, classes in answers.items() if {"original", kind} <= classes.keys()}
    if len(both) < 2:
        return {}
    found = {}
    for turn, when in enumerate(("as collected", "after the tail")):
        parts = [(name, of, both[name][of].files[turn]) for name in both for of in ("original", kind)]
        features = np.log(np.concatenate([files for *_, files in parts]))
        labels = np.concatenate([np.full(len(files), of == kind) for _, of, files in parts])
        groups = np.concatenate([np.full(len(files), name) for name, _, files in parts])
        each = without_each(features, labels, groups)
        found[when] = {"mean": mean_over_sources(list(each.values())), "sources": each}
    return found


def print_figures(tail: str, found: dict) -> None:
    titles = {"screen": "screens", "print": "prints", "originals": "originals alone"}
    for part in (*KINDS, "originals", "confounders"):
        rows = found[part]
        if not rows:
            continue
        keys = list(found["means"][part])
        print(f"\n{titles.get(part, part)}, {tail}")
        print(f"  {'':18s} {'photos':>9s}  " + "".join(f"{key:21s}" for key in keys))
        for name, row in rows.items():
            photos = "+".join(map(str, row["photos"]))
            print(f"  {name:18s} {photos:>9s}  " + "".join(_cell(key, row[key]) for key in keys).rstrip())
        means = found["means"][part]
        print(
            f"  {f'mean of {len(rows)}':18s} {'':9s}  "
            + "".join(_cell(key, means[key]) for key in keys).rstrip()
        )


def _cell(key: str, value: float | Interval) -> str:
    """Shares in percent, AUC as it is."""
    scale, digits = (1, 3) if key == "AUC" else (100, 1)
    if not isinstance(value, list):
        return f"{scale * value:.{digits}f}".ljust(21)
    middle, low, high = (f"{scale * v:.{digits}f}" for v in value)
    return f"{middle} ({low}-{high})".ljust(21)


def print_shortcuts(found: dict) -> None:
    for kind, figures in found.items():
        for when, one in figures.items():
            print(f"  {kind}s told by size and bytes per pixel, {when}: AUC {_cell('AUC', one['mean'])}")


if __name__ == "__main__":
    main()
