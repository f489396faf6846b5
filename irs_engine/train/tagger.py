"""Train the tagger from random initialisation by distillation, in four phases, resumable at any moment.

    python -m irs_engine.train.tagger --packs packs/a packs/b --teachers teachers/ --work runs/tagger \\
        --minutes early=8 late=60 whole=30 --views 40000

1. early    stages at strides 4 and 8, against the teacher's maps at the same strides; few pictures are
enough. 2. collect  the teachers' answers and the early features of many views are written to disk, once. 3.
late     everything behind, on those features: targets at the end of every stage, on the pooled vector and on
            the logits. Several times as many pictures a second as training the whole network.
4. whole    end to end on the same views, small steps.

Weights that such a run exported can be carried on with by `--init`, usually straight into the last phase:

    python -m irs_engine.train.tagger --init tagger_s.safetensors --minutes early=0 late=0 whole=60 ...

Targets are outputs of stages through 1x1 adaptors that are thrown away; no hidden unit of a teacher is ever a
target. Stop it at any time; the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import logging
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from irs_engine.device import wants_bf16
from irs_engine.train.depthwise import full_precision_gradients
from irs_engine.train.lessons import HELD_OUT, STAGE_MAPS, Lesson, LessonStore, Views, early_lessons, lessons
from irs_engine.train.runs import load_state, save_state, write_weights
from irs_engine.train.teachers import Faculty
from irs_engine.train.team import Team, run_team
from irs_engine.vision.nets.tagger_net import TaggerNet, build_tagger_net

log = logging.getLogger(__name__)

PHASES = ("early", "late", "whole")
LEARNING_RATE = {"early": 3e-3, "late": 2e-3, "whole": 1e-3}
EARLY_STAGES = 2
# Of the heads that choose one class; SqueezeNet's probabilities are soft already.
TEMPERATURE = {"imagenet": 2.0, "places": 1.5, "birds": 2.0, "insects": 2.0}


class Student(nn.Module):
    """The network with its adaptors: 1x1 maps from its stages to the teacher's, and from its vector to the
    teacher's.
    """

    def __init__(self, widths: Sequence[int] = TaggerNet.WIDTHS):
        super().__init__()
        self.net = full_precision_gradients(TaggerNet(Faculty.HEADS, widths=widths))
        channels = [Faculty.MAP_CHANNELS[i] for i in STAGE_MAPS]
        self.adaptors = nn.ModuleList(
            nn.Conv2d(w, c, 1) for w, c in zip(self.net.widths, channels, strict=True)
        )
        self.pooled_adaptor = nn.Linear(TaggerNet.FEATURE, 1280)
        self.variances = nn.ParameterDict()  # of the targets, per channel: what there is to be told

    def early(self, x: Tensor) -> Tensor:
        for stage in self.net.stages[:EARLY_STAGES]:
            x = stage(x)
        return x

    def see(self, lesson: Lesson) -> tuple[dict[int, Tensor], Tensor | None]:
        """Outputs of the stages by number, and the pooled vector if the lesson goes that far."""
        x, first = (lesson.pixels, 0) if lesson.early is None else (lesson.early, EARLY_STAGES)
        outputs = {}
        for number in range(first, len(lesson.maps)):
            outputs[number] = x = self.net.stages[number](x)
        complete = len(lesson.maps) == len(self.net.stages)
        return outputs, self.net.feature(x).mean((2, 3)) if complete else None

    def losses(self, lesson: Lesson) -> dict[str, Tensor]:
        """Unweighted losses by name; those of maps and vector are 1 - R2 of what was to be told."""
        self.measure(lesson)
        outputs, vector = self.see(lesson)
        losses = {}
        for number, output in outputs.items():
            target = lesson.maps[number]
            if target is not None:
                losses[f"map{number}"] = self._unexplained(
                    f"map{number}", self.adaptors[number](output), target
                )
        if vector is not None and lesson.pooled is not None:
            losses["pooled"] = self._unexplained("pooled", self.pooled_adaptor(vector), lesson.pooled)
            for head, classifier in self.net.heads.items():
                losses[head] = _distillation(head, classifier(vector), lesson.logits[head])
        return losses

    def measure(self, lesson: Lesson) -> None:
        """Take the variances of the targets from these views: many, for some channels speak rarely."""
        targets = {f"map{number}": target for number, target in enumerate(lesson.maps)}
        for name, target in (targets | {"pooled": lesson.pooled}).items():
            if target is not None and name not in self.variances:
                variance = target.var(_all_but_channels(target)) + 1e-4
                self.variances[name] = nn.Parameter(variance, requires_grad=False)

    def _unexplained(self, name: str, answer: Tensor, target: Tensor) -> Tensor:
        squares = (answer - target).square().mean(_all_but_channels(target))
        return (squares / self.variances[name]).mean()


def _all_but_channels(x: Tensor) -> tuple[int, ...]:
    return tuple(i for i in range(x.ndim) if i != 1)


def _distillation(head: str, answer: Tensor, target: Tensor) -> Tensor:
    """KL at a temperature (Hinton et al. 2015), for independent labels cross-entropy."""
    if head == "objects":
        # Summed over labels as the softmax loss is, less the entropy of the target, so that 0 is perfect.
        told = torch.sigmoid(target)
        floor = F.binary_cross_entropy_with_logits(target, told, reduction="none")
        return (F.binary_cross_entropy_with_logits(answer, told, reduction="none") - floor).sum(1).mean()
    t = TEMPERATURE[head]
    told = (target / t).log_softmax(1)
    apart = F.kl_div((answer / t).log_softmax(1), told, reduction="none", log_target=True).sum(1)
    return (apart * was_asked(target)).mean() * t * t


def was_asked(target: Tensor) -> Tensor:
    """(N,) whether the teacher was asked about each view: no network ever says 0 for every class."""
    return (target != 0).any(1)


WEIGHTS = dict.fromkeys(("objects", "places", "birds", "insects"), 0.5)  # of the losses; 1 for all others


class Run:
    """The state of a training run in its folder: student, moving average, optimiser, time spent in each
    phase.
    """

    def __init__(
        self,
        folder: Path,
        device: torch.device,
        widths: Sequence[int] = TaggerNet.WIDTHS,
        team: Team | None = None,
    ):
        self.folder, self.device, self.team = folder, device, team or Team()
        self.bfloat16 = device.type == "cpu" and wants_bf16("auto", "cpu")
        folder.mkdir(parents=True, exist_ok=True)
        self.student = Student(widths).to(device).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.student)
        self.spent = dict.fromkeys(PHASES, 0.0)  # seconds
        self.images = dict.fromkeys(PHASES, 0)
        self.optimiser_state: dict | None = None
        self.phase = PHASES[0]
        if state := load_state(folder, device):
            self._load(state)

    def start_from(self, path: Path) -> None:
        """Begin with exported weights, or with the `state.pt` of another run, instead of random ones.

        What the file does not have stays new: the adaptors in exported weights, heads that came later.
        """
        if path.suffix == ".pt":
            known = torch.load(path, map_location=self.device, weights_only=True)["average"]
            known = {name: value for name, value in known.items() if not name.startswith("variances.")}
        else:
            known = {
                f"net.{name}": value for name, value in build_tagger_net(load_file(path)).state_dict().items()
            }
        for module in (self.student, self.average):
            module.load_state_dict(self.student.state_dict() | known)

    def precision(self) -> torch.autocast:
        """Half precision where the machine multiplies it faster: on CPUs with AMX, twice to three times."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def _load(self, state: dict[str, Any]) -> None:
        for module, values in ((self.student, state["student"]), (self.average, state["average"])):
            for name in (key for key in values if key.startswith("variances.")):
                module.variances[name.removeprefix("variances.")] = nn.Parameter(
                    values[name], requires_grad=False
                )
            module.load_state_dict(values)
        self.spent, self.images, self.phase = state["spent"], state["images"], state["phase"]
        self.optimiser_state = state["optimiser"]

    def save(self, optimiser: torch.optim.Optimizer | None) -> None:
        state = {
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "spent": self.spent,
            "images": self.images,
            "phase": self.phase,
            "optimiser": optimiser.state_dict() if optimiser else None,
        }
        save_state(self.folder, state)

    def train(
        self, phase: str, lessons: Iterator[Lesson], minutes: float, check: Lesson | None = None
    ) -> None:
        """Go on with one phase until its minutes are spent; the step size follows a cosine over them."""
        modules = _trained_modules(self.student, phase)
        optimiser = _optimiser(modules, LEARNING_RATE[phase])
        if self.phase == phase and self.optimiser_state:
            optimiser.load_state_dict(self.optimiser_state)
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        self.phase, step, saved = phase, 0, time.monotonic()
        shown: dict[str, float] = {}
        self.student.requires_grad_(False).eval()
        for module in modules:
            module.requires_grad_(True).train()
        if check is not None:
            self.student.measure(_to(check, self.device))
        begun = time.monotonic()
        for lesson in lessons:
            progress = self.spent[phase] / (60 * minutes)
            if progress >= 1:
                break
            for group in optimiser.param_groups:
                warm = min(1.0, (self.images[phase] + 1) / 3000)
                group["lr"] = LEARNING_RATE[phase] * warm * (0.5 + 0.5 * math.cos(math.pi * progress))
            with self.precision():
                losses = self.student.losses(_to(lesson, self.device))
            loss = torch.stack([WEIGHTS.get(name, 1.0) * value for name, value in losses.items()]).sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            # A pause of the whole process (a stopped laptop, SIGSTOP) is not time spent.
            now = time.monotonic()
            self._agree(parameters, phase, self.spent[phase] + min(now - begun, 10.0))
            begun = now
            nn.utils.clip_grad_norm_(parameters, 5.0)
            optimiser.step()
            step += 1
            batch = len(lesson) * self.team.size
            self.images[phase] += batch
            self._update_average(min(0.999, 1 - 10 / (10 + self.images[phase] / batch)))
            for name, value in losses.items():
                shown[name] = 0.95 * shown.get(name, value.item()) + 0.05 * value.item()
            if not self.team.leads:
                continue
            if step % 50 == 0:
                line = " ".join(f"{name} {value:.3f}" for name, value in shown.items())
                log.info("%s %4.1f%% %7d images  %s", phase, 100 * progress, self.images[phase], line)
            if check is not None and step % 400 == 0:
                self.report(check)
            if now - saved > 120:
                self.save(optimiser)
                saved = now
        self.optimiser_state = None
        if self.team.leads:
            self.save(None)

    def _agree(self, parameters: list[nn.Parameter], phase: str, spent: float) -> None:
        """The team goes on with one gradient and one clock."""
        clock = torch.tensor([spent])
        self.team.mean_([*(p.grad for p in parameters if p.grad is not None), clock])
        self.spent[phase] = float(clock)

    @torch.no_grad()
    def _update_average(self, decay: float) -> None:
        for ours, theirs in zip(self.average.parameters(), self.student.parameters(), strict=False):
            ours.lerp_(theirs, 1 - decay)
        for kept, current in zip(self.average.buffers(), self.student.buffers(), strict=True):
            kept.copy_(current)
        for name, value in self.student.variances.items():
            if name not in self.average.variances:
                copied = nn.Parameter(value.detach().clone(), requires_grad=False)
                self.average.variances[name] = copied

    @torch.inference_mode()
    def report(self, check: Lesson) -> None:
        """Log how well the averaged student tells what the teachers say about views it never saw."""
        self.average.eval()
        lesson = _to(check, self.device)
        with self.precision():
            losses = self.average.losses(lesson)
            _, vector = self.average.see(lesson)
            answers = {head: self.average.net.heads[head](vector).float() for head in TEMPERATURE}
        line = " ".join(f"{name} {value.item():.3f}" for name, value in losses.items())
        for head, answer in answers.items():
            asked = was_asked(check.logits[head])
            if not asked.any():
                continue
            answer = answer.cpu()[asked]
            best = check.logits[head][asked].argmax(1, keepdim=True)
            line += f" {head} agreement top-1 {(answer.argmax(1, keepdim=True) == best).float().mean():.3f}"
            line += f" top-5 {(answer.topk(5).indices == best).any(1).float().mean():.3f}"
        log.info("held out: %s", line)

    def export(self, path: Path) -> None:
        """The averaged network as a weights file."""
        about = {"heads": json.dumps(Faculty.HEADS), "images": json.dumps(self.images)}
        write_weights(self.average.net, path, about)


