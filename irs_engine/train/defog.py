"""Train the network that sees haze, from random initialisation; resumable at any moment.

    python -m irs_engine.train.defog --packs packs/a packs/b --work runs/defog --minutes 30 \\
        --out weights/haze_s.safetensors

Clear photos are chosen from the packs, haze is simulated (`haze_simulator`), and what counts is the picture
that comes out: its error on a logarithmic scale, so that every picture counts alike, and its edges.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from irs_engine.device import wants_bf16
from irs_engine.enhance.defog import LONG_SIDE
from irs_engine.enhance.haze_net import HazeNet, clear
from irs_engine.train.haze_simulator import add_haze
from irs_engine.train.photos import PhotoPack
from irs_engine.train.runs import Run

log = logging.getLogger(__name__)

SHAPE = (LONG_SIDE * 3 // 4, LONG_SIDE)  # of the photos to learn from; upright ones are turned
HELD_OUT = 64
RATE = 2e-3


def choose_photos(packs: list[str], most: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 96, 128, 3) RGB uint8: photos without haze, of at most so many of each pack."""
    chosen = []
    for pack in map(PhotoPack, packs):
        for number in rng.permutation(len(pack))[:most]:
            photo = pack[int(number)]
            if photo.shape[0] > photo.shape[1]:
                photo = np.rot90(photo)
            if photo.shape[0] >= 1.75 * SHAPE[0] and is_clear(photo):
                chosen.append(_shrunk(photo))
        log.info("%s: %d clear photos in all", pack.path, len(chosen))
    return np.stack(chosen)


def is_clear(photo: np.ndarray) -> bool:
    """Whether an RGB photo has blacks, whites, and is neither dark nor blown."""
    darkest, brightest = photo.min(2) / 255, photo.max(2) / 255
    contrasty = np.percentile(darkest, 2) <= 0.07 and np.percentile(brightest, 98) >= 0.6
    return bool(contrasty and photo.mean() >= 0.15 * 255 and (darkest > 0.985).mean() <= 0.3)


def _shrunk(photo: np.ndarray) -> np.ndarray:
    """The middle of a photo in the proportions of SHAPE, and in its size."""
    height, width = photo.shape[:2]
    crop_height, crop_width = min(height, width * 3 // 4), min(width, height * 4 // 3)
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    crop = np.ascontiguousarray(photo[top : top + crop_height, left : left + crop_width])
    return cv2.resize(crop, SHAPE[::-1], interpolation=cv2.INTER_AREA)


def views(photos: Tensor, count: int) -> Tensor:
    """(count, 3, H, W) in 0..1: photos mirrored, turned, nearer, in more or less light."""
    x = photos[torch.randint(len(photos), (count,))].permute(0, 3, 1, 2).float() / 255
    if torch.rand(()) < 0.5:
        x = x.flip(3)
    if torch.rand(()) < 0.35:
        height, width = (int(side * torch.empty(()).uniform_(0.6, 1)) for side in SHAPE)
        top = int(torch.randint(SHAPE[0] - height + 1, ()))
        left = int(torch.randint(SHAPE[1] - width + 1, ()))
        x = F.interpolate(x[:, :, top : top + height, left : left + width], SHAPE, mode="bilinear")
    if torch.rand(()) < 0.25:
        x = x.transpose(2, 3)
    light = torch.empty(count, 1, 1, 1).uniform_(-0.3, 0.45).exp()
    return x**light


class DefogRun(Run[HazeNet]):
    def __init__(self, folder: Path):
        net = HazeNet().to(memory_format=torch.channels_last)
        optimiser = torch.optim.AdamW(net.parameters(), RATE, betas=(0.9, 0.99), weight_decay=1e-3)
        super().__init__(folder, net, optimiser, most_kept=0.998)
        self.bfloat16 = wants_bf16("auto", "cpu")

    def train(self, photos: Tensor, minutes: float, batch: int) -> None:
        torch.manual_seed(0)
        held_out = photos[:HELD_OUT].permute(0, 3, 1, 2).float() / 255
        held_out_hazy, wanted = add_haze(held_out)
        torch.manual_seed(self.steps + 1)
        while self.spent < 60 * minutes:
            progress = self.spent / (60 * minutes)
            with self.timed():
                self.set_rate(RATE, progress, warm_up=200)
                loss = self.step(views(photos[HELD_OUT:], batch))
            if self.steps % 200 == 0:
                found = psnr(clear(held_out_hazy, self.average(held_out_hazy)), wanted)
                line = "%4.1f%% %6d steps  loss %.3f  held out %.2f dB"
                log.info(line, 100 * progress, self.steps, loss, found)
            self.save_at_times()
        self.save()

    def step(self, photos: Tensor) -> float:
        """One step on clear photos; returns the loss before it."""
        hazy, wanted = add_haze(photos)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            maps = self.net(hazy.contiguous(memory_format=torch.channels_last))
        return self.descend(picture_loss(clear(hazy, maps.float()), wanted), longest=1.0)


def picture_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Of unclipped pictures: the logarithm of the squared error, the edges, and what will be clipped."""
    error = found - wanted
    squares = error.square().mean((1, 2, 3))
    edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
    clipped = (found - found.clamp(0, 1)).abs().mean()
    return (squares + 2e-3).log().mean() + 2 * edges + 0.05 * clipped


def psnr(found: Tensor, wanted: Tensor) -> float:
    """Mean over the pictures in dB, those without any error counting as 50."""
    squares = (found.clamp(0, 1) - wanted).square().mean((1, 2, 3))
    return float(-10 * torch.log10(squares + 1e-5).mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packs", nargs="+", required=True, help="photo packs (irs_engine.train.photos)")
    parser.add_argument("--most", type=int, default=3500, help="photos to look at in each pack")
    parser.add_argument("--work", type=Path, required=True, help="folder of this run, outside the project")
    parser.add_argument("--out", type=Path, required=True, help="write the weights here (.safetensors)")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    run = DefogRun(arguments.work)
    kept = arguments.work / "photos.npy"
    if not kept.exists():
        np.save(kept, choose_photos(arguments.packs, arguments.most, np.random.default_rng(0)))
    run.train(torch.from_numpy(np.load(kept)), arguments.minutes, arguments.batch)
    run.export(arguments.out)


if __name__ == "__main__":
    main()
