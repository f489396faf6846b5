import csv
import io
import json

import pytest
from drawn_photos import draw
from PIL import Image

from irs_engine.album import Album
from irs_engine.album.records import Content, File, store_content
from irs_engine.album.tag_rows import ensure_tags
from irs_engine.vision.vocabulary import load_vocabulary


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two photos of which an album, the default one, says that they show a dog; one of them is gone."""
    monkeypatch.setenv("IRS_ALBUM", str(tmp_path / "album.db"))
    with Album() as album, album.database.write() as connection:
        (dog,) = ensure_tags(connection, [load_vocabulary()["n02084071"]])
        for number, name in enumerate(("a.jpg", "gone.jpg")):
            path = tmp_path / name
            if number == 0:
                draw(path, 1)
            content = Content(bytes([number]) * 16, (96, 64), None, None, 0, bytes(32), [(dog, 90.0)], [])
            store_content(connection, File(str(path), 1000, 1), content, "test")
    return tmp_path


def test_export(run, folder):
    code, out, err = run("album", "export")
    assert (code, err) == (0, "")
    assert [json.loads(line)["tags"][0]["name"] for line in out.splitlines()] == ["dog", "dog"]
    code, out, _ = run("album", "export", "--format", "csv", "--language", "zh", "dog:95")
    assert code == 0 and list(csv.DictReader(io.StringIO(out))) == []
    code, out, err = run("album", "export", "dog", "-o", folder / "all.csv")
    assert (code, out) == (0, "") and err.startswith("2 photos in ")
    assert len((folder / "all.csv").read_text("utf-8-sig").splitlines()) == 3
    code, _, err = run("album", "export", "-o", folder / "all.xlsx")
    assert code == 1 and "jsonl or csv" in err and len(err.splitlines()) == 1


def test_xmp(run, folder):
    code, out, err = run("album", "xmp", "--language", "both")
    assert (code, out) == (1, "") and err.splitlines()[0] == "1 sidecars written, 0 as they were"
    assert "gone.jpg: the photo is gone" in err
    assert "狗".encode() in (folder / "a.jpg.xmp").read_bytes()


def test_gallery_and_sheet(run, folder):
    code, out, err = run("album", "gallery", folder / "gallery.html", "dog", "--title", "Dogs", "--no-links")
    assert (code, out) == (1, "") and err.startswith("2 photos in ") and "gone.jpg" in err
    assert "<title>Dogs</title>" in (folder / "gallery.html").read_text("utf-8")
    code, out, err = run("album", "sheet", folder / "sheet.jpg", "--columns", 2)
    assert code == 1 and out.splitlines() == [str(folder / "sheet.jpg")] and "2 photos" in err
    assert Image.open(folder / "sheet.jpg").width > 600
