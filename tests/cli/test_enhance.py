"""The commands that change pictures."""

import io
import os

import pytest
from PIL import Image

from irs_engine.engine import Engine
from irs_engine.registry import list_operators


@pytest.fixture(autouse=True)
def weights(super_resolution_weights, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(super_resolution_weights))
    monkeypatch.setenv("IRS_DEVICE", "cpu")


@pytest.fixture
def shots(photo, tmp_path):
    folder = tmp_path / "shots"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(photo[:20, :30]).save(folder / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
    Image.fromarray(photo[:10, :10, 0]).save(folder / "deep" / "b.png")
    return folder


def test_every_enhancement_is_a_command(run):
    help = run("--help")[1]
    names = [operator.name.replace("_", "-") for operator in list_operators() if operator.enhances]
    assert "super-resolve" in names and all(f"\n  {name} " in help for name in names)


def test_a_folder_keeps_names_and_formats(run, shots, tmp_path):
    code, out, err = run("super-resolve", shots, "-r", "-o", tmp_path / "out", "--scale", 4)
    assert (code, err) == (0, "")
    assert out.split() == [str(tmp_path / "out" / name) for name in ("a.jpg", "deep/b.png")]
    large, grey = (Image.open(path) for path in out.split())
    assert (large.format, large.size) == ("JPEG", (120, 80))
    assert (grey.format, grey.size, grey.mode) == ("PNG", (40, 40), "L")


def test_the_result_is_that_of_the_engine(run, shots, tmp_path):
    run("super-resolve", shots / "deep" / "b.png", "-o", tmp_path, "--model", "SRCNN")
    expected = Engine().super_resolve((shots / "deep" / "b.png").read_bytes(), model="SRCNN")
    assert (tmp_path / "b.png").read_bytes() == expected


def test_it_goes_on_after_a_bad_picture(run, shots, tmp_path):
    (shots / "0.png").write_bytes(b"not a picture")
    code, out, err = run("super-resolve", shots, "-o", tmp_path / "out")
    assert code == 1 and out.endswith("a.jpg\n") and "1 of 2 failed" in err and "0.png" in err


def test_what_the_gate_would_not_read_is_not_read(run, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # reading it would never end
    code, _, err = run("super-resolve", tmp_path / "pipe.png", "-o", tmp_path / "out")
    assert code == 1 and "not a regular file" in err
    assert "no such file" in run("super-resolve", tmp_path / "none.png", "-o", tmp_path / "out")[2]


def test_a_picture_does_not_replace_itself(run, shots):
    before = (shots / "a.jpg").read_bytes()
    code, out, _ = run("super-resolve", shots / "a.jpg", "-o", shots)
    assert code == 0 and out.strip().endswith("a-2.jpg") and (shots / "a.jpg").read_bytes() == before


def test_standard_input_is_named_by_its_format(run, shots, tmp_path, monkeypatch):
    data = io.TextIOWrapper(io.BytesIO((shots / "a.jpg").read_bytes()))
    monkeypatch.setattr("sys.stdin", data)
    assert run("super-resolve", "-", "-o", tmp_path)[1].strip().endswith("stdin.jpg")


def test_wrong_usage(run, shots, tmp_path):
    assert run("super-resolve", shots / "a.jpg")[0] == 2  # where to?
    code, _, err = run("super-resolve", shots / "a.jpg", "-o", tmp_path, "--scale", 5)
    assert code == 2 and "scale" in err
