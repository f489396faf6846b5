"""Processes that train one network together: each on its own batches, all with the mean of their gradients.

On a CPU, two processes of one thread see a third more pictures a second than one process of two threads,
where after every operator one half of the work waits for the other.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE = timedelta(days=1)  # the others wait while the first one collects lessons


class Team:
    """One member's view of the team; by default a team of one."""

    def __init__(self, member: int = 0, size: int = 1):
        self.member, self.size = member, size

    @property
    def leads(self) -> bool:
        """Whether this member writes files and progress."""
        return self.member == 0

    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Give the tensors of every member the mean over the team, in place."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Until every member is here."""
        if self.size > 1:
            dist.barrier()


def run_team(size: int, work: Callable[..., None], *arguments: Any) -> None:
    """`work(team, *arguments)` in `size` processes of one thread each; with one member, here and now."""
    if size == 1:
        work(Team(), *arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        torch.multiprocessing.spawn(_join, (size, meeting, work, arguments), nprocs=size)


def _join(
    member: int, size: int, meeting: str, work: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    # Children get this signal when their parent ends; started in the background they would ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=member, world_size=size, timeout=PATIENCE)
    try:
        work(Team(member, size), *arguments)
    except Exception:
        # The others fail next, for want of this one, and any of them may be the one that is reported.
        traceback.print_exc()
        raise
    dist.destroy_process_group()
    _end()


def _end() -> None:
    """Of this process, at once: the interpreter's own end aborts it where another thread is inside torch.

    One of the group's own is sometimes.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
