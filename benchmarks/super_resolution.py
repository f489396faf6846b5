"""PSNR and SSIM of the super-resolution networks by the protocol of their papers, beside bicubic.

    python benchmarks/super_resolution.py --sets Set5=photos/Set5 Set14=photos/Set14 --out figures.json

For each picture: cut to a multiple of the scale, luma in whole numbers (a grey file is taken as it is),
shrunk by antialiased bicubic as MATLAB does, enlarged, rounded, `scale` pixels shaved off each side. PSNR,
and SSIM with an 11 x 11 Gaussian of 1.5 over the valid part; the figure of a set is the mean over its
pictures. The bicubic row must be the published one to 0.01 dB, else nothing else counts.

With `--jpeg 30 60 90` the low resolution goes through JPEG files of such qualities, for bicubic, the plain
weights and those that repair. With `--sheets FOLDER` the midst of each picture is shown, a row for a picture:
each method in the order of the table, and the truth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch

import irs_engine
from irs_engine.enhance.bicubic import imresize
from irs_engine.enhance.super_resolution import SuperResolver
from irs_engine.errors import WeightsNotFound
from irs_engine.train.super_resolution import compressed

PUBLISHED = {  # Set5 and Set14, x3 and x4: bicubic, and the papers with their largest training sets
    ("bicubic", "Set5", 3): 30.39,
    ("bicubic", "Set5", 4): 28.42,
    ("bicubic", "Set14", 3): 27.54,
    ("bicubic", "Set14", 4): 26.00,
    ("SRCNN", "Set5", 3): 32.75,
    ("SRCNN", "Set5", 4): 30.49,
    ("SRCNN", "Set14", 3): 29.30,
    ("SRCNN", "Set14", 4): 27.50,
    ("ESPCN", "Set5", 3): 33.13,
    ("ESPCN", "Set5", 4): 30.90,
    ("ESPCN", "Set14", 3): 29.49,
    ("ESPCN", "Set14", 4): 27.73,
}
SHOWN = 160
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", required=True, metavar="set=folder")
    parser.add_argument(
        "--weights", type=Path, help="folder with weights to judge instead of the shipped ones"
    )
    parser.add_argument("--precision", default="fp32", help="fp32, bf16 or auto")
    parser.add_argument("--sheets", type=Path, help="write pictures to compare to this folder")
    parser.add_argument("--jpeg", type=int, nargs="+", default=[], help="qualities of low resolution")
    parser.add_argument("--out", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    rows: list[dict] = []
    sheets: dict[str, list[np.ndarray]] = {}  # columns
    for item in arguments.sets:
        name, folder = item.split("=", 1)
        files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in SUFFIXES)
        for scale in (3, 4):
            for quality, method, repair in contenders(arguments.jpeg):
                net = None
                if method != "bicubic":
                    try:
                        net = SuperResolver(
                            method, scale, "cpu", arguments.precision, arguments.weights, repair
                        )
                    except WeightsNotFound as error:
                        print(f"{method} x{scale}: {error}")
                        continue
                paper = None if quality else PUBLISHED.get((method, name, scale))
                row = {"set": name, "scale": scale, "method": method, "jpeg": quality, "repair": repair}
                pairs = enlarged(files, net, scale, quality)
                rows.append({**row, "paper": paper, **judge(pairs)})
                print_row(rows[-1])
                title = f"{name}_x{scale}{f'_jpeg{quality}' if quality else ''}"
                shown = [np.vstack([midst(luma) for luma in column]) for column in zip(*pairs, strict=True)]
                sheets[title] = [*sheets.get(title, [])[:-1], *shown]  # the truth stays last
    if arguments.sheets:
        arguments.sheets.mkdir(parents=True, exist_ok=True)
        for title, columns in sheets.items():
            cv2.imwrite(str(arguments.sheets / f"{title}.png"), np.hstack(columns))
    if arguments.out:
        found = {"version": irs_engine.__version__, "precision": arguments.precision, "rows": rows}
        arguments.out.write_text(json.dumps(found, indent=1))


def contenders(qualities: list[int]) -> Iterator[tuple[int | None, str, bool]]:
    """(JPEG quality of the low resolution or None, method, whether it repairs)."""
    for quality in (None, *qualities):
        for method in ("bicubic", "SRCNN", "ESPCN"):
            yield quality, method, False
            if quality and method != "bicubic":
                yield quality, method, True


def enlarged(
    files: list[Path], net: SuperResolver | None, scale: int, quality: int | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What the network, or bicubic, makes of each picture, and the truth, both shaved."""
    pairs = []
    for path in files:
        high = read_luma(path)
        high = high[: len(high) // scale * scale, : high.shape[1] // scale * scale]
        low = imresize(torch.from_numpy(high), Fraction(1, scale))
        if quality:
            low = compressed(low, quality)
        found = imresize(low, scale).numpy() if net is None else net.luma(low.numpy() / 255) * 255.0
        found = np.clip(np.floor(found + 0.5), 0, 255)[scale:-scale, scale:-scale]
        pairs.append((found, high[scale:-scale, scale:-scale]))
    return pairs


def judge(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """Mean figures over the pictures."""
    mean = np.mean([(psnr(*pair), ssim(*pair)) for pair in pairs], axis=0)
    return {"psnr": round(float(mean[0]), 3), "ssim": round(float(mean[1]), 4), "pictures": len(pairs)}


def midst(luma: np.ndarray) -> np.ndarray:
    """Its central square of SHOWN pixels, less where there are fewer, luma at full range."""
    padded = np.zeros((SHOWN, SHOWN))
    top, left = (max(0, (side - SHOWN) // 2) for side in luma.shape)
    crop = luma[top : top + SHOWN, left : left + SHOWN]
    padded[: crop.shape[0], : crop.shape[1]] = np.clip((crop - 16) * 255 / 219, 0, 255)
    return padded.astype(np.uint8)


def read_luma(path: Path) -> np.ndarray:
    """(H, W) float64 in whole numbers: BT.601 in studio range as MATLAB's rgb2ycbcr; a grey file as it is."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise SystemExit(f"{path}: not a readable picture")
    if pixels.ndim == 2:
        return pixels.astype(np.float64)
    blue, green, red = (pixels[..., c].astype(np.float64) for c in range(3))
    return np.floor(16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255 + 0.5)


def psnr(found: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((found - truth) ** 2)))


def ssim(found: np.ndarray, truth: np.ndarray) -> float:
    """Wang et al. 2004: 11 x 11 Gaussian of 1.5, K1 = 0.01, K2 = 0.03, L = 255."""

    def local(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)[5:-5, 5:-5]

    a, b = local(found), local(truth)
    var_a, var_b = local(found * found) - a * a, local(truth * truth) - b * b
    both = local(found * truth) - a * b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * a * b + c1) * (2 * both + c2) / ((a * a + b * b + c1) * (var_a + var_b + c2))
    return float(values.mean())


def print_row(row: dict) -> None:
    paper = f"   paper {row['paper']:.2f} ({row['psnr'] - row['paper']:+.2f})" if row["paper"] else ""
    jpeg = f" JPEG {row['jpeg']}" if row["jpeg"] else ""
    method = f"{row['method']}{' + repair' if row['repair'] else ''}"
    print(f"{row['set']:8s} x{row['scale']}{jpeg} {method:17s} {row['psnr']:.2f} / {row['ssim']:.4f}{paper}")


if __name__ == "__main__":
    main()
