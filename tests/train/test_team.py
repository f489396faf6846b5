import json
from pathlib import Path

import pytest
import torch

from irs_engine.train.team import Team, run_team


def work(team: Team, folder: Path) -> None:
    tensors = [torch.full((2, 3), float(team.member)), torch.tensor([10.0 * (team.member + 1)])]
    team.mean_(tensors)
    team.wait()
    found = [tensor.flatten().tolist() for tensor in tensors]
    (folder / f"{team.member}.json").write_text(json.dumps([found, torch.get_num_threads()]))


def test_every_member_gets_the_mean(tmp_path):
    run_team(2, work, tmp_path)
    for member in (0, 1):
        assert json.loads((tmp_path / f"{member}.json").read_text()) == [[[0.5] * 6, [15.0]], 1]


def test_a_team_of_one_works_here_and_now(tmp_path):
    threads = torch.get_num_threads()
    run_team(1, work, tmp_path)
    assert json.loads((tmp_path / "0.json").read_text()) == [[[0.0] * 6, [10.0]], threads]


def fail(team: Team) -> None:
    if team.member == 1:
        raise ValueError("a bad photo")
    team.wait()


def test_what_one_member_meets_ends_the_team():
    with pytest.raises(Exception, match="a bad photo"):
        run_team(2, fail)
