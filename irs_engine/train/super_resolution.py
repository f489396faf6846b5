"""Train ESPCN or SRCNN from random initialisation; resumable at any moment.

    python -m irs_engine.train.super_resolution --model ESPCN --scale 3 --photos photos/train \\
        --work runs/espcn_x3 --minutes 60 --out espcn_x3.safetensors

The network stays as published; what goes beyond the papers is the way to its weights:

- low resolution by the exact antialiased bicubic of the protocol, from luma in whole numbers, of the photos
  and of smaller, hence sharper copies of them;
- the squared error that PSNR is made of, minimised by SOAP, which gets in hundreds of steps where Adam needs
  thousands; a cosine; a moving average of the weights, of which the best on held-out photos is kept.

With `--jpeg LOW HIGH` the low resolution is compressed at such qualities first, and the network learns to
undo that as well.
"""

from __future__ import annotations

import argparse
import copy
import logging
import math
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from irs_engine.device import wants_bf16
from irs_engine.enhance.bicubic import imresize
from irs_engine.enhance.nets import NETWORKS, Espcn, Srcnn, build_super_resolution_net
from irs_engine.train.runs import load_state, save_state, update_average
from irs_engine.train.soap import Soap

log = logging.getLogger(__name__)

SHRUNK = (Fraction(1), Fraction(9, 10), Fraction(4, 5), Fraction(7, 10), Fraction(3, 5))
TURN_EVERY = 30  # steps between two turns of SOAP's axes, which cost as much as some steps of SRCNN
FULL_PRECISION_FROM = 0.85  # of the time: what half precision rounds off is learned at the end
HELD_OUT = 40  # every so many-th photo chooses the weights and is never trained on
MEAN_LUMA = 0.45  # where the output starts


def read_luma(path: Path) -> Tensor:
    """(H, W) whole numbers 16..235, by BT.601 as MATLAB's rgb2ycbcr.

    A grey file holds luma already, unless it uses the full range: then it is brought to 16..235.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise SystemExit(f"{path}: not a readable picture")
    values = torch.from_numpy(pixels.astype(np.float64))
    if values.ndim == 3:
        blue, green, red = values[..., :3].unbind(-1)
        values = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    elif values.min() < 15 or values.max() > 236:
        values = 16 + 219 / 255 * values
    return (values + 0.5).floor()


@dataclass
class Pair:
    """A photo in both resolutions, 0..255; `low` not in whole numbers, in several copies if compressed."""

    high: Tensor  # (rH, rW) uint8
    low: Tensor  # (copies, H, W) float32


def make_pair(luma: Tensor, scale: int, jpeg: tuple[int, int] | None, rng: np.random.Generator) -> Pair:
    height, width = (side // scale * scale for side in luma.shape)
    luma = luma[:height, :width]
    low = imresize(luma, Fraction(1, scale))
    if jpeg:
        low = torch.stack([compressed(low, int(q)) for q in rng.integers(jpeg[0], jpeg[1] + 1, 4)])
    return Pair(luma.to(torch.uint8), low.float().reshape(-1, *low.shape[-2:]))


def compressed(luma: Tensor, quality: int) -> Tensor:
    """Luma 16..235 through a JPEG file, which holds it as 0..255."""
    full = np.clip((luma.numpy() - 16) * (255 / 219) + 0.5, 0, 255).astype(np.uint8)
    file = cv2.imencode(".jpg", full, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)
    assert decoded is not None, "what was encoded a line before"
    return 16 + 219 / 255 * torch.from_numpy(decoded.astype(np.float64))


class Photos:
    """Training patches and the held-out pairs."""

    def __init__(self, folder: Path, scale: int, jpeg: tuple[int, int] | None):
        rng = np.random.default_rng(0)
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp"))
        if len(files) < HELD_OUT:
            raise SystemExit(f"{folder}: {len(files)} pictures; {HELD_OUT} are needed at least")
        self.scale, self.pairs, self.held_out = scale, [], []
        for number, path in enumerate(files):
            luma = read_luma(path)
            if number % HELD_OUT == HELD_OUT - 1:
                self.held_out.append(make_pair(luma, scale, jpeg, rng))
                continue
            # A compressed photo at its own size teaches its own softness and blocks.
            for factor in SHRUNK[path.suffix.lower() != ".png" :]:
                smaller = imresize(luma, factor, whole_numbers=True) if factor != 1 else luma
                self.pairs.append(make_pair(smaller, scale, jpeg, rng))
        area = np.array([pair.low.shape[1] * pair.low.shape[2] for pair in self.pairs], float)
        self.share = area / area.sum()

    def batch(self, count: int, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(count, 1, side, side) of low and (count, 1, r side, r side) of high resolution, 0..1."""
        lows: list[Tensor] = []
        highs: list[Tensor] = []
        while len(lows) < count:
            pair = self.pairs[rng.choice(len(self.pairs), p=self.share)]
            height, width = pair.low.shape[1:]
            if min(height, width) < side:
                continue
            y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
            copy_ = rng.integers(len(pair.low))
            low, high = (
                pair.low[copy_, y : y + side, x : x + side],
                _enlarged(pair.high, y, x, side, self.scale),
            )
            turn, mirror = int(rng.integers(4)), rng.random() < 0.5
            for given, into in ((low, lows), (high, highs)):
                given = torch.rot90(given.float(), turn)
                into.append((given.flip(1) if mirror else given)[None])
        return torch.stack(lows) / 255, torch.stack(highs) / 255


def _enlarged(high: Tensor, y: int, x: int, side: int, r: int) -> Tensor:
    return high[r * y : r * (y + side), r * x : r * (x + side)]


