import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

DATA = Path(__file__).parent.parent / "data"
CAT = str(DATA / "cat.jpg")


@pytest.fixture(autouse=True)
def small_weights(tagger_weights, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(tagger_weights.parent))
    monkeypatch.setenv("IRS_DEVICE", "cpu")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "shots"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(CAT, folder / "a.jpg")
    shutil.copy(CAT, folder / "deep" / "a.jpg")
    (folder / "bad.png").write_bytes(b"not a picture")
    return folder


def test_one_picture_is_a_table(run):
    code, out, err = run("tag", CAT, "--threshold", 0, "--limit", 3)
    head, *rows = out.splitlines()
    assert (code, err) == (0, "") and head == f"{CAT}  451 x 300" and len(rows) == 3
    assert all("█" in row or "░" in row for row in rows)
    assert (
        run("tag", CAT, "--threshold", 100)[1].splitlines()[1]
        == "  no tag: lower --threshold to see what is less certain"
    )


def test_chinese_names(run):
    tags = json.loads(run("tag", CAT, "--threshold", 0, "--limit", 5, "--language", "zh", "--json")[1])[
        "tags"
    ]
    assert len(tags) == 5 and all(tag["name"] == tag["zh"] for tag in tags)


def test_many_are_a_line_each(run):
    code, out, _ = run("tag", CAT, DATA / "coffee.jpg", "--threshold", 0, "--limit", 2)
    assert code == 0 and [line.split(": ")[0] for line in out.splitlines()] == [CAT, str(DATA / "coffee.jpg")]


def test_folder_goes_on_after_a_bad_file(run, folder):
    code, out, err = run("tag", folder, "--json", "--threshold", 0, "--limit", 1)
    good, bad = (json.loads(line) for line in out.splitlines())
    assert code == 1
    assert good["path"] == str(folder / "a.jpg") and good["size"] == [451, 300] and len(good["tags"]) == 1
    assert bad.keys() == {"path", "error"} and bad["path"] == str(folder / "bad.png")
    assert err.startswith("1 of 2 failed:\n") and "bad.png" in err and "Traceback" not in err


def test_recursive(run, folder):
    _, out, _ = run("tag", folder, "-r", "--json")
    assert [json.loads(line)["path"] for line in out.splitlines()] == [
        str(folder / n) for n in ("a.jpg", "bad.png", "deep/a.jpg")
    ]


def test_missing_and_empty(run, tmp_path):
    code, out, err = run("tag", tmp_path / "gone.jpg")
    assert (code, out) == (1, "") and "gone.jpg" in err and len(err.splitlines()) == 1
    code, _, err = run("tag", tmp_path)
    assert code == 1 and "no pictures in this folder; -r looks into its subfolders" in err


def test_standard_input(run, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(CAT).read_bytes())))
    code, out, _ = run("tag", "-", "--json", "-o", tmp_path)
    assert code == 0 and json.loads(out)["path"] == "-"
    assert (tmp_path / "stdin.png").exists()


def test_pictures_are_written(run, folder, tmp_path):
    out = tmp_path / "out"
    run("tag", folder, "-r", CAT, folder / "a.jpg", "-o", out)
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.*")) == [
        "a-2.jpg",
        "a.jpg",
        "cat.jpg",
        "deep/a.jpg",
    ]
    assert Image.open(out / "a.jpg").width > 451


def test_a_picture_is_never_written_over_itself(run, folder):
    before = (folder / "a.jpg").read_bytes()
    run("tag", folder / "a.jpg", "-o", folder)
    assert (folder / "a.jpg").read_bytes() == before and (folder / "a-2.jpg").exists()


def test_progress_is_for_terminals(run, folder, monkeypatch):
    assert "\r" not in run("tag", folder)[2]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, out, err = run("tag", folder)
    assert "2/2" in err and "\r" in err and "\r" not in out
    assert "\r" not in run("tag", CAT)[2]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--threshold", "101"], "0<=x<=100"),
        (["--limit", "0"], "1<=x<=1000"),
        (["--language", "fr"], "'en', 'zh'"),
    ],
)
def test_flags_come_from_the_signature(run, args, words):
    code, _, err = run("tag", CAT, *args)
    assert code == 2 and words in err


def test_bad_settings_are_one_line(run, monkeypatch):
    for args in (["--device", "tpu"], ["--precision", "int8"]):
        code, out, err = run("tag", CAT, *args)
        assert (code, out) == (1, "") and len(err.splitlines()) == 1 and "expected" in err
    monkeypatch.setenv("IRS_LOG", "loud")
    code, _, err = run("tag", CAT)
    assert code == 2 and "IRS_LOG='loud'" in err


def test_missing_weights_are_one_line(run, monkeypatch, tmp_path):
    from irs_engine import weights

    monkeypatch.setenv("IRS_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, out, err = run("tag", CAT)
    assert (code, out) == (1, "") and "irs-engine weights install" in err and len(err.splitlines()) == 1


def test_interrupt(run, monkeypatch):
    class Interrupted(io.BytesIO):
        def read(self, *_):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Interrupted()))
    code, out, err = run("tag", "-")
    assert (code, out) == (130, "") and "Traceback" not in err
