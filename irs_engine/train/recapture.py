"""Train the network that tells recaptured photos, from random initialisation; resumable at any moment.

    python -m irs_engine.train.recapture --views views --work runs/recapture --minutes 60 \\
        --out recapture_s.safetensors

`views` is a folder that `recapture_simulator` fills, at the same time if need be. Real photos whose licence
allows it may be added, `--real DIR` with folders original, screen and print, and simulated whole views of any
photos, `--photos DIR`.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from irs_engine.device import wants_bf16
from irs_engine.train.recapture_lessons import RealCrops, Views, WholeLessons
from irs_engine.train.runs import Run, ahead
from irs_engine.vision.nets.recapture_net import CLASSES, RecaptureNet, build_recapture_net

log = logging.getLogger(__name__)

RATE = 1e-3  # of a run that begins with random weights
BAG = 4  # crops of a made-up photo
SMOOTHING = 0.05  # of labels
REAL_SHARE = 0.9  # crops of real photos for each pair
WHOLE_SHARE = 0.6  # simulated whole views for each pair


class RecaptureRun(Run[RecaptureNet]):
    """A training of RecaptureNet.

    Args:
        start: Weights to begin with, such as an earlier run wrote; random ones by default.
        rate: Of the first steps. A fifth of RATE keeps most of what the weights of an earlier run know.
    """

    def __init__(self, folder: Path, start: Path | None = None, rate: float = RATE):
        net = build_recapture_net(load_file(start)) if start else RecaptureNet()
        net = net.to(memory_format=torch.channels_last)
        self.rate = rate
        optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=0.02)
        super().__init__(folder, net, optimiser, most_kept=0.995)
        self.bfloat16 = wants_bf16("auto", "cpu")

    def train(
        self,
        views: Views,
        minutes: float,
        batch: int,
        real: RealCrops | None = None,
        whole: WholeLessons | None = None,
    ) -> None:
        if len(views.kinds) < 6 * Views.HELD_OUT:
            raise ValueError(
                f"{views.folder}: {len(views.kinds)} pairs are too few, simulate {6 * Views.HELD_OUT}"
            )
        torch.manual_seed(self.steps)
        checked = views.draw(3 * Views.HELD_OUT, np.random.default_rng(0), held_out=True)

        def lesson(step: int) -> tuple[np.ndarray, Tensor]:
            rng = np.random.default_rng(step)
            parts = [views.draw(batch, rng)]
            if real:
                parts.append(real.draw(round(REAL_SHARE * batch), rng))
            if whole:
                parts.append(whole.draw(round(WHOLE_SHARE * batch), rng))
            crops, labels = zip(*parts, strict=True)
            return np.concatenate(crops), torch.cat(labels)

        lessons = ahead(lesson, self.steps)
        losses: list[float] = []
        self.net.train()
        while self.spent < 60 * minutes:
            progress = self.spent / (60 * minutes)
            with self.timed():
                self.set_rate(self.rate, progress, warm_up=100)
                crops, labels = next(lessons)
                losses.append(self.step(to_tensor(crops), labels))
            if self.steps % 100 == 0:
                found = auc(self.answers(to_tensor(checked[0])), checked[1] > 0)
                line = "%4.1f%% %6d steps  loss %.3f  held out AUC %.4f  of %d pairs"
                log.info(line, 100 * progress, self.steps, sum(losses) / len(losses), found, len(views.kinds))
                losses.clear()
                views.look()
            self.save_at_times()
        self.save()

    def step(self, crops: Tensor, labels: Tensor) -> float:
        """One step on crops and on photos made up of them; returns the loss before it."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            features = self.net.features(crops)
        features = features.float()
        members, whole = make_bags(labels)
        alone, together = self.net.classes(features), self.net.classes(self.net.joined(features[members]))
        loss = F.cross_entropy(alone, labels, label_smoothing=SMOOTHING)
        loss = loss + 0.5 * F.cross_entropy(together, whole, label_smoothing=SMOOTHING)
        return self.descend(loss, longest=2.0)

    @torch.no_grad()
    def keep(self, start: Path, share: float) -> None:
        """Draw the average back to the weights of an earlier run: half-way is often better than either on
        what is unlike the lessons (Wortsman et al. 2022, Robust fine-tuning of zero-shot models)."""
        earlier = build_recapture_net(load_file(start)).state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(earlier[name], share)

    @torch.inference_mode()
    def answers(self, crops: Tensor) -> Tensor:
        """(N,) log odds of a recapture, of crops alone, by the average."""
        self.average.eval()
        logits = torch.cat([self.average(part[:, None]) for part in crops.split(20)])
        return logits[:, 1:].logsumexp(1) - logits[:, 0]


def make_bags(labels: Tensor) -> tuple[Tensor, Tensor]:
    """(N, BAG) indices of crops and (N,) classes: around displays and prints there is more to see."""
    members, classes = [], []
    of_class = [(labels == label).nonzero().flatten() for label in range(len(CLASSES))]
    for label in labels.tolist():
        count = BAG if label == 0 else int(torch.randint(1, BAG + 1, ()))
        own, others = of_class[label], of_class[0]
        if not len(others):
            own, count = of_class[label], BAG
        chosen = own[torch.randint(len(own), (count,))]
        if count < BAG:
            chosen = torch.cat([chosen, others[torch.randint(len(others), (BAG - count,))]])
        members.append(chosen)
        classes.append(label)
    return torch.stack(members), torch.tensor(classes)


def to_tensor(crops: np.ndarray) -> Tensor:
    return (
        torch.from_numpy(crops)
        .permute(0, 3, 1, 2)
        .float()
        .div(255)
        .contiguous(memory_format=torch.channels_last)
    )


def auc(scores: Tensor, positive: Tensor) -> float:
    """Chance that a positive one has the higher score."""
    above = scores[positive][:, None] - scores[~positive][None]
    return float((above > 0).float().mean() + 0.5 * (above == 0).float().mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--views", type=Path, required=True, help="folder of recapture_simulator")
    parser.add_argument(
        "--real", type=Path, nargs="*", default=[], help="folders with original, screen, print"
    )
    parser.add_argument(
        "--photos", type=Path, nargs="*", default=[], help="folders of any photos, for whole views"
    )
    parser.add_argument(
        "--without", choices=CLASSES[1:], help="leave this kind of recapture out, to judge by it alone"
    )
    parser.add_argument("--start", type=Path, help="weights of an earlier run to begin with")
    parser.add_argument(
        "--keep", type=float, default=0.0, help="share of what it began with in the weights that are written"
    )
    parser.add_argument("--rate", type=float, default=RATE, help="of learning, of the first steps")
    parser.add_argument("--work", type=Path, required=True, help="folder of this run, outside the project")
    parser.add_argument("--out", type=Path, required=True, help="write the weights here (.safetensors)")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=10, help="pairs a step")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if not 0 <= arguments.keep <= 1 or (arguments.keep and not arguments.start):
        parser.error("--keep is a share, 0 to 1, of the weights of --start")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    run = RecaptureRun(arguments.work, arguments.start, arguments.rate)
    real = RealCrops(arguments.real, arguments.without) if arguments.real else None
    whole = WholeLessons(arguments.photos, arguments.without) if arguments.photos else None
    views = Views(arguments.views, arguments.without)
    run.train(views, arguments.minutes, arguments.batch, real, whole)
    if arguments.start:
        run.keep(arguments.start, arguments.keep)
    run.export(arguments.out)


if __name__ == "__main__":
    main()
