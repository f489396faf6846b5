import io
import json
import sys
from pathlib import Path

import pytest
from drawn_videos import scene, video
from PIL import Image

pytest.importorskip("av", reason="needs irs-engine[video]")

CAT = Path(__file__).parent.parent / "data" / "cat.jpg"


@pytest.fixture(autouse=True)
def small_weights(tagger_weights, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(tagger_weights.parent))
    monkeypatch.setenv("IRS_DEVICE", "cpu")


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.MP4"
    path.write_bytes(video([*scene(1, 1.2), *scene(2, 1.2)]))
    return path


def test_a_video_is_a_table_with_times(run, clip):
    code, out, err = run("tag", clip, "--no-detect", "--threshold", 5, "--limit", 3)
    head, *rows = out.splitlines()
    assert (code, err) == (0, "") and len(rows) == 3
    assert head == f"{clip}  96 x 64, 0:02; 2 scenes, 2 frames looked at"
    assert all("█" in row and "-0:0" in row for row in rows)


def test_pictures_and_videos_in_one_go(run, clip, tmp_path):
    gone = tmp_path / "gone.mkv"
    out_folder = tmp_path / "out"
    code, out, err = run(
        "tag",
        CAT,
        clip,
        gone,
        CAT,
        "--no-detect",
        "--json",
        "--threshold",
        5,
        "-o",
        out_folder,
        "--every",
        0.5,
    )
    first, second, third, fourth = (json.loads(line) for line in out.splitlines())
    assert code == 1 and err.startswith("1 of 4 failed:\n") and "gone.mkv" in err and "Traceback" not in err
    assert first["path"] == fourth["path"] == str(CAT) and third.keys() == {"path", "error"}
    assert second["path"] == str(clip) and second["tags"][0]["intervals"] and len(second["frames"]) > 2
    assert sorted(path.name for path in out_folder.iterdir()) == ["cat-2.jpg", "cat.jpg", "clip.MP4.jpg"]
    assert Image.open(out_folder / "clip.MP4.jpg").width > 1000


def test_without_pyav_it_says_what_installs_it(run, clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    code, out, err = run("tag", clip)
    assert (code, out) == (1, "") and "pip install 'irs-engine[video]'" in err and len(err.splitlines()) == 1


def test_progress_is_for_terminals(run, clip, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, out, err = run("tag", clip, "--no-detect")
    assert "of 0:02" in err and "\r" not in out


def test_terminals_without_blocks(run, clip, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "latin-1", write_through=True))
    run("tag", clip, "--no-detect", "--threshold", 5, "--limit", 1)
    assert b"#" in sys.stdout.buffer.getvalue()
