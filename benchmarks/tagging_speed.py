"""How long tagging takes, beside the same network in other runtimes, in turn in one process.

Without a look for boxes, of which `detection_speed.py` tells.

    pip install onnx onnxruntime openvino
    python benchmarks/tagging_speed.py --photo 12mp.jpg --threads 2 --out tagging_speed.json

Rows: from the JPEG file to the tags (decoding, pre-processing, network, scoring), and the network alone. The
peers get the photo by Pillow's fastest decode (`draft`, then a resize of its own) and the very same fused
network; OpenVINO and onnxruntime are left out where they are not installed. Without --photo a 12 MP one is
made from the pictures of the tests. Then: the whole command from a cold start, and the peak memory above an
idle process with torch loaded.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from peers import in_turn, runtimes
from PIL import Image

import irs_engine as irs
from irs_engine.device import choose_device, wants_bf16
from irs_engine.image import read_rgb
from irs_engine.vision.tagger import Tagger, prepare

PICTURES = Path(__file__).parent.parent / "tests" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, help="a JPEG file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--device", default="cpu", help="cuda: batches of 1 and 64 instead")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = arguments.photo or made_photo(Path(folder))
        if choose_device(arguments.device).type == "cuda":
            found = {"batches": cuda_batches(arguments.device, arguments.runs)}
        else:
            found = compare(photo, arguments.threads, arguments.runs)
            found["command"] = cold_start(photo)
            found["memory"] = peak_memory(photo)
        found["machine"] = {"cpu": platform.processor() or platform.machine(), "threads": arguments.threads}
        found["photo"] = (
            f"{Image.open(photo).size[0]} x {Image.open(photo).size[1]}, {photo.stat().st_size} bytes"
        )
    print(json.dumps({k: found[k] for k in found if k != "rows"}, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1))


def made_photo(folder: Path) -> Path:
    """A 4000 x 3000 JPEG with the detail and the noise that a camera's has."""
    picture = (
        Image.open(PICTURES / "coffee.jpg").convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    )
    noise = np.random.default_rng(0).normal(0, 4, (3000, 4000, 1))
    pixels = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
    path = folder / "photo.jpg"
    Image.fromarray(pixels).save(path, quality=90)
    return path


def compare(photo: Path, threads: int, runs: int) -> dict:
    torch.set_num_threads(threads)
    engines = {
        f"irs_engine {precision}": irs.Engine(device="cpu", threads=threads, precision=precision)
        for precision in (("fp32", "bf16") if wants_bf16("auto", "cpu") else ("fp32",))
    }
    tagger = engines["irs_engine fp32"].load_tagger()
    x = prepare(read_rgb(photo, at_least=224).pixels)[None]
    networks: dict[str, Callable] = {
        name: lambda a, engine=engine: network(engine.load_tagger(), a) for name, engine in engines.items()
    }
    networks |= peers(x, threads)

    def from_file(run: Callable) -> Callable[[], object]:
        return lambda: tagger.scorer(
            dict(zip(tagger.net.classes, run(pillow_input(photo, x.shape)), strict=True))
        )

    whole: dict[str, Callable[[], object]] = {
        name: lambda engine=engine: engine.tag(photo, detect=False) for name, engine in engines.items()
    }
    whole |= {name: from_file(run) for name, run in networks.items() if name not in engines}
    rows = {
        "file to tags": in_turn(whole, runs),
        "network alone": in_turn({name: lambda run=run: run(x) for name, run in networks.items()}, runs),
        "decode and prepare": in_turn(
            {
                "irs_engine": lambda: prepare(read_rgb(photo, at_least=224).pixels),
                "Pillow": lambda: pillow_input(photo, x.shape),
            },
            runs,
        ),
    }
    print_rows(rows)
    return {"rows": rows}


def network(tagger: Tagger, x: np.ndarray) -> list[np.ndarray]:
    return list(tagger.run(x).values())


def peers(x: np.ndarray, threads: int) -> dict[str, Callable]:
    """The same network elsewhere: takes (N, 3, h, w), gives the logits of every head."""
    from irs_engine.vision.nets.tagger_net import build_tagger_net, fuse
    from irs_engine.vision.tagger import WEIGHTS
    from irs_engine.weights import load_weights

    net = fuse(build_tagger_net(load_weights(WEIGHTS)))

    def eager(a: np.ndarray) -> list[np.ndarray]:
        with torch.inference_mode():
            return [v.numpy() for v in net(torch.from_numpy(a)).values()]

    found: dict[str, Callable] = {"torch eager": eager}
    return found | runtimes(_Listed(net), x, threads)


class _Listed(torch.nn.Module):
    """The network with its answers as a tuple, which is what an ONNX file can hold."""

    def __init__(self, net: torch.nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.net(x).values())


def pillow_input(photo: Path, shape: tuple[int, ...]) -> np.ndarray:
    """What a careful user writes: Pillow decodes at a reduced size, resizes, numpy normalises."""
    _, _, height, width = shape
    with Image.open(photo) as picture:
        picture.draft("RGB", (width, height))
        picture = picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.float32)
    return np.ascontiguousarray((pixels / 127.5 - 1).transpose(2, 0, 1))[None]


def cuda_batches(device: str, runs: int) -> dict:
    tagger = Tagger(choose_device(device))
    pixels = read_rgb(PICTURES / "cat.jpg", at_least=224).pixels
    rows = {}
    for size in (1, 64):
        batch = [pixels] * size
        times = in_turn({"irs_engine": lambda batch=batch: tagger.scores(batch)}, runs)["irs_engine"]
        rows[size] = {key: value / size for key, value in times.items()}
    return rows


def cold_start(photo: Path) -> dict[str, float]:
    """Seconds of whole commands, the best of three."""
    commands = {"irs-engine --help": ["--help"], "irs-engine tag": ["tag", "--no-detect", str(photo)]}
    found = {}
    for name, words in commands.items():
        times = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "irs_engine.cli", *words], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        found[name] = round(min(times), 2)
    return found


def peak_memory(photo: Path) -> dict[str, float]:
    """Peak resident megabytes of a process that only imports torch, and of one that tags the photo."""
    # Not ru_maxrss: a child inherits that of its parent.
    report = "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024)"
    tag = f"irs.tag({str(photo)!r}, detect=False)"
    programs = {
        "torch loaded": f"import torch; {report}",
        "tagging": f"import irs_engine as irs; [{tag} for _ in range(3)]; {report}",
    }
    run = {
        name: float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for name, code in programs.items()
    }
    return {name: round(value) for name, value in run.items()} | {
        "above": round(run["tagging"] - run["torch loaded"])
    }


def print_rows(rows: dict) -> None:
    for what, times in rows.items():
        ours = min(t["median"] for name, t in times.items() if name.startswith("irs_engine"))
        print(f"\n{what}")
        for name, t in sorted(times.items(), key=lambda item: item[1]["median"]):
            ratio = t["median"] / ours
            print(f"  {name:16s} median {t['median']:7.1f} ms   min {t['min']:7.1f} ms   {ratio:5.2f} x ours")


if __name__ == "__main__":
    main()