class Run:
    """A training run in its folder: network, average, optimiser, seconds spent, best held-out figure."""

    def __init__(self, folder: Path, net: Espcn | Srcnn, device: torch.device, rate: float):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.device, self.rate = folder, device, rate
        self.net = net.to(device).train()
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        self.best = {name: value.clone() for name, value in self.average.state_dict().items()}
        self.optimiser = Soap(self.net.parameters(), rate, every=TURN_EVERY)
        self.bfloat16 = wants_bf16("auto", device.type)
        self.spent, self.steps, self.best_psnr = 0.0, 0, 0.0
        if state := load_state(folder, device):
            self.net.load_state_dict(state["net"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.best = state["best"]
            self.spent, self.steps, self.best_psnr = state["spent"], state["steps"], state["best_psnr"]

    def save(self) -> None:
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "spent": self.spent,
            "steps": self.steps,
            "best_psnr": self.best_psnr,
        }
        save_state(self.folder, state)

    def train(self, photos: Photos, minutes: float, batch: int, side: int, every: int) -> None:
        rng = np.random.default_rng()
        shown, saved = 0.0, time.monotonic()
        while self.spent < 60 * minutes:
            started = time.monotonic()
            progress = self.spent / (60 * minutes)
            warm = min(1.0, (self.steps + 1) / 100)
            rate = self.rate * warm * (0.5 + 0.5 * math.cos(math.pi * progress))
            half = self.bfloat16 and progress < FULL_PRECISION_FROM
            loss = self.step(*photos.batch(batch, side, rng), rate, half)
            shown = 0.99 * shown + 0.01 * loss if shown else loss
            # A pause of the whole process (a stopped laptop, SIGSTOP) is not time spent.
            self.spent += min(time.monotonic() - started, 10.0)
            if self.steps % every == 0:
                self.judge(photos, progress, shown)
            if time.monotonic() - saved > 120:
                self.save()
                saved = time.monotonic()
        self.judge(photos, 1.0, shown)
        self.save()

    def step(self, low: Tensor, high: Tensor, rate: float, half: bool = False) -> float:
        """One step on patches whose rims only lend their pixels; returns the mean squared error before it.

        Args:
            half: The hidden layers in bfloat16; the last one, whose output is the picture, stays in float32.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        rim = self.net.halo * (self.net.scale if isinstance(self.net, Espcn) else 1)
        target = high.to(self.device)[..., rim:-rim, rim:-rim]
        given = self.net.prepare(low.to(self.device))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            features = self.net.features(given)
        loss = (self.net.reconstruct(features.float()) - target).square().mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.steps += 1
        update_average(self.average, self.net, self.steps, 0.999)
        return loss.item()

    def judge(self, photos: Photos, progress: float, shown: float) -> None:
        found = np.mean([psnr(self.average, pair, self.device) for pair in photos.held_out])
        if found > self.best_psnr:
            self.best_psnr = float(found)
            self.best = {name: value.clone() for name, value in self.average.state_dict().items()}
        train = -10 * math.log10(max(shown, 1e-9))
        log.info(
            "%4.1f%% %7d steps  training %.3f dB  held out %.3f (best %.3f)",
            100 * progress,
            self.steps,
            train,
            found,
            self.best_psnr,
        )


def finished(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is shipped: the weights, though not the biases, become bfloat16 numbers.

    The kernels that multiply in bf16 then round nothing but pictures and activations, and come 5 dB nearer to
    those in float32; what it costs is 30 dB below what the network misses by.
    """
    return {
        name: value.bfloat16().float() if value.ndim > 1 else value.clone() for name, value in values.items()
    }


@torch.inference_mode()
def psnr(net: Espcn | Srcnn, pair: Pair, device: torch.device) -> float:
    """By the protocol: whole numbers, `scale` pixels shaved off each side; of the first copy."""
    found = net(pair.low[:1, None].to(device) / 255)[0, 0].cpu() * 255
    r = net.scale
    difference = ((found + 0.5).floor().clamp(0, 255) - pair.high.float())[r:-r, r:-r]
    return -10 * math.log10(difference.square().mean().item() / 255**2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=list(NETWORKS), required=True)
    parser.add_argument("--scale", type=int, choices=(3, 4), required=True)
    parser.add_argument("--photos", type=Path, required=True, help="folder of sharp photos")
    parser.add_argument("--work", type=Path, required=True, help="folder of this run, outside the project")
    parser.add_argument("--out", type=Path, required=True, help="write the weights here (.safetensors)")
    parser.add_argument("--init", type=Path, help="weights to begin a new run with")
    parser.add_argument("--jpeg", type=int, nargs=2, metavar=("LOW", "HIGH"), help="qualities to undo")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=48, help="of a patch, in pixels of low resolution")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--every", type=int, default=1000, help="steps between two looks at held-out photos")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    net: Espcn | Srcnn = NETWORKS[arguments.model](arguments.scale)
    torch.nn.init.constant_(net.state_dict()["conv3.bias"], MEAN_LUMA)
    if arguments.init:
        net = build_super_resolution_net(arguments.model, arguments.scale, load_file(arguments.init))
    run = Run(arguments.work, net, torch.device(arguments.device), arguments.rate)
    jpeg = tuple(arguments.jpeg) if arguments.jpeg else None
    photos = Photos(arguments.photos, arguments.scale, jpeg)
    log.info("%d pairs, %d held out", len(photos.pairs), len(photos.held_out))
    run.train(photos, arguments.minutes, arguments.batch, arguments.side, arguments.every)
    save_file(finished(run.best), arguments.out, {"steps": str(run.steps)})


if __name__ == "__main__":
    main()
