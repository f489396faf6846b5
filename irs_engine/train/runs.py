"""What training runs share: their state on disk, and the moving average of their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

NAME = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Replaced in one step: whenever a run is killed, its last state or the one before is whole."""
    part = folder / "state.part"
    torch.save(state, part)
    part.replace(folder / NAME)


def load_state(folder: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """What `save_state` wrote last, None for a new run."""
    path = folder / NAME
    return torch.load(path, map_location=device, weights_only=True) if path.exists() else None


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, steps: int, most: float) -> None:
    """Move the average towards the network: quickly at first, later by 1 - most a step."""
    keep = min(most, 1 - 10 / (10 + steps))
    for ours, theirs in zip(average.parameters(), net.parameters(), strict=True):
        ours.lerp_(theirs, 1 - keep)
