"""Train the detector by distillation from two public ones, on photos without labels; resumable at any moment.

    python -m irs_engine.train.detector --photos DIR ... --teachers teachers/ --work runs/detector \\
        --start weights/tagger_s.safetensors --minutes 180 --out detector_s.safetensors

The trunk begins with what the tagger of this package learned, its first stages stay so, and everything else
begins by chance; or all of it begins with an earlier detector, or where an earlier run ended. Targets are
what PicoDet's heads say of every place, later as far as YOLOX agrees, and the features that those heads
read: translators, 1x1 layers that are thrown away, turn them into features of ours, which our heads learn
to read from the start and ours learn to equal.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from irs_engine.device import wants_bf16
from irs_engine.train.depthwise import full_precision_gradients
from irs_engine.train.detection_loss import SEEN, Targets, bin_loss, detection_losses, overlaps
from irs_engine.train.detection_teachers import MAP_CHANNELS, PICODET, YOLOX, Dense, PicoDet, YoloxNano
from irs_engine.train.detection_views import Labelled, random_view
from irs_engine.train.own_files import write_text
from irs_engine.train.runs import Run, ahead, keep_statistics, load_state, twice
from irs_engine.train.soap import Soap
from irs_engine.train.team import Team, run_team
from irs_engine.vision.nets.detector_net import BINS, SIDE, STRIDES, WIDTH, DetectorNet, decode_sides, grid

log = logging.getLogger(__name__)

RATE, TRUNK_SHARE = 1.5e-3, 0.5  # and of it for what the trunk brings along
CLASSES = 80
HELD_OUT = 48  # photos that are never learned from
BALANCED, SURE = 0.5, 0.5  # share of draws by class, score of a class that a photo shows
TRIES = 200  # photos in a row that cannot be used, before it is no accident
LEAST = 300  # pixels on the longer side of a photo
TURNED: dict[str, Any] = {"betas": (0.9, 0.99), "every": 20, "widest": 300}  # by SOAP: matrices
AS_ADAMW: dict[str, Any] = {"betas": (0.9, 0.999), "widest": 0}  # vectors, as its authors do
WEIGHTS = {"scores": 1.0, "bins": 0.5, "boxes": 2.0}  # of the losses, whoever says what is right
TAUGHT = WEIGHTS | {"logits": 1.0, "classes": 1.0}  # where a teacher does
MAPS_WEIGHT = (2.0, 0.3)  # of features that are not the teacher's, at first and in the end
SMALL, SMALL_SHARE = 320, 0.8  # side of views in this first share of the run: twice as many as of SIDE
LENT = 0.6  # share of a run with new translators in which our heads read the teacher's features too
AGREED = 0.8  # share of the run from which on YOLOX is asked as well: half of what both teachers cost
KEPT = 24  # lessons that are used again a while later: to make one costs a third of its step
NOTED = 200  # lessons between two states on disk of what is known of the photos


class Photos:
    """The photos of folders."""

    def __init__(self, folders: list[Path]):
        found = (file for folder in folders for file in folder.rglob("*"))
        files = [file for file in found if file.suffix.lower() in (".jpg", ".jpeg", ".png")]
        if len(files) <= HELD_OUT:
            raise ValueError(f"{len(files)} photos are too few, {HELD_OUT} of them are held out")
        # By name, so that folders which come later take hardly any of them from those who hold out.
        files.sort(key=lambda file: (zlib.crc32(file.name.encode()), file))
        self.held_out, self.files = files[:HELD_OUT], files[HELD_OUT:]
        self._showing: dict[int, dict[int, None]] = {}  # class: photos that show it, in order

    def view(self, rng: np.random.Generator, side: int = SIDE) -> tuple[np.ndarray, list[int]]:
        """(side, side, 3) RGB uint8, and the numbers of the photos in it."""
        used: list[int] = []
        return random_view(functools.partial(self._photo, rng, used), rng, side).pixels, used

    def note(self, used: list[int], classes: list[int]) -> None:
        """A view of these photos shows these classes: half of all draws give every class the same chance."""
        if len(used) == 1:  # of a mosaic it is not known which photo it was
            for label in classes:
                self._showing.setdefault(label, {})[used[0]] = None

    def remember(self, folder: Path) -> None:
        """What the processes of an earlier run wrote down in its folder, of photos that are here too."""
        numbers = {str(file): number for number, file in enumerate(self.files)}
        for path in sorted(folder.glob("showing-*.json")):
            for label, files in json.loads(path.read_text()).items():
                for file in files:
                    if file in numbers:
                        self.note([numbers[file]], [int(label)])

    def write_down(self, path: Path) -> None:
        """What was noted so far: to find rare things anew would take hours."""
        noted = {label: [str(self.files[n]) for n in numbers] for label, numbers in self._showing.items()}
        write_text(path, json.dumps(noted))

    def _photo(self, rng: np.random.Generator, used: list[int]) -> Labelled:
        for _ in range(TRIES):
            number = self._draw(rng)
            photo = cv2.imread(str(self.files[number]), cv2.IMREAD_COLOR_RGB)
            if photo is not None and max(photo.shape[:2]) >= LEAST:
                used.append(number)
                return Labelled.without_boxes(photo)
        raise ValueError(f"none of {TRIES} photos can be read and has a side of {LEAST} pixels")

    def _draw(self, rng: np.random.Generator) -> int:
        if self._showing and rng.random() < BALANCED:
            of_class = list(self._showing[list(self._showing)[rng.integers(len(self._showing))]])
            return of_class[rng.integers(len(of_class))]
        return int(rng.integers(len(self.files)))

    def whole_held_out(self) -> np.ndarray:
        """(n, SIDE, SIDE, 3)."""
        photos = (cv2.imread(str(file), cv2.IMREAD_COLOR_RGB) for file in self.held_out)
        return np.stack([cv2.resize(photo, (SIDE, SIDE)) for photo in photos if photo is not None])


class Teachers:
    """Both of them, from a folder, computing in `precision`: "f32" or "bf16"."""

    def __init__(self, folder: Path, precision: str = "f32"):
        self._folder, self._precision = folder, precision
        self._of_side: dict[int, tuple[PicoDet, YoloxNano]] = {}

    def __call__(self, views: np.ndarray, both: bool = True) -> tuple[Targets, list[Tensor]]:
        """(N, side, side, 3) to what to say, and to the maps that PicoDet's heads read.

        Args:
            both: Ask YOLOX too.
        """
        side = views.shape[1]
        if side not in self._of_side:
            files = self._folder / PICODET, self._folder / YOLOX
            self._of_side[side] = (
                PicoDet(files[0], side, self._precision),
                YoloxNano(files[1], side, self._precision),
            )
        picodet, yolox = self._of_side[side]
        dense = picodet(views)
        targets = agreed(dense, *yolox(views), grid(side, side)) if both else alone(dense)
        return targets, dense.maps


def alone(dense: Dense) -> Targets:
    """PicoDet's answers."""
    return Targets(dense.scores, dense.sides.unflatten(2, (4, BINS)).softmax(3))


