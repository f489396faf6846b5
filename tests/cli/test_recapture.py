import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

DATA = Path(__file__).parent.parent / "data"
CAT = str(DATA / "cat.jpg")


@pytest.fixture(autouse=True)
def small_weights(recapture_weights, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(recapture_weights))
    monkeypatch.setenv("IRS_DEVICE", "cpu")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "shots"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(CAT, folder / "a.jpg")
    shutil.copy(CAT, folder / "deep" / "a.jpg")
    (folder / "bad.png").write_bytes(b"not a picture")
    return folder


def test_a_picture_is_a_line(run):
    code, out, err = run("recapture", CAT, "--threshold", 1)
    assert (code, err) == (0, "") and len(out.splitlines()) == 1
    assert out.startswith(f"{CAT}: uncertain  screen ") and "  print " in out and "\x1b" not in out


@pytest.mark.parametrize(("shift", "word"), [(-12.0, "original"), (12.0, "recaptured")])
def test_what_is_sure_is_said(run, recapture_weights, tmp_path, monkeypatch, shift, word):
    tensors = load_file(recapture_weights / "recapture_s.safetensors")
    tensors["calibration"][1] = shift
    save_file(tensors, tmp_path / "recapture_s.safetensors")
    monkeypatch.setenv("IRS_WEIGHTS", str(tmp_path))
    assert run("recapture", CAT)[1].startswith(f"{CAT}: {word}  screen ")


def test_json_is_the_whole_result(run):
    code, out, _ = run("recapture", CAT, DATA / "coffee.jpg", "--json", "--threshold", 1)
    cat, coffee = (json.loads(line) for line in out.splitlines())
    assert code == 0 and (cat["path"], coffee["path"]) == (CAT, str(DATA / "coffee.jpg"))
    assert cat["suggestion"] == "uncertainty" and cat["category"] == "recapture" and cat["size"] == [451, 300]
    assert [sorted(label) for label in cat["detail"]] == [["confidence", "label"]] * 2
    assert cat["barcode"] is False and cat["reason"] == "" and len(cat["crops"]) >= 1


def test_the_reason_is_shown(run, tmp_path):
    Image.open(CAT).resize((150, 100)).save(tmp_path / "small.png")
    out = run("recapture", tmp_path / "small.png")[1]
    assert "uncertain" in out and "too small: 100 pixels" in out


def test_folder_goes_on_after_a_bad_file(run, folder):
    code, out, err = run("recapture", folder, "--json")
    good, bad = (json.loads(line) for line in out.splitlines())
    assert code == 1 and good["path"] == str(folder / "a.jpg")
    assert bad.keys() == {"path", "error"} and bad["path"] == str(folder / "bad.png")
    assert err.startswith("1 of 2 failed:\n") and "bad.png" in err and "Traceback" not in err


def test_recursive_and_pictures_are_written(run, folder, tmp_path):
    out = tmp_path / "out"
    code, lines, _ = run("recapture", folder, "-r", "--json", "-o", out)
    paths = [json.loads(line)["path"] for line in lines.splitlines()]
    assert code == 1 and paths == [str(folder / name) for name in ("a.jpg", "bad.png", "deep/a.jpg")]
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.*")) == ["a.jpg", "deep/a.jpg"]
    assert Image.open(out / "a.jpg").width > 451


def test_standard_input(run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(CAT).read_bytes())))
    code, out, _ = run("recapture", "-", "--json")
    assert code == 0 and json.loads(out)["path"] == "-"


def test_flags_come_from_the_signature(run):
    code, _, err = run("recapture", CAT, "--threshold", "1.01")
    assert code == 2 and "0<=x<=1" in err
    assert "[default: 0.95;" in " ".join(run("recapture", "--help")[1].split())


def test_missing_weights_are_one_line(run, monkeypatch, tmp_path):
    from irs_engine import weights

    monkeypatch.setenv("IRS_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, out, err = run("recapture", CAT)
    assert (code, out) == (1, "") and "irs-engine weights install" in err and len(err.splitlines()) == 1
