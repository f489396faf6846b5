"""How long detection takes, beside the same network in other runtimes, in turn in one process.

    pip install onnx onnxruntime openvino
    python benchmarks/detection_speed.py --photo 12mp.jpg --threads 2 --out detection_speed.json

Rows: from the JPEG file to the boxes; batches of 1 and of 8 from the network's input to the boxes, with what
is kept of the answers (decoding, thresholds, suppression) included; the network alone; and that selection
alone. The peers run the very same fused network, get the photo by Pillow's fastest decode, and select by
torch and torchvision. Without --photo a 12 MP one is made from the pictures of the tests. With --device cuda
ours alone, in batches.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from peers import in_turn, runtimes
from preprocess import machine
from tagging_speed import PICTURES, made_photo, pillow_input, print_rows

import irs_engine as irs
from irs_engine.device import choose_device, wants_bf16
from irs_engine.image import read_rgb
from irs_engine.vision.detector import SIDE, WEIGHTS, Detector, select, select_with_torch
from irs_engine.vision.nets.detector_net import build_detector_net, grid
from irs_engine.vision.nets.layers import fuse
from irs_engine.weights import load_weights

THRESHOLD = 0.3
Network = Callable[[np.ndarray], list]  # (N, 3, SIDE, SIDE) to logits of classes and of sides


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, help="a JPEG file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        photo = arguments.photo or made_photo(Path(folder))
        if choose_device(arguments.device).type == "cuda":
            rows = on_cuda(arguments.device, arguments.runs)
        else:
            rows = compare(photo, arguments.threads, arguments.runs)
    print_rows(rows)
    if arguments.out:
        about = {"version": irs.__version__, "machine": machine(), "threads": arguments.threads}
        arguments.out.write_text(json.dumps(about | {"rows": rows}, indent=1))


def compare(photo: Path, threads: int, runs: int) -> dict[str, dict[str, dict[str, float]]]:
    engines = {
        f"irs_engine {precision}": irs.Engine(device="cpu", threads=threads, precision=precision)
        for precision in (("fp32", "bf16") if wants_bf16("auto", "cpu") else ("fp32",))
    }
    ours = {name: engine.load_detector() for name, engine in engines.items()}
    x = pillow_input(photo, (1, 3, SIDE, SIDE))
    whole: dict[str, Callable[[], object]] = {
        name: lambda engine=engine: engine.detect_objects(photo, threshold=100 * THRESHOLD)
        for name, engine in engines.items()
    }
    others = peers(x, threads)
    whole |= {
        name: lambda run=run: by_torch(run(pillow_input(photo, x.shape))) for name, run in others.items()
    }
    rows = {"file to boxes": in_turn(whole, runs)}
    for size in (1, 8):
        batch = np.repeat(x, size, 0)
        some = others if size == 1 else peers(batch, threads)
        work: dict[str, Callable[[], object]] = {
            name: lambda detector=detector, batch=batch: detector.run(batch, THRESHOLD)
            for name, detector in ours.items()
        }
        work |= {name: lambda run=run, batch=batch: by_torch(run(batch)) for name, run in some.items()}
        rows[f"input to boxes, batch {size}"] = in_turn(work, runs)
    alone: dict[str, Callable[[], object]] = {
        name: lambda detector=detector: network(detector, x) for name, detector in ours.items()
    }
    alone |= {name: lambda run=run: run(x) for name, run in others.items()}
    rows["network alone"] = in_turn(alone, runs)
    logits, sides = (answer[0] for answer in others["torch eager"](x))
    rows["selection alone"] = in_turn(
        {
            "irs_engine": lambda: select(logits, sides, places(), THRESHOLD),
            "torchvision": lambda: by_torch([logits[None], sides[None]]),
        },
        runs,
    )
    return rows


def network(detector: Detector, x: np.ndarray) -> list:
    with torch.inference_mode():
        return list(detector.net(torch.from_numpy(x).to(detector.dtype, memory_format=torch.channels_last)))


def peers(x: np.ndarray, threads: int) -> dict[str, Network]:
    net = fuse(build_detector_net(load_weights(WEIGHTS)))

    def eager(a: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            return [answer.numpy() for answer in net(torch.from_numpy(a))]

    found: dict[str, Network] = {"torch eager": eager}
    return found | runtimes(net, x, threads)


def places() -> np.ndarray:
    centres, strides = grid(SIDE, SIDE)
    return torch.cat([centres, strides[:, None]], 1).numpy()


def by_torch(answers: list) -> list[np.ndarray]:
    """What a careful user writes around a runtime: torch and torchvision select."""
    at = torch.from_numpy(places())
    logits, sides = (torch.from_numpy(np.asarray(answer)) for answer in answers)
    return [select_with_torch(*row, at, THRESHOLD) for row in zip(logits, sides, strict=True)]


def on_cuda(device: str, runs: int) -> dict[str, dict[str, dict[str, float]]]:
    detector = irs.Engine(device=device).load_detector()
    pixels = read_rgb(PICTURES / "cat.jpg").pixels
    return {
        f"batch {size}": in_turn(
            {"irs_engine": lambda size=size: detector.boxes([pixels] * size, THRESHOLD)}, runs
        )
        for size in (1, 8, 64)
    }


if __name__ == "__main__":
    main()
