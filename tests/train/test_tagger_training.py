"""The training of the tagger, with drawn pictures and random teachers: does it learn, stop, and go on?"""

import json
from itertools import islice

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from irs_engine.train.lessons import STAGE_MAPS, Lesson
from irs_engine.train.tagger import EARLY_STAGES, Run
from irs_engine.train.teachers import Faculty
from irs_engine.vision.nets.tagger_net import TaggerNet, build_tagger_net

SIDE = 32


def lessons(seed: int = 0, early: torch.nn.Module | None = None):
    """Endless lessons of a teacher that is a fixed random linear map of the pooled picture."""
    rng = torch.Generator().manual_seed(seed)
    fixed = torch.Generator().manual_seed(99)
    channels = [Faculty.MAP_CHANNELS[i] for i in STAGE_MAPS]
    mixes = [torch.randn(c, 3, generator=fixed) for c in channels]
    heads = {head: torch.randn(classes, 3, generator=fixed) for head, classes in Faculty.HEADS.items()}
    wide = torch.randn(1280, 3, generator=fixed)
    while True:
        pixels = torch.rand(16, 3, 1, 1, generator=rng).expand(16, 3, SIDE, SIDE) * 2 - 1
        colour = pixels[:, :, 0, 0]
        sides = [SIDE // 4, SIDE // 8, SIDE // 16, SIDE // 16, SIDE // 32, SIDE // 32]
        maps = [
            (colour @ m.T)[:, :, None, None].expand(-1, -1, s, s) for m, s in zip(mixes, sides, strict=True)
        ]
        logits = {head: 3 * colour @ m.T for head, m in heads.items()}
        yield Lesson(pixels.contiguous(), None, maps, colour @ wide.T, logits)


WIDTHS = (8, 16, 16, 16)


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    return Run(tmp_path / "run", torch.device("cpu"), WIDTHS)


def early_lessons(seed: int = 0):
    for lesson in lessons(seed):
        yield Lesson(lesson.pixels, None, lesson.maps[:EARLY_STAGES], None, {})


def unexplained(run) -> float:
    run.student.eval()
    with torch.no_grad():
        return float(sum(run.student.losses(next(early_lessons(5))).values()))


def test_the_loss_falls_and_a_run_goes_on_where_it_was(run):
    run.train("early", islice(early_lessons(), 20), minutes=60)
    before = unexplained(run)
    assert run.spent["early"] > 0 and run.images["early"] == 20 * 16
    again = Run(run.folder, torch.device("cpu"), WIDTHS)
    assert again.spent == run.spent and again.images == run.images and again.phase == "early"
    assert unexplained(again) == pytest.approx(before, rel=1e-4)
    again.train("early", islice(early_lessons(1), 100), minutes=60)
    assert again.images["early"] == 120 * 16
    assert unexplained(again) < 0.5 * before


def test_a_phase_ends_when_its_minutes_are_spent(run):
    run.spent["late"] = 60.0
    run.train("late", lessons(), minutes=1)
    assert run.images["late"] == 0


def test_a_phase_trains_its_own_part_only(run):
    first = {
        name: value.clone()
        for name, value in run.student.net.state_dict().items()
        if "num_batches" not in name
    }
    run.train("early", islice(early_lessons(), 3), minutes=60)
    moved = {
        name
        for name, value in run.student.net.state_dict().items()
        if name in first and not torch.equal(value, first[name])
    }
    assert moved and all(name.startswith(("stages.0.", "stages.1.")) for name in moved)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_progress_is_reported_while_it_trains(run, caplog, bfloat16):
    run.bfloat16 = bfloat16
    run.train("whole", islice(lessons(), 2), minutes=60)
    with caplog.at_level("INFO", logger="irs_engine.train.tagger"):
        run.report(next(lessons(5)))
    line = caplog.messages[-1]
    assert "imagenet agreement top-1 " in line and "places agreement top-1 " in line and "nan" not in line


def test_the_export_is_a_network(run, tmp_path):
    path = tmp_path / "tagger.safetensors"
    run.export(path)
    assert path.stat().st_size < 25e6
    net = build_tagger_net(load_file(path))
    assert isinstance(net, TaggerNet) and net.classes == Faculty.HEADS
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["images"]) == run.images


def without(head, weights):
    """Exported weights as they were before there was such a head."""
    values = {name: value for name, value in load_file(weights).items() if f".{head}." not in name}
    save_file(values, weights)


def test_a_new_head_begins_by_chance_beside_known_ones(run, tmp_path):
    run.export(tmp_path / "first.safetensors")
    without("insects", tmp_path / "first.safetensors")
    other = Run(tmp_path / "other", torch.device("cpu"), WIDTHS)
    own = other.student.net.heads["insects"].weight.detach().clone()
    other.start_from(tmp_path / "first.safetensors")
    for net in (other.student.net, other.average.net):
        assert torch.equal(net.heads["insects"].weight, own)
        assert torch.equal(net.heads["birds"].weight, run.average.net.heads["birds"].weight.half().float())


def test_a_run_can_begin_with_the_state_of_another_adaptors_included(run, tmp_path):
    run.train("early", islice(early_lessons(), 5), minutes=60)
    other = Run(tmp_path / "other", torch.device("cpu"), WIDTHS)
    other.start_from(run.folder / "state.pt")
    assert torch.equal(other.student.adaptors[0].weight, run.average.adaptors[0].weight)
    assert other.spent == dict.fromkeys(other.spent, 0.0)


def test_of_views_that_a_specialist_was_not_asked_about_its_head_learns_nothing(run):
    lesson = next(lessons())
    lesson.logits["birds"] = torch.zeros_like(lesson.logits["birds"])
    assert run.student.losses(lesson)["birds"] == 0
    assert run.student.losses(lesson)["insects"] > 0


def test_a_run_can_begin_with_exported_weights(run, tmp_path):
    run.train("early", islice(early_lessons(), 5), minutes=60)
    run.export(tmp_path / "first.safetensors")
    other = Run(tmp_path / "other", torch.device("cpu"), WIDTHS)
    other.start_from(tmp_path / "first.safetensors")
    assert other.images == dict.fromkeys(other.images, 0)
    kept = run.average.net.state_dict()
    for net in (other.student.net, other.average.net):
        for name, value in net.state_dict().items():
            assert torch.equal(value, kept[name].half().float() if value.is_floating_point() else kept[name])
