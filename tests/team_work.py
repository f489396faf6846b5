"""What the processes of test_team.py do: they must be able to import it."""

import json
import threading
import time
from pathlib import Path

import torch

from irs_engine.train.runs import Run
from irs_engine.train.team import Team


def mean(team: Team, folder: Path) -> None:
    """Ends beside a thread that is inside torch, as one of the group's own sometimes is."""
    threading.Thread(target=_multiply_for_ever, daemon=True).start()
    tensors = [torch.full((2, 3), float(team.member)), torch.tensor([10.0 * (team.member + 1)])]
    team.mean_(tensors)
    team.wait()
    found = [tensor.flatten().tolist() for tensor in tensors]
    (folder / f"{team.member}.json").write_text(json.dumps([found, torch.get_num_threads()]))


def _multiply_for_ever() -> None:
    x = torch.ones(300, 300)
    while True:
        torch.mm(x, x)


def learn(team: Team, folder: Path) -> None:
    """Two steps of plain descent, each member on a slope of its own; one spends longer than the other."""
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(net.weight)
    run = Run(folder / "run", net, torch.optim.SGD(net.parameters(), lr=1.0), most_kept=0.9, team=team)
    for _ in range(2):
        with run.timed():
            time.sleep(0.1 * team.member)
            run.descend((2.0 + team.member) * net.weight.sum(), longest=100.0)
    run.save()
    (folder / f"{team.member}.json").write_text(json.dumps([net.weight.item(), run.spent]))


def fail(team: Team) -> None:
    if team.member == 1:
        raise ValueError("a bad photo")
    team.wait()