def agreed(dense: Dense, boxes: Tensor, scores: Tensor, places: tuple[Tensor, Tensor]) -> Targets:
    """PicoDet's answers, with scores lowered where YOLOX sees nothing alike, raised where it does.

    Args:
        boxes: (N, m, 4) of YOLOX.
        scores: (N, m, classes) of them. What YOLOX says of a class at a place is its best score among boxes
            that overlap PicoDet's box there, times the overlap.
        places: As `detector_net.grid` gives them.
    """
    found = dense.scores.clone()
    for number, before in enumerate(dense.scores):
        where, labels = (before > SEEN).nonzero(as_tuple=True)
        theirs, their_labels = (scores[number] > 2 * SEEN).nonzero(as_tuple=True)
        support = torch.zeros(len(where))
        if len(where) and len(theirs):
            own = decode_sides(dense.sides[number][where], *(x[where] for x in places))
            alike = overlaps(own, boxes[number][theirs]) * scores[number][theirs, their_labels].sqrt()
            support = alike.masked_fill(labels[:, None] != their_labels[None], 0).amax(1)
        found[number][where, labels] *= (0.8 + 0.4 * support).clamp_max(1.15)
    return Targets(found.clamp_max(1), alone(dense).bins)


class Translator(nn.Module):
    """(N, MAP_CHANNELS, h, w) of the teacher to (N, WIDTH, h, w) such as our neck could give."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Conv2d(MAP_CHANNELS, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return F.hardswish(self.norm(self.linear(x)))


class DetectorRun(Run[DetectorNet]):
    """A run in its folder.

    Args:
        start: Weights to begin with: of a tagger, whose trunk it takes, or of a detector; or the folder of an
            earlier run, whose average and translators it takes.
        frozen: Stages of the trunk, from the first one on, that stay as they are.
        precision: "fp32", "bf16" or "auto".
        team: The processes that train together, each on views of its own.
        rate: Of the first steps. After an earlier run the whole RATE undoes much of it at first.
    """

    def __init__(
        self,
        folder: Path,
        start: Path | None = None,
        frozen: int = 0,
        precision: str = "auto",
        team: Team | None = None,
        rate: float = RATE,
    ):
        torch.manual_seed(0)
        net = DetectorNet(CLASSES)
        self.translators = nn.ModuleList(Translator() for _ in STRIDES)
        self.lent, self.whole = LENT, False
        if start:
            values, translators = _read_start(start)
            own = net.state_dict()
            known = {n: v.float() for n, v in values.items() if n in own and v.shape == own[n].shape}
            net.load_state_dict(own | known)
            self.whole = len(known) == len(own)
            if translators:
                self.translators.load_state_dict(translators)
                self.lent = 0.0
        net = full_precision_gradients(net).to(memory_format=torch.channels_last)
        self.frozen = net.stages[:frozen].requires_grad_(False)
        self.rate = rate
        trunk = list(net.stages[frozen:].parameters())
        others = [*net.neck.parameters(), *net.heads.parameters(), *self.translators.parameters()]
        groups = [
            {"params": [value for value in part if (value.dim() > 1) == matrices], "share": share} | options
            for part, share in ((trunk, TRUNK_SHARE), (others, 1.0))
            for matrices, options in ((True, {}), (False, AS_ADAMW))
        ]
        optimiser = Soap(groups, rate, **TURNED, weight_decay=0.02)
        super().__init__(folder, net, optimiser, most_kept=0.998, team=team)
        self.bfloat16 = wants_bf16(precision, "cpu")

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        return super()._parts() | {"translators": self.translators}

    def train(self, photos: Photos, teachers: Teachers, minutes: float, batch: int) -> None:
        checked = photos.whole_held_out()
        wanted, _ = teachers(checked)

        def lesson(step: int) -> tuple[Tensor, Targets, list[Tensor]]:
            rng = np.random.default_rng([step, self.team.member])
            progress = self.spent / (60 * minutes)
            side = SMALL if progress < SMALL_SHARE else SIDE
            views, used = zip(*(photos.view(rng, side) for _ in range(batch)), strict=True)
            pixels = np.stack(views)
            targets, maps = teachers(pixels, both=progress >= AGREED)
            for numbers, best in zip(used, targets.scores.amax(1), strict=True):
                photos.note(numbers, (best > SURE).nonzero()[:, 0].tolist())
            if step % NOTED == NOTED - 1:  # here: nobody else notes anything meanwhile
                photos.write_down(self.folder / f"showing-{self.team.member}.json")
            return self.begun(to_input(pixels)), targets, maps

        lessons = twice(ahead(lesson, self.steps), KEPT, np.random.default_rng(self.steps))
        sums: dict[str, float] = {}
        self.set_modes()  # before the first lesson: another thread runs the frozen stages
        while self.spent < 60 * minutes:
            progress = self.spent / (60 * minutes)
            with self.timed():
                self.set_rate(self.rate, progress, warm_up=200)
                for name, value in self.step(*next(lessons), progress).items():
                    sums[name] = sums.get(name, 0) + value / 100
            if self.steps % 100 == 0 and self.team.leads:
                held_out = self.distance(to_input(checked), wanted)
                line = "%4.1f%% %6d steps  %s  held out: %s"
                log.info(line, 100 * progress, self.steps, _listed(sums), _listed(held_out))
                sums.clear()
            self.save_at_times()
        self.save()

    def set_modes(self) -> None:
        """Stages that learn normalise by the batch, unless the network began whole: then by what it knows."""
        self.net.train()
        keep_statistics(self.net if self.whole else self.frozen)

    @torch.no_grad()
    def begun(self, pixels: Tensor) -> Tensor:
        """What the frozen stages make of (N, 3, side, side)."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            for stage in self.frozen:
                pixels = stage(pixels)
        return pixels

    def step(
        self, begun: Tensor, targets: Targets, maps: list[Tensor], progress: float = 0.0
    ) -> dict[str, float]:
        """One step on what `begun` gave; returns the losses before it.

        Args:
            progress: Of the run, 0 to 1. The teacher's features teach faster than its answers, the answers
                are what counts.
        """
        lent = progress < self.lent
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            features = self.net.features(begun, len(self.frozen))
            theirs = [translate(m) for translate, m in zip(self.translators, maps, strict=True)]
            # Read together, so that one normalisation is right for both.
            read = [torch.cat(both) for both in zip(features, theirs, strict=True)] if lent else features
            scores, sides = self.net.answers(read)
        count = len(begun)
        ours, sides_of_ours = scores[:count].float(), sides[:count].float()
        places = grid(*(STRIDES[0] * length for length in features[0].shape[2:]))
        losses = detection_losses(ours, sides_of_ours, targets, places)
        losses["logits"] = unexplained_logits(ours, targets.scores)
        losses["classes"] = class_loss(ours, targets.scores)
        losses["maps"] = torch.stack(
            [unexplained(x.float(), m.float()) for x, m in zip(features, theirs, strict=True)]
        ).mean()
        weights = TAUGHT | {"maps": MAPS_WEIGHT[0] + (MAPS_WEIGHT[1] - MAPS_WEIGHT[0]) * progress}
        if lent:
            losses["lent logits"] = unexplained_logits(scores[count:].float(), targets.scores)
            losses["lent bins"] = bin_loss(sides[count:].float(), targets)
            weights |= {f"lent {name}": TAUGHT[name] for name in ("logits", "bins")}
        weighed = torch.stack([weights[name] * loss for name, loss in losses.items()])
        self.descend(weighed.sum(), longest=5.0)
        return {name: loss.item() for name, loss in losses.items()}

    @torch.inference_mode()
    def distance(self, pixels: Tensor, targets: Targets) -> dict[str, float]:
        """Losses of the average."""
        self.average.eval()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            answers = [self.average(part) for part in pixels.split(8)]
        scores, sides = (torch.cat(column).float() for column in zip(*answers, strict=True))
        found = detection_losses(scores, sides, targets, grid(*pixels.shape[2:]))
        return {name: loss.item() for name, loss in found.items()}


