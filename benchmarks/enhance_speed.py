"""How long dark enhance and defog take, beside OpenCV pipelines and a plain copy, in turn in one process.

    python benchmarks/enhance_speed.py --threads 1 2 --megapixels 1 4 12 --out enhance_speed.json

RGB bytes to RGB bytes. Dark enhance gets the same picture in little light, as it gives well-lit ones back
unchanged. Two kinds of peers: the same algorithm written with OpenCV calls, and what people use
for the task. The copy of the picture into an array that is there already is the floor of anything that
reads and writes it once; beside it stand ours into such an array, as fresh memory for a result can cost more
than the work. Ratios are of medians, to ours. With `--ours` only these. With `--memory` nothing but the peak
memory that a picture of 12 MP takes beyond itself and its result, as a share of the picture.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from enhance_baselines import clahe, dark_channel_prior, lime
from enhance_in_opencv import dark_enhance_in_opencv, defog_in_opencv
from peers import in_turn
from preprocess import machine, made_photo

import irs_engine as irs
from irs_engine import _native
from irs_engine.enhance.defog import MOST_CONTRAST, NATURAL, OnNative

OPERATORS = ("dark_enhance", "defog")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12])
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--ours", action="store_true", help="leave the peers out")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of time")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found: dict = {"machine": machine()}
    if arguments.memory:
        found["memory"] = {name: memory(name) for name in OPERATORS}
        for name, row in found["memory"].items():
            print(f"{name}: {row['MB']:.0f} MB, {row['share']:.2f} x the picture")
    else:
        found["rows"] = [
            compare(megapixels, threads, arguments.runs, arguments.ours)
            for threads in arguments.threads
            for megapixels in arguments.megapixels
        ]
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


def compare(megapixels: float, threads: int, runs: int, only_ours: bool) -> dict:
    """Times of all contenders on one picture; cv2 and ours get as many threads, numpy has one."""
    _native.set_num_threads(threads)
    cv2.setNumThreads(threads)
    photo = photo_of(megapixels)
    times = in_turn(ours(photo) if only_ours else ours(photo) | peers(photo), runs)
    print_rows(f"{megapixels:g} MP, threads: {threads}", times)
    return {"megapixels": megapixels, "threads": threads, "times": times}


def ours(photo: np.ndarray) -> dict[str, Callable[[], object]]:
    out, sight, dark = np.empty_like(photo), OnNative(None), darkened(photo)
    return {
        "dark_enhance": partial(irs.dark_enhance, dark),
        "dark_enhance, into an array": lambda: _native.dark_enhance(dark, out, 0.9),
        "defog": partial(irs.defog, photo),
        "defog, into an array": lambda: _native.defog(
            photo, sight.maps(photo), out, NATURAL, MOST_CONTRAST, 1.0
        ),
        "copy, into an array": lambda: np.copyto(out, photo),
    }


def peers(photo: np.ndarray) -> dict[str, Callable[[], object]]:
    out, table = np.empty_like(photo), (255 * (np.arange(256) / 255) ** 0.5).astype(np.uint8)
    dark = darkened(photo)
    return {
        "dark_enhance in OpenCV calls": partial(dark_enhance_in_opencv, dark),
        "LIME-style": partial(lime, dark),
        "gamma by LUT": partial(cv2.LUT, dark, table, out),
        "defog in OpenCV calls": partial(defog_in_opencv, photo),
        "dark channel + GF": partial(dark_channel_prior, photo),
        "CLAHE": partial(clahe, photo),
    }


def photo_of(megapixels: float) -> np.ndarray:
    """(H, W, 3), 4 : 3."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    return made_photo(height * 4 // 3, height)


def darkened(photo: np.ndarray) -> np.ndarray:
    """In little light: a twenty-fifth of it."""
    table = 255 * 0.04 ** (1 / 2.2) * np.arange(256) / 255
    return cv2.LUT(photo, table.round().astype(np.uint8))


def memory(operator: str) -> dict[str, float]:
    """MB at the peak beyond a picture of 12 MP and its result, and the share of the picture that they are."""
    # A fresh process, so that the peak is its own.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        beyond, picture = child.submit(peak_beyond, operator).result()
    return {"MB": beyond, "share": beyond / picture}


def peak_beyond(operator: str) -> tuple[float, float]:
    """MB beyond picture and result, and MB of the picture."""
    enhance = getattr(irs, operator)
    photo = np.random.default_rng(0).integers(0, 60, (3000, 4000, 3), np.uint8)  # dark, so that it is lifted
    enhance(photo[:64, :64])  # loads what it needs
    before = resident("VmRSS")
    result = enhance(photo)
    return resident("VmHWM") - before - result.nbytes / 2**20, photo.nbytes / 2**20


def resident(field: str) -> float:
    """MB: VmRSS now, VmHWM at the peak of this process (ru_maxrss would count its parent's, too)."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) / 1024


def print_rows(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{title:30s} {'median':>9s} {'min':>9s} ms" + "".join(f"   / {name:12s}" for name in OPERATORS))
    for name, times in rows.items():
        ratios = "".join(f" {times['median'] / rows[own]['median']:14.2f} x" for own in OPERATORS)
        print(f"  {name:28s} {times['median']:9.2f} {times['min']:9.2f}   {ratios}")


if __name__ == "__main__":
    main()
