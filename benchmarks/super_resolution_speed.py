"""How long super resolution takes, beside the same networks in other runtimes, in turn in one process.

    pip install onnx onnxruntime openvino ncnn
    python benchmarks/super_resolution_speed.py --threads 2 --out super_resolution_speed.json

The networks alone, luma to luma: ESPCN x3 from 1280 x 720, SRCNN x3 to 1280 x 720. The peers run the plain
layers with zero padding, the fastest form for them; SRCNN's peers are given the enlarged plane, ours makes
it. Weights are random: speed does not depend on them. GFLOP/s count the products of the plain layers;
beside them stands their share of what a large matrix product of torch reaches here in the same precision,
which Winograd exceeds with fewer products, and tiles by staying in cache. Then a picture, RGB to RGB. With
`--memory` nothing but the memory that a picture of 100 MP takes, beyond itself and its result.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from peers import in_turn, ncnn_runtime, runtimes
from safetensors.torch import save_file
from torch import nn

import irs_engine
from irs_engine import _native
from irs_engine.enhance.nets import NETWORKS
from irs_engine.enhance.super_resolution import SuperResolver

SCALE = 3
MULTIPLY_ADDS = {"ESPCN": 22_624, "SRCNN": 57_184}  # of a pixel that the first layer sees


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--memory", choices=list(NETWORKS), help="measure the memory of this network")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.memory:
        print(f"{arguments.memory}: {memory(arguments.memory):.0f} MB")
        return
    size, threads = (arguments.height, arguments.width), arguments.threads
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _native.set_num_threads(threads)
    torch.manual_seed(0)
    peaks = {precision: peak(precision) for precision in precisions()}
    found: dict = {"peaks, GFLOP/s": peaks}
    found |= {"version": irs_engine.__version__, "cpu": platform.processor(), "threads": threads}
    with tempfile.TemporaryDirectory() as folder:
        for model in NETWORKS:
            contenders = ours(model, size, Path(folder)) | peers(model, size, threads)
            found[model] = in_turn(contenders, arguments.runs)
            rate(found[model], MULTIPLY_ADDS[model] * size[0] * size[1], peaks)
            print_rows(model, found[model])
        found["picture"] = in_turn(pictures(size, Path(folder)), arguments.runs)
        print_rows("RGB picture", found["picture"])
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def peak(precision: str) -> float:
    """GFLOP/s of a large matrix product, the best of several."""
    a = torch.rand(2048, 2048, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    return 2e-6 * 2048**3 / in_turn({"product": lambda: a @ a}, 8)["product"]["min"]


def rate(rows: dict[str, dict[str, float]], multiply_adds: int, peaks: dict[str, float]) -> None:
    """Add GFLOP/s and their share of the peak to the times of each contender."""
    for name, times in rows.items():
        times["GFLOP/s"] = 2e-6 * multiply_adds / times["min"]
        times["share"] = times["GFLOP/s"] / peaks.get("bf16" if "bf16" in name else "fp32", float("nan"))


def precisions() -> list[str]:
    return ["fp32", "bf16"] if _native.has_bf16() else ["fp32"]


def ours(model: str, size: tuple[int, int], folder: Path) -> dict[str, Callable[[], object]]:
    save_file(NETWORKS[model](SCALE).state_dict(), folder / f"{model.lower()}_x{SCALE}.safetensors")
    height, width = size if model == "ESPCN" else (size[0] // SCALE, size[1] // SCALE)
    luma = np.random.default_rng(0).random((height, width), np.float32)
    found = {}
    for precision in precisions():
        network = SuperResolver(model, SCALE, "cpu", precision, folder).network
        out = np.empty((height * SCALE, width * SCALE), np.float32)
        found[f"irs_engine {precision}"] = lambda network=network, out=out: network.run(luma, out, 0)
    return found


def pictures(size: tuple[int, int], folder: Path) -> dict[str, Callable[[], object]]:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = {}
    for model in NETWORKS:
        for precision in precisions():
            resolver = SuperResolver(model, SCALE, "cpu", precision, folder)
            found[f"{model} {precision}"] = lambda resolver=resolver: resolver.enlarge(pixels)
    return found


def memory(model: str) -> float:
    """MB at the peak that are neither the picture of 100 MP nor its enlargement."""

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    resolver = SuperResolver(model, SCALE)
    resolver.enlarge(np.zeros((64, 64, 3), np.uint8))
    picture = np.random.default_rng(0).integers(0, 256, (8660, 11547, 3), np.uint8)
    before = peak()
    enlarged, _ = resolver.enlarge(picture)
    return peak() - before - enlarged.nbytes / 2**20


def plain(model: str) -> nn.Module:
    """The layers with zero padding."""
    if model == "ESPCN":
        layers = [nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(), nn.Conv2d(64, 32, 3, padding=1), nn.Tanh()]
        return nn.Sequential(*layers, nn.Conv2d(32, SCALE**2, 3, padding=1), nn.PixelShuffle(SCALE)).eval()
    layers = [nn.Conv2d(1, 64, 9, padding=4), nn.ReLU(), nn.Conv2d(64, 32, 5, padding=2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(32, 1, 5, padding=2)).eval()


def peers(model: str, size: tuple[int, int], threads: int) -> dict[str, Callable[[], object]]:
    net, x = plain(model), np.random.default_rng(0).random((1, 1, *size), np.float32)
    tensor = torch.from_numpy(x).to(memory_format=torch.channels_last)
    fast = plain(model).to(memory_format=torch.channels_last)

    def eager() -> object:
        with torch.inference_mode():
            return fast(tensor)

    found: dict[str, Callable[[], object]] = {"torch eager": eager}
    for name, run in runtimes(net, x, threads).items():
        found[name] = lambda run=run: run(x)
    if run := ncnn_runtime(net, threads):
        found["ncnn"] = lambda: run(x[0])
    return found


def print_rows(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{title:22s} {'min':>8s} {'median':>8s}  ms")
    for name, times in rows.items():
        rate = f"   {times['GFLOP/s']:7.0f} GFLOP/s  {times['share']:4.0%}" if "share" in times else ""
        print(f"  {name:20s} {times['min']:8.1f} {times['median']:8.1f}{rate}")


if __name__ == "__main__":
    main()