def _read_start(path: Path) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor] | None]:
    """Values of a network, and of translators where there are some."""
    if not path.is_dir():
        return load_file(path), None
    state = load_state(path)
    if state is None:
        raise ValueError(f"{path}: no run was saved there")
    return state["average"], state["translators"]


def unexplained(answer: Tensor, target: Tensor) -> Tensor:
    """Share of the variance of (N, C, h, w) that an answer does not explain, on average over channels.

    Channels that hardly vary count less. Whoever is the target learns from it too: the two meet.
    """
    variance = target.var((0, 2, 3))
    return ((answer - target).square().mean((0, 2, 3)) / (variance + 0.1 * variance.mean() + 1e-3)).mean()


def logits_of(scores: Tensor) -> Tensor:
    """Of a teacher's scores, which may round to 0 and 1."""
    return torch.logit(scores.clamp(1e-5, 1 - 1e-4))


def unexplained_logits(logits: Tensor, scores: Tensor) -> Tensor:
    """Share of the variance of a teacher's logits that (N, places, classes) do not explain.

    A score says little of what is not there, its logit says how far from it: what a place resembles is known
    of every place and class. Places where something is count as much as all the others together.
    """
    target = logits_of(scores)
    weight = scores.amax(2, keepdim=True) + 0.02
    weight = weight / weight.sum()
    mean = (weight * target).sum((0, 1))
    variance = (weight * (target - mean).square()).sum((0, 1))
    return ((weight * (logits - target).square()).sum((0, 1)) / (variance + 0.1)).mean()


