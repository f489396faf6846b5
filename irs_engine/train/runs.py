"""What training runs share: their state on disk, the moving average of their weights, their clock."""

from __future__ import annotations

import contextlib
import copy
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from irs_engine.train.team import Team
from irs_engine.weights import weights_about

NAME = "state.pt"
SAVING = 120  # seconds between two states on disk
Net = TypeVar("Net", bound=nn.Module)
Item = TypeVar("Item")


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replaced in one step: whenever a run is killed, its last state or the one before is whole."""
    part = folder / "state.part"
    torch.save(state, part)
    part.replace(folder / NAME)


def load_state(folder: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """What `save_state` wrote last, None for a new run."""
    path = folder / NAME
    return torch.load(path, map_location=device, weights_only=True) if path.exists() else None


def write_weights(
    net: nn.Module, path: Path, about: dict[str, str], beside: Mapping[str, torch.Tensor] | None = None
) -> None:
    """A weights file in half precision, not fused: training can go on from it.

    Args:
        beside: Tensors that are no part of the network, written as they are.
    """
    values = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in net.state_dict().items()
    }
    save_file(values | dict(beside or {}), path, about)


def add_tensors(weights: Path, tensors: Mapping[str, torch.Tensor], out: Path) -> None:
    """Write a weights file with some tensors more, or others in their place; `out` may be the same file."""
    save_file(load_file(weights) | dict(tensors), out, weights_about(weights))


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, steps: int, most: float) -> None:
    """Draw the average to the network: quickly at first, later by 1 - most a step. Buffers are copied."""
    keep = min(most, 1 - 10 / (10 + steps))
    for ours, theirs in zip(average.parameters(), net.parameters(), strict=True):
        ours.lerp_(theirs, 1 - keep)
    for kept, current in zip(average.buffers(), net.buffers(), strict=True):
        kept.copy_(current)


def keep_statistics(net: nn.Module) -> None:
    """Let batch normalisation go by what a network knows, not by the batch. To be said again after `train()`.

    For networks that begin trained: a few views are a noisy measure, which they never meet in use.
    torchvision fine-tunes its detectors so as well (FrozenBatchNorm2d).
    """
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()


def ahead(make: Callable[[int], Item], start: int = 0, depth: int = 3) -> Iterator[Item]:
    """make(start), make(start + 1), ... computed by one thread a few steps ahead of their use.

    What `make` raises is raised where its item is asked for.
    """
    ready: queue.Queue[Item | Exception] = queue.Queue(depth)
    stop = threading.Event()

    def work() -> None:
        step = start
        item: Item | Exception
        while not stop.is_set():
            try:
                item = make(step)
            except Exception as error:
                item = error
            while not stop.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if isinstance(item, Exception):
                return
            step += 1

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()  # inside torch it would abort an interpreter that ends meanwhile


def twice(lessons: Iterator[Item], kept: int, rng: np.random.Generator) -> Iterator[Item]:
    """Every lesson, and after it one of the `kept` before it (data echoing, Choi et al. 2019).

    For lessons that take long to make beside the step that they are for.
    """
    before: list[Item] = []
    for lesson in lessons:
        yield lesson
        if len(before) == kept:
            yield before.pop(int(rng.integers(kept)))
        before.append(lesson)


class Run(Generic[Net]):
    """A run in its folder: network, moving average, optimiser, seconds spent, steps. Goes on where it was.

    Args:
        most_kept: Share of the moving average that a step leaves (`update_average`).
        team: The processes that train it together. The first one saves.
    """

    def __init__(
        self,
        folder: Path,
        net: Net,
        optimiser: torch.optim.Optimizer,
        most_kept: float,
        team: Team | None = None,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.net, self.optimiser, self.most_kept = folder, net, optimiser, most_kept
        self.team = team or Team()
        self.average = copy.deepcopy(net).requires_grad_(False)
        self.spent, self.steps = 0.0, 0
        self._saved = time.monotonic()
        if state := load_state(folder):
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
            self.spent, self.steps = state["spent"], state["steps"]

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        return {"net": self.net, "average": self.average, "optimiser": self.optimiser}

    def save(self) -> None:
        if not self.team.leads:
            return
        state = {name: part.state_dict() for name, part in self._parts().items()}
        save_state(self.folder, state | {"spent": self.spent, "steps": self.steps})
        self._saved = time.monotonic()

    def export(self, path: Path) -> None:
        """The average as a weights file."""
        about = {"architecture": type(self.average).__name__, "steps": str(self.steps)}
        write_weights(self.average, path, about)

    def save_at_times(self) -> None:
        if time.monotonic() - self._saved > SAVING:
            self.save()

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """What is done inside counts as time spent, by all of the team alike."""
        started = time.monotonic()
        yield
        # A pause of the whole process (a stopped laptop, SIGSTOP) does not.
        spent = torch.tensor([min(time.monotonic() - started, 10.0)], dtype=torch.float64)
        self.team.mean_([spent])
        self.spent += spent.item()

    def set_rate(self, rate: float, progress: float, warm_up: int) -> None:
        """Of the next step: a cosine over the time of the run, after so many steps that grow.

        A group of parameters with a `share` learns at that share of it.
        """
        rate *= min(1, (self.steps + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)

    def descend(self, loss: torch.Tensor, longest: float) -> float:
        """One step down the loss, the team's mean gradient clipped; returns the loss."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        learned = (p for group in self.optimiser.param_groups for p in group["params"])
        self.team.mean_([p.grad for p in learned if p.grad is not None])
        nn.utils.clip_grad_norm_(self.net.parameters(), longest)
        self.optimiser.step()
        self.steps += 1
        update_average(self.average, self.net, self.steps, self.most_kept)
        return loss.item()
