"""irs-engine train: from drawn photos to files, stopped and gone on with, and every refusal by its reason."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from irs_engine.cli.train import Terminal
from irs_engine.train import custom_classifier, custom_detector
from irs_engine.train.site_scenes import write_classifier_data, write_detector_data
from irs_engine.vision.nets.detector_net import DetectorNet

NEEDED_AP50 = 0.75  # of the walk-through's detector, seven epochs on; it takes a minute on two cores


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A small detector of random numbers."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("start") / "start.safetensors"
    save_file(DetectorNet(80, (8, 8, 16, 16)).state_dict(), path, {"architecture": "DetectorNet"})
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "site"
    write_detector_data(folder, 12)
    return folder


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "heads"
    write_classifier_data(folder, 24)
    return folder


def test_help_shows_what_can_be_trained(run):
    code, out, _ = run("train", "--help")
    assert code == 0 and all(f"\n  {name} " in out for name in ("detector", "classifier", "sample"))


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_photos_to_try_it_with(run, tmp_path, kind):
    out = tmp_path / "new" / "photos"
    assert run("train", "sample", "--out", out, "--photos", 3, "--as", kind) == (0, f"{out}\n", "")
    assert len(list(out.rglob("*.jpg"))) == 3
    assert (out / "data.yaml").exists() == (kind == "detector")
    code, _, err = run("train", "sample", "--out", out)
    assert code == 1 and "there is something already" in err


def test_a_detector(run, tmp_path, site, start, monkeypatch):
    monkeypatch.setattr(custom_detector, "LEAST_STEPS", 1)
    out = tmp_path / "new" / "helmets.safetensors"
    args = ["--data", site, "--out", out, "--start", start, "--device", "cpu", "--batch", 5]
    code, stdout, err = run("train", "detector", *args, "--epochs", 1)
    assert (code, stdout) == (0, f"{out}\n")
    assert "12 photos; boxes: helmet" in err and "epoch 1 of 1  scores" in err and "AP50" in err
    assert "\r" not in err  # no terminal
    assert out.exists() and out.with_suffix(".png").exists()
    code, _, err = run("train", "detector", *args, "--epochs", 2)
    assert code == 0 and "going on after 1 of 2 epochs" in err
    picture = next((site / "images").iterdir())
    code, stdout, err = run("detect", picture, "--detector", out, "--threshold", 1, "--json")
    assert code == 0, err
    assert {thing["id"] for thing in json.loads(stdout)["objects"]} <= {"own:helmet", "own:bare-head"}
    code, stdout, err = run("tag", picture, "--detector", out)
    assert code == 0, err


def test_a_classifier(run, tmp_path, heads, tagger_weights, monkeypatch):
    monkeypatch.setattr(custom_classifier, "EPOCHS", 2)
    monkeypatch.setattr(custom_classifier, "CROPS", 1)
    out = tmp_path / "heads.safetensors"
    code, stdout, err = run(
        "train", "classifier", "--data", heads, "--out", out, "--start", tagger_weights, "--device", "cpu"
    )
    assert (code, stdout) == (0, f"{out}\n") and "epoch 2 of 2" in err and "taken for:" in err
    picture = heads / "helmet" / "0001.jpg"
    code, stdout, err = run("tag", picture, "--classifier", out, "--threshold", 0, "--json", "--no-detect")
    assert code == 0 and "own:helmet" in {tag["id"] for tag in json.loads(stdout)["tags"]}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--out", "a.pt"], "expected a name that ends in .safetensors, such as a.safetensors"),
        (["--data", "gone", "--out", "a.safetensors"], "gone: no such folder"),
        (["--out", "a.safetensors", "--start", "gone.safetensors"], "gone.safetensors: no such file"),
        (["--out", "a.safetensors", "--device", "tpu"], "device='tpu': expected auto, cpu, cuda"),
    ],
)
@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_what_cannot_be(run, tmp_path, site, heads, monkeypatch, kind, args, message):
    monkeypatch.chdir(tmp_path)
    data = {"detector": site, "classifier": heads}[kind]
    code, out, err = run("train", kind, "--data", data, *args)
    assert (code, out) == (1, "") and message in err and "Traceback" not in err
    assert not list(tmp_path.glob("a.*"))


def test_what_is_missing_is_named_before_anything_is_read(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    code, _, err = run("train", "detector", "--data", tmp_path, "--out", "a.safetensors")
    assert code == 1 and "pycocotools" in err and "pip install 'irs-engine[train]'" in err


def test_a_terminal_sees_what_passes(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    terminal = Terminal()
    terminal.passing("step 1")
    terminal.line("epoch 1")
    terminal.done()
    assert capsys.readouterr().err == "\r\x1b[Kstep 1\r\x1b[Kepoch 1\n\r\x1b[K"


def started(site, out, start):
    args = ["train", "detector", "--data", site, "--out", out, "--start", start, "--device", "cpu"]
    code = "import sys; from irs_engine.cli import main; main(sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args), "--epochs", "99", "--batch", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "IRS_NUM_THREADS": "1"},
    )


def stopped(process, beginning, sent):
    """The lines of a training that is sent a signal when a line begins so, and its exit code."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith(beginning):
            process.send_signal(sent)
    return lines, process.wait()


@pytest.mark.slow
def test_stopped_and_gone_on_with(tmp_path, site, start):
    out = tmp_path / "helmets.safetensors"
    lines, code = stopped(started(site, out, start), "epoch 2 of 99", signal.SIGKILL)
    assert code == -signal.SIGKILL and out.exists()
    lines, code = stopped(started(site, out, start), "epoch", signal.SIGINT)
    assert code == 130 and "Traceback" not in "".join(lines)
    assert {"going on after 1 of 99 epochs\n", "going on after 2 of 99 epochs\n"} & set(lines)
    assert "stopped; the same command goes on from here\n" in lines


@pytest.mark.slow
def test_the_walk_through_finds_helmets(run, tmp_path):
    """What the README does, shorter: from nothing to a detector in less than two minutes on two cores."""
    site, out = tmp_path / "site", tmp_path / "helmets.safetensors"
    assert run("train", "sample", "--out", site)[0] == 0
    assert run("train", "detector", "--data", site, "--out", out, "--epochs", 7, "--device", "cpu")[0] == 0
    best = json.loads((tmp_path / "helmets.run" / "best.json").read_text())
    assert best["AP50"][0] >= NEEDED_AP50
