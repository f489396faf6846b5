import json

import pytest
import torch
from team_work import fail, learn, mean

from irs_engine.train.runs import load_state
from irs_engine.train.team import run_team


def test_every_member_gets_the_mean_and_ends(tmp_path):
    run_team(2, mean, tmp_path)
    for member in (0, 1):
        assert json.loads((tmp_path / f"{member}.json").read_text()) == [[[0.5] * 6, [15.0]], 1]


def test_a_team_of_one_works_here_and_now():
    found = []
    run_team(1, lambda team, given: found.append((team.leads, team.size, given)), 7)
    assert found == [(True, 1, 7)]


def test_a_team_learns_as_one_and_the_first_saves(tmp_path):
    run_team(2, learn, tmp_path)
    (weight, spent), other = (json.loads((tmp_path / f"{member}.json").read_text()) for member in (0, 1))
    assert [weight, spent] == other and weight == -2 * 2.5 and spent > 0.1
    assert load_state(tmp_path / "run")["steps"] == 2


def test_what_one_member_meets_ends_the_team_and_is_told(capfd):
    with pytest.raises(torch.multiprocessing.ProcessRaisedException):
        run_team(2, fail)
    assert "ValueError: a bad photo" in capfd.readouterr().err
