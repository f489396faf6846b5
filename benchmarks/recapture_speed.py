"""How long recapture detection takes, and its network beside other runtimes, in turn in one process.

    pip install onnx onnxruntime openvino
    python benchmarks/recapture_speed.py --photo 12mp.jpg --threads 2 --out recapture_speed.json

Three tables: from the bytes of a JPEG to the result; its parts (decoding, looking for barcodes, choosing and
cutting the crops, the tagger's features of the whole photo); and the network on the crops, from uint8 to
probabilities. Its Fourier transform, log-polar sampling and medians do not go into an ONNX file. So for the
peers torch computes what the convolutions are fed with, by the very code that ours runs, and that time is
theirs as it is ours; "before the convolutions" says how long it takes. The peers get the same fused network;
OpenVINO and onnxruntime are left out where they are not installed. What is found does not matter here:
without --weights, and where none are installed, the numbers of the network are random.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from peers import in_turn, runtimes
from preprocess import machine
from safetensors.torch import save_file
from tagging_speed import made_photo, print_rows
from torch import Tensor, nn

import irs_engine as irs
from irs_engine.device import wants_bf16
from irs_engine.image import read_rgb
from irs_engine.vision.nets.layers import fuse
from irs_engine.vision.nets.recapture_net import (
    ANGLES,
    RINGS,
    SIDE,
    RecaptureNet,
    build_recapture_net,
    summed_up,
    to_luma_chroma,
)
from irs_engine.vision.recapture import WEIGHTS, RecaptureDetector, find_barcodes
from irs_engine.vision.recapture_crops import choose_crops, cut
from irs_engine.weights import load_weights


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, help="a JPEG file; without it one of 12 MP is made")
    parser.add_argument("--weights", type=Path, help="a .safetensors file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--device", default="cpu", help="cuda: without peers")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        weights = arguments.weights or shipped_or_random(Path(folder))
        photo = (arguments.photo or made_photo(Path(folder))).read_bytes()
        engines = {
            f"irs_engine {precision}": irs.Engine(
                device=arguments.device, threads=arguments.threads, precision=precision, weights=weights
            )
            for precision in (("fp32", "bf16") if wants_bf16("auto", arguments.device) else ("fp32",))
        }
        rows = compare(photo, engines, weights, arguments.threads, arguments.runs)
    print_rows(rows)
    size = read_rgb(photo).size
    found = {"photo": f"{size[0]} x {size[1]}, {len(photo)} bytes", "machine": machine(), "rows": rows}
    if arguments.out:
        arguments.out.write_text(json.dumps(found | {"threads": arguments.threads}, indent=1))


def shipped_or_random(folder: Path) -> Path | None:
    try:
        load_weights(WEIGHTS)
    except irs.WeightsNotFound:
        torch.manual_seed(0)
        path = folder / f"{WEIGHTS}.safetensors"
        save_file({name: value.contiguous() for name, value in RecaptureNet().state_dict().items()}, path)
        print("no weights are installed: random ones")
        return path
    return None


def compare(
    photo: bytes, engines: dict[str, irs.Engine], weights: Path | None, threads: int, runs: int
) -> dict:
    detectors = {name: engine.load_recapture_detector() for name, engine in engines.items()}
    pixels = read_rgb(photo).pixels
    barcodes = find_barcodes(pixels)
    windows = choose_crops(pixels, near=barcodes)
    crops = cut(pixels, windows)
    whole = {name: lambda engine=engine: engine.detect_recapture(photo) for name, engine in engines.items()}
    parts: dict[str, Callable[[], object]] = {
        "irs_engine decode": lambda: read_rgb(photo),
        "look for barcodes": lambda: find_barcodes(pixels),
        "choose and cut": lambda: cut(pixels, choose_crops(pixels, near=barcodes)),
    }
    networks: dict[str, Callable[[], object]] = {
        name: lambda detector=detector: detector.probabilities(crops) for name, detector in detectors.items()
    }
    first = next(iter(detectors.values()))
    if context := first.context:
        parts["the whole photo"] = lambda: context.logits(pixels)
    if first.device.type == "cpu":
        networks |= peers(crops, first, weights, threads)
    rows = {
        "file to result": in_turn(whole, runs),
        f"network on {len(crops)} crops": in_turn(networks, runs),
    }
    return rows | {"parts of it (ratios to decoding)": in_turn(parts, runs)}


def peers(
    crops: np.ndarray, ours: RecaptureDetector, weights: Path | None, threads: int
) -> dict[str, Callable[[], object]]:
    """The same network elsewhere: from crops to probabilities, calibrated as ours."""
    net = fuse(build_recapture_net(load_weights(WEIGHTS, weights)))
    rest = Convolutions(net)

    def eager(x: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            return [value.numpy() for value in rest(torch.from_numpy(x))]

    x = prepared(net, crops)
    contenders = {"torch eager": eager} | runtimes(rest, x, threads)
    expected = ours.probabilities(crops)[0]

    def answers(run: Callable) -> np.ndarray:
        scale, shift = ours.calibration
        logits = scale * np.concatenate(run(prepared(net, crops)))
        logits[:, 0] -= shift
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)

    for name, run in contenders.items():
        off = float(np.abs(answers(run)[0] - expected).max())
        if off > 0.05:
            print(f"{name}: its answer is {off:.2f} off")
    found: dict[str, Callable[[], object]] = {
        name: lambda run=run: answers(run) for name, run in contenders.items()
    }
    return found | {"before the convolutions": lambda: prepared(net, crops)}


class Convolutions(nn.Module):
    """The network from its planes and rings on, which come flattened into one array, as `runtimes` asks."""

    def __init__(self, net: RecaptureNet):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        net, pixels = self.net, 3 * SIDE * SIDE
        planes, rings = x[:, :pixels].view(-1, 3, SIDE, SIDE), x[:, pixels:].view(-1, 6, RINGS, ANGLES)
        both = torch.cat([net.pixels(planes), summed_up(net.spectrum.layers(rings))], 1)
        features = F.hardswish(net.join(both))
        return net.classes(net.joined(features[None])), net.classes(features)


@torch.inference_mode()
def prepared(net: RecaptureNet, crops: np.ndarray) -> np.ndarray:
    planes = to_luma_chroma(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255)
    return torch.cat([planes.flatten(1), net.spectrum.rings(planes).flatten(1)], 1).numpy()


if __name__ == "__main__":
    main()
