import json
import subprocess
import sys

import pytest
from drawn_photos import draw

from irs_engine.album import Album
from irs_engine.album.records import Content, File, store_content
from irs_engine.album.tag_rows import ensure_tags
from irs_engine.vision.vocabulary import load_vocabulary


@pytest.fixture(autouse=True)
def small_weights(tagger_weights, monkeypatch, tmp_path):
    monkeypatch.setenv("IRS_WEIGHTS", str(tagger_weights.parent))
    monkeypatch.setenv("IRS_DEVICE", "cpu")
    monkeypatch.setenv("IRS_ALBUM", str(tmp_path / "album.db"))


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("a.jpg", "deep/b.jpg")):
        draw(tmp_path / "shots" / name, number)
    return tmp_path / "shots"


def test_a_folder_from_the_first_look_to_a_correction(run, folder, tmp_path, monkeypatch):
    code, out, err = run("album", "index", folder)
    assert (code, err) == (0, "") and out.startswith("2 added in ")
    assert run("album", "index")[1].startswith("2 unchanged in ")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    draw(folder / "c.jpg", 3)
    code, out, err = run("album", "index", folder, "--no-recursive", "--workers", 1)
    assert out.startswith("1 added, 1 unchanged in ") and "1/1" in err and " left" in err

    photo = str(folder / "a.jpg")
    monkeypatch.chdir(folder)
    assert run("album", "correct", "a.jpg", "--add", "dog", "--add", "奶奶", "--remove", "cat") == (0, "", "")
    assert run("album", "rename", "dog", "--en", "Rex") == (0, "", "")
    found = [json.loads(line) for line in run("album", "tags", "--json", "--threshold", 100)[1].splitlines()]
    assert {"Rex", "奶奶", "animal"} <= {tag["en"] for tag in found}
    code, out, _ = run("album", "tags", "--limit", 1)
    assert code == 0 and len(out.splitlines()) == 1
    info = json.loads(run("album", "info", "--json")[1])
    assert (info["photos"], info["corrections"], info["folders"]) == (3, 3, [str(folder)])
    code, out, _ = run("album", "info")
    assert code == 0 and str(tmp_path / "album.db") in out and "3, 0 with a place" in out
    with Album(create=False) as album:
        assert "Rex" in {tag.en for tag in album.photo(photo).tags}
    assert run("album", "forget", folder)[1] == "3 photos dropped\n"


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["torchvision"] = None
from irs_engine.cli import main
main(sys.argv[1:])
"""


def test_what_is_in_the_album_is_told_without_torch(tmp_path):
    with Album(tmp_path / "album.db") as album, album.database.write() as connection:
        file = File(str(tmp_path / "a.jpg"), 1, 1)
        (dog,) = ensure_tags(connection, [load_vocabulary()["n02084071"]])
        content = Content(b"a" * 16, (64, 48), None, None, 0, b"", [(dog, 90.0)], [])
        store_content(connection, file, content, "model")
    for args, words in (
        (["tags"], "dog"),
        (["info"], "1, 0 with a place"),
        (["correct", file.path, "--add", "x"], ""),
    ):
        command = [sys.executable, "-c", WITHOUT_TORCH, "album", *args]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "") and words in done.stdout


def test_broken_files_are_listed_at_the_end(run, folder, tmp_path):
    (folder / "bad.jpg").write_bytes(b"not a picture")
    (folder / "IMG_1.HEIC").write_bytes(b"a kind that is not read")
    other = tmp_path / "elsewhere" / "other.db"
    code, out, err = run("album", "index", folder, "--album", other, "--json")
    report = json.loads(out)
    assert code == 1 and report["added"] == 2 and report["failed"][0]["path"] == str(folder / "bad.jpg")
    assert err.startswith("1 could not be read:\n") and "bad.jpg" in err and "Traceback" not in err
    assert report["skipped"] == {".heic": 1} and "1 .heic" in run("album", "index", "-a", other)[1]
    assert other.exists() and not (tmp_path / "album.db").exists()


def test_wrong_usage_is_told_in_a_line(run, folder, tmp_path):
    for args in (
        ["index"],
        ["index", str(folder / "none")],
        ["tags", "-a", str(tmp_path / "none.db")],
        ["correct", str(folder / "a.jpg"), "--add", "dog"],
        ["rename", "qqqq", "--en", "x"],
    ):
        code, out, err = run("album", *args)
        assert (code, out) == (1, "") and len(err.splitlines()) == 1 and err.startswith("irs-engine: ")
    for args in (["correct", "a.jpg"], ["rename", "dog"], ["tags", "--threshold", "101"]):
        assert run("album", *args)[0] == 2
