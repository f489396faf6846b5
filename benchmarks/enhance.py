"""How good dark enhance and defog are, beside short forms of published methods, with pictures to compare.

    python benchmarks/enhance.py --dark-pairs low normal --dark dark --haze-pairs hazy clear --haze haze \\
        --clean photos --sheets sheets --out enhance.json

Each part is optional; ours are the last rows of a table. Its groups of columns:

- pairs: PSNR over the three channels, SSIM of luma and the mean CIEDE2000 against the truth, and the worst
  gain of PSNR over doing nothing. Below, PSNR and SSIM by the first part of the file names.
- synthetic: the same on pairs made from the photos of --clean, see `enhance_pairs.py`.
- unpaired: what a method did to photos without truth, and whether it does so again for half the size, for a
  part of the photo and for the next frame, see `enhance_metrics.py`.
- clean: PSNR against the input, the mean and the worst, of the photos of --clean, which need nothing.

Then dark enhance over `brightness`, on pairs. With --sheets a contact sheet for each group: the input, the
two baselines of the best PSNR, ours and the truth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from enhance_baselines import DARK, HAZE, Method
from enhance_metrics import against_input, against_truth, psnr, stability
from enhance_pairs import Pair, Photo, all_photos, clean_photos, darkened, hazed, paired_photos
from PIL import Image, ImageDraw, ImageOps
from preprocess import machine

import irs_engine as irs

BASELINES = {"dark": DARK, "haze": HAZE}
BRIGHTNESS = (0, 0.25, 0.5, 0.75, 0.9, 1)
SHOWN, CAPTION, GAP = (360, 240), 16, 4  # pixels of a contact sheet: a picture, the line of its name

Figures = dict[str, float]  # what could not be judged is left out
Judge = Callable[[Method, np.ndarray, np.ndarray, np.ndarray], Figures]  # of method, input, truth, result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for task, folders in {"dark": ("LOW", "NORMAL"), "haze": ("HAZY", "CLEAR")}.items():
        parser.add_argument(f"--{task}-pairs", type=Path, nargs=2, metavar=folders, help="same file names")
        parser.add_argument(f"--{task}", type=Path, metavar="DIR", help="photos without truth")
    parser.add_argument("--clean", type=Path, metavar="DIR", help="photos; the well exposed ones are used")
    parser.add_argument("--most", type=int, default=24, help="at most so many of them")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="write contact sheets here")
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    found: dict = {"machine": machine()}
    for task, baselines in BASELINES.items():
        parts = list(sets(task, arguments))
        if not parts:
            continue
        methods = baselines | ours(task)
        results = {title: run(methods, samples, judge) for title, samples, judge in parts}
        print_table(task, results)
        if "pairs" in results:
            print_groups(results["pairs"])
        found[task] = {title: {"mean": r.means(), "pictures": r.figures} for title, r in results.items()}
        if task == "dark":
            found[task]["brightness"] = sweep(arguments)
        if arguments.sheets:
            arguments.sheets.mkdir(parents=True, exist_ok=True)
            columns = ["input", *best_two(task, results), *ours(task), "truth"]
            for title, result in results.items():
                sheet(result.tiles, columns).save(arguments.sheets / f"{task}_{title}.png")
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


def ours(task: str) -> dict[str, Method]:
    if task == "dark":
        return {"dark_enhance": irs.dark_enhance}
    return {
        "defog, gamma 1, not natural": partial(irs.defog, gamma=1, natural_look=False),
        "defog, not natural": partial(irs.defog, natural_look=False),
        "defog, gamma 1": partial(irs.defog, gamma=1),
        "defog": irs.defog,
    }


def sets(task: str, arguments: argparse.Namespace) -> Iterator[tuple[str, Iterable[Pair], Judge]]:
    """(title, pictures, how to judge them) of what was asked for; without truth the input stands for it."""
    if folders := getattr(arguments, f"{task}_pairs"):
        yield "pairs", paired_photos(*folders), by_truth
    if arguments.clean:
        damaged = darkened if task == "dark" else hazed
        yield "synthetic", damaged(clean_photos(arguments.clean, arguments.most)), by_truth
    if folder := getattr(arguments, task):
        yield "unpaired", alone(all_photos(folder)), by_input
    if arguments.clean:
        yield "clean", alone(clean_photos(arguments.clean, arguments.most)), by_change


def alone(photos: Iterable[Photo]) -> Iterator[Pair]:
    for name, photo in photos:
        yield name, photo, photo


def by_truth(method: Method, given: np.ndarray, truth: np.ndarray, found: np.ndarray) -> Figures:
    figures = against_truth(found, truth)
    return figures | {"worst": figures["PSNR"] - psnr(given, truth)}


def by_input(method: Method, given: np.ndarray, truth: np.ndarray, found: np.ndarray) -> Figures:
    return against_input(found, given) | stability(method, given, found)


def by_change(method: Method, given: np.ndarray, truth: np.ndarray, found: np.ndarray) -> Figures:
    change = psnr(found, given)
    return {"PSNR": change, "worst": change}


def by_level(method: Method, given: np.ndarray, truth: np.ndarray, found: np.ndarray) -> Figures:
    return {"level": float(found.mean()), "PSNR": psnr(found, truth)}


@dataclass
class Result:
    """What some methods made of a set of pictures."""

    figures: dict[str, dict[str, Figures]]  # method -> picture
    tiles: dict[str, dict[str, Image.Image]]  # picture -> column of the contact sheet

    def means(self, beginning: str = "") -> dict[str, Figures]:
        """By method, over the pictures whose names begin so; of what is called worst the least."""
        found: dict[str, Figures] = {}
        for method, pictures in self.figures.items():
            rows = [row for name, row in pictures.items() if name.startswith(beginning)]
            found[method] = {}
            for key in {key: None for row in rows for key in row}:
                values = [row[key] for row in rows if key in row]
                found[method][key] = float(min(values) if key == "worst" else np.mean(values))
        return found


def run(methods: dict[str, Method], samples: Iterable[Pair], judge: Judge) -> Result:
    result = Result({name: {} for name in methods}, {})
    for picture, given, truth in samples:
        tiles = result.tiles[picture] = {"input": tile(given)}
        for name, method in methods.items():
            found = method(given)
            figures = judge(method, given, truth, found)
            result.figures[name][picture] = {
                key: round(value, 4) for key, value in figures.items() if not np.isnan(value)
            }
            tiles[name] = tile(found)
        if truth is not given:
            tiles["truth"] = tile(truth)
    return result


def print_table(task: str, results: dict[str, Result]) -> None:
    """A row for each method, a group of columns for each set of pictures."""
    groups = {f"{title} ({len(result.tiles)})": result.means() for title, result in results.items()}
    columns = {title: next(iter(means.values())).keys() for title, means in groups.items()}
    print(f"\n{task:28s}" + "".join(f" | {title:{9 * len(columns[title]) - 1}s}" for title in groups))
    print(" " * 28 + "".join(" | " + " ".join(f"{key:>8s}" for key in keys) for keys in columns.values()))
    for method in next(iter(groups.values())):
        cells = (
            " ".join(cell(means[method].get(key)) for key in columns[title])
            for title, means in groups.items()
        )
        print(f"{method:28s}" + "".join(f" | {part}" for part in cells))


def cell(value: float | None) -> str:
    return f"{'-' if value is None else f'{value:.3f}' if abs(value) < 1 else f'{value:.2f}':>8s}"


def print_groups(pairs: Result) -> None:
    """PSNR / SSIM by what the file names begin with, up to the first underscore."""
    groups = dict.fromkeys(name.partition("_")[0] for name in pairs.tiles)
    means = {group: pairs.means(group) for group in groups}
    print(f"\n{'PSNR / SSIM':28s}" + "".join(f"   {group:>13s}" for group in groups))
    for method in pairs.figures:
        cells = (
            f"{row['PSNR']:6.2f} / {row['SSIM']:.3f}" for row in (means[group][method] for group in groups)
        )
        print(f"{method:28s}" + "".join(f"   {part:>13s}" for part in cells))


def sweep(arguments: argparse.Namespace) -> dict[str, Figures]:
    """Mean level and PSNR of dark enhance over brightness, on the first pairs that there are."""
    samples = next((samples for _, samples, judge in sets("dark", arguments) if judge is by_truth), None)
    if samples is None:
        return {}
    methods: dict[str, Method] = {
        f"{value:g}": partial(irs.dark_enhance, brightness=value) for value in BRIGHTNESS
    }
    found = run(methods, samples, by_level).means()
    print("\nbrightness: mean level, PSNR")
    for name, row in found.items():
        print(f"{name:>10s}: {row['level']:6.1f}, {row['PSNR']:.2f}")
    return found


def best_two(task: str, results: dict[str, Result]) -> list[str]:
    """The baselines of the best PSNR on the first pairs that there are, else the first two that act."""
    names = list(BASELINES[task])[1:]
    for title in ("pairs", "synthetic"):
        if title in results:
            means = results[title].means()
            return sorted(names, key=lambda name: -means[name]["PSNR"])[:2]
    return names[:2]


def tile(image: np.ndarray) -> Image.Image:
    return ImageOps.contain(Image.fromarray(image), SHOWN)


def sheet(tiles: dict[str, dict[str, Image.Image]], columns: list[str]) -> Image.Image:
    """A row for each picture; above each tile what it is, above the input the name of the file."""
    columns = [column for column in columns if column in next(iter(tiles.values()))]
    width, height = SHOWN[0] + GAP, SHOWN[1] + CAPTION + GAP
    paper = Image.new("RGB", (len(columns) * width, len(tiles) * height), "white")
    draw = ImageDraw.Draw(paper)
    for row, (picture, shown) in enumerate(tiles.items()):
        for column, name in enumerate(columns):
            left, top = column * width, row * height
            draw.text((left, top), picture if name == "input" else name, fill="black")
            paper.paste(shown[name], (left, top + CAPTION))
    return paper


if __name__ == "__main__":
    main()