def class_loss(logits: Tensor, scores: Tensor) -> Tensor:
    """How far the shares of classes in (N, places, classes) are from a teacher's, where it sees something.

    Scores tell at once whether there is a thing and which one: where a teacher is unsure of the first, they
    teach little of the second. As in classification (Hinton et al. 2015), in nats.
    """
    weight = scores.amax(2)
    seen = weight > SEEN
    theirs = logits_of(scores[seen]).softmax(1)
    divergence = F.kl_div(logits[seen].log_softmax(1), theirs, reduction="none").sum(1)
    return (divergence * weight[seen]).sum() / weight.sum().clamp_min(1)


def to_input(views: np.ndarray) -> Tensor:
    """(N, h, w, 3) uint8 to (N, 3, h, w) in -1..1."""
    x = torch.from_numpy(views).permute(0, 3, 1, 2).float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last)


def _listed(values: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in values.items())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of them")
    parser.add_argument("--teachers", type=Path, required=True, help="folder of the two ONNX files")
    parser.add_argument("--start", type=Path, help="a tagger's or detector's weights, or a run's folder")
    parser.add_argument("--rate", type=float, default=RATE, help="of learning, of the first steps")
    parser.add_argument(
        "--frozen", type=int, choices=[0, 1, 2], default=2, help="stages that stay as they are"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of this run, outside the project")
    parser.add_argument("--out", type=Path, required=True, help="write the weights here (.safetensors)")
    parser.add_argument("--minutes", type=float, default=180)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="of one thread each, with a batch of its own, if more than one",
    )
    parser.add_argument(
        "--precision",
        choices=["auto", "fp32", "bf16"],
        default="auto",
        help="what convolutions compute in; auto: what is quicker here",
    )
    arguments = parser.parse_args()
    run_team(arguments.processes, work, arguments)


def work(team: Team, arguments: argparse.Namespace) -> None:
    """What every process of a run does."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    run = DetectorRun(
        arguments.work, arguments.start, arguments.frozen, arguments.precision, team, arguments.rate
    )
    teachers = Teachers(arguments.teachers, "bf16" if run.bfloat16 else "f32")
    photos = Photos(arguments.photos)
    for folder in (arguments.start, arguments.work):
        if folder:
            photos.remember(folder)
    run.train(photos, teachers, arguments.minutes, arguments.batch)
    if team.leads:
        run.export(arguments.out)


if __name__ == "__main__":
    main()
