"""What the processes of test_team.py do: they must be able to import it."""

import json
from pathlib import Path

import torch

from irs_engine.train.team import Team


def mean(team: Team, folder: Path) -> None:
    tensors = [torch.full((2, 3), float(team.member)), torch.tensor([10.0 * (team.member + 1)])]
    team.mean_(tensors)
    team.wait()
    found = [tensor.flatten().tolist() for tensor in tensors]
    (folder / f"{team.member}.json").write_text(json.dumps([found, torch.get_num_threads()]))


def fail(team: Team) -> None:
    if team.member == 1:
        raise ValueError("a bad photo")
    team.wait()
