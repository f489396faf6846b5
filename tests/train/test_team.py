import json

import pytest
import torch
from team_work import end_beside_a_busy_thread, fail, learn, mean

from irs_engine.train.runs import load_state
from irs_engine.train.team import run_team


def test_every_member_gets_the_mean(tmp_path):
    run_team(2, mean, tmp_path)
    for member in (0, 1):
        assert json.loads((tmp_path / f"{member}.json").read_text()) == [[[0.5] * 6, [15.0]], 1]


def test_a_team_of_one_works_here_and_now(tmp_path):
    threads = torch.get_num_threads()
    run_team(1, mean, tmp_path)
    assert json.loads((tmp_path / "0.json").read_text()) == [[[0.0] * 6, [10.0]], threads]


def test_a_team_learns_as_one_and_the_first_saves(tmp_path):
    run_team(2, learn, tmp_path)
    (weight, spent), other = (json.loads((tmp_path / f"{member}.json").read_text()) for member in (0, 1))
    assert [weight, spent] == other and weight == -2 * 2.5 and spent > 0.1
    assert load_state(tmp_path / "run")["steps"] == 2


def test_a_thread_that_is_inside_torch_does_not_abort_the_end():
    run_team(2, end_beside_a_busy_thread)


def test_what_one_member_meets_ends_the_team_and_is_told(capfd):
    with pytest.raises(torch.multiprocessing.ProcessRaisedException):
        run_team(2, fail)
    assert "ValueError: a bad photo" in capfd.readouterr().err