def _trained_modules(student: Student, phase: str) -> list[nn.Module]:
    stages, adaptors = list(student.net.stages), list(student.adaptors)
    late = [*stages[EARLY_STAGES:], *adaptors[EARLY_STAGES:], student.net.feature, student.net.heads]
    late.append(student.pooled_adaptor)
    early = [*stages[:EARLY_STAGES], *adaptors[:EARLY_STAGES]]
    return {"early": early, "late": late, "whole": [*early, *late]}[phase]


def _optimiser(modules: list[nn.Module], rate: float) -> torch.optim.AdamW:
    parameters = [p for module in modules for p in module.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.02},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, rate, betas=(0.9, 0.99), fused=True)


def _to(lesson: Lesson, device: torch.device) -> Lesson:
    def move(value):
        return value if value is None else value.to(device, non_blocking=True)

    logits = {head: move(value) for head, value in lesson.logits.items()}
    return Lesson(
        move(lesson.pixels), move(lesson.early), [move(m) for m in lesson.maps], move(lesson.pooled), logits
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packs", nargs="+", required=True, help="photo packs (irs_engine.train.photos)")
    parser.add_argument("--teachers", type=Path, required=True, help="folder of the teachers' files")
    parser.add_argument("--work", type=Path, required=True, help="folder of this run, outside the project")
    parser.add_argument("--init", type=Path, help="exported weights to begin a new run with")
    parser.add_argument(
        "--minutes", nargs="+", default=["early=8", "late=60", "whole=30"], metavar="phase=minutes"
    )
    parser.add_argument("--views", type=int, default=40000, help="how many views to collect")
    parser.add_argument("--side", type=int, default=160, help="side of a view in pixels, a multiple of 32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument(
        "--processes", type=int, default=min(4, torch.get_num_threads()), help="of one thread each"
    )
    parser.add_argument("--export", type=Path, help="write the weights here (.safetensors) after every phase")
    arguments = parser.parse_args()
    run_team(arguments.processes, work, arguments)


def work(team: Team, arguments: argparse.Namespace) -> None:
    """What every process of a run does; the first one collects lessons while the others wait."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(0)
    minutes = {phase: float(value) for phase, value in (item.split("=") for item in arguments.minutes)}
    run = Run(arguments.work, torch.device("cpu"), team=team)
    if arguments.init and not sum(run.images.values()):
        run.start_from(arguments.init)
    views = Views(arguments.packs, arguments.side)

    @functools.cache
    def faculty() -> Faculty:  # reading it takes seconds and memory, and not every member asks
        return Faculty(arguments.teachers).to(run.device).to(memory_format=torch.channels_last)

    early = minutes.get("early", 0)
    if run.spent["early"] < 60 * early:
        first = run.images["early"] // arguments.batch + team.member
        live = early_lessons(views, faculty(), arguments.batch, first, team.size, EARLY_STAGES - 1)
        run.train("early", live, early)
    features = run.student.net.widths[EARLY_STAGES - 1] if minutes.get("late", 0) else 0
    if team.leads:
        collect(run, faculty(), views, arguments.views, features)
    team.wait()
    stores, _ = open_stores(arguments.work, views, arguments.views, features)
    _copy_early(run)
    rng = np.random.default_rng()
    for phase in (p for p in ("late", "whole") if run.spent[p] < 60 * minutes.get(p, 0)):
        pixels = phase == "whole"
        check = stores[0].lesson(np.arange(HELD_OUT), pixels)
        run.train(phase, lessons(stores, arguments.batch, rng, pixels), minutes[phase], check)
        if arguments.export and team.leads:
            run.export(arguments.export)


def collect(run: Run, faculty: Faculty, views: Views, size: int, features: int) -> None:
    """Ask the teachers about so many views; the rest of the team waits, so all threads are free for it."""
    _, store = open_stores(run.folder, views, size, features)
    threads = torch.get_num_threads()
    torch.set_num_threads(max(run.team.size, threads))
    run.average.eval()
    with run.precision():
        for filled in store.fill(faculty, run.average.early):
            if filled % 1000 == 0:
                log.info("collected %d of %d views", filled, size)
    torch.set_num_threads(threads)


def open_stores(work: Path, views: Views, size: int, features: int) -> tuple[list[LessonStore], LessonStore]:
    """The lessons of a run, a store for each set of packs that it was ever given, and the one of these packs.

    So photos can be added to a run; what was collected before is still learned from. Only views of the
    current side count: towards its end a run may go on with larger ones.
    """
    catalogue = work / "lessons.json"
    known = json.loads(catalogue.read_text()) if catalogue.exists() else []
    current = {"packs": [pack.path for pack in views.packs], "side": views.side}
    if current not in known:
        known.append(current)
        catalogue.write_text(json.dumps(known))
    stores = {}
    for number, lessons_of in enumerate(known):
        if lessons_of["side"] == views.side:
            least = size if lessons_of == current else 0
            seen = Views(lessons_of["packs"], views.side)
            stores[number] = LessonStore(work / f"lessons{number}", seen, least, features)
    return list(stores.values()), stores[known.index(current)]


def _copy_early(run: Run) -> None:
    """The kept features are those of the averaged early stages: the student goes on from them."""
    if run.images["whole"] == 0:
        run.student.net.stages[:EARLY_STAGES].load_state_dict(
            run.average.net.stages[:EARLY_STAGES].state_dict()
        )


if __name__ == "__main__":
    main()
