import csv
import io
import json

import pytest

from irs_engine.errors import AlbumError, ParameterError


@pytest.fixture
def photos(album, put):
    put("/shots/a.jpg", {"dog": 97.25, "bench": 61, "animal": 98}, taken=1_720_000_000.0, place=(48.1, 11.5))
    put("/shots/猫.jpg", {"cat": 88, "chair": 30})
    put("/shots/empty.jpg", {})
    return album


def test_json_lines_are_the_photos(photos, tmp_path):
    assert photos.export(tmp_path / "all.jsonl") == 3
    told = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert told == [json.loads(photo.to_json()) for photo in photos.photos()]
    assert told[0]["tags"][0]["name"] == "animal" and told[0]["place"] == {
        "latitude": 48.1,
        "longitude": 11.5,
    }
    assert "猫.jpg" in (tmp_path / "all.jsonl").read_text("utf-8")  # not \u732b


def test_csv_opens_in_spreadsheets(photos, tmp_path):
    assert photos.export(tmp_path / "all.csv", threshold=60, language="zh") == 3
    data = (tmp_path / "all.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    first, second, third = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert (first["path"], first["taken"], first["latitude"]) == (
        "/shots/a.jpg",
        "2024-07-03T09:46:40",
        "48.1",
    )
    assert first["tags"].split("; ")[1] == "狗" and first["confidences"] == "98.00; 97.25; 61.00"
    assert (
        second["path"] == "/shots/猫.jpg" and second["latitude"] == "" and len(second["ids"].split("; ")) == 1
    )
    assert third["tags"] == ""


def test_a_query_chooses_and_ranks(photos):
    written = io.StringIO()
    assert photos.export(written, query="dog OR cat", format="csv") == 2
    assert [row["path"] for row in csv.DictReader(io.StringIO(written.getvalue()))] == [
        "/shots/a.jpg",
        "/shots/猫.jpg",
    ]
    with pytest.raises(ParameterError):
        photos.export(io.StringIO(), query="no such thing at all")


@pytest.mark.parametrize(
    ("name", "options"), [("all.xlsx", {}), ("all.csv", {"format": "xml"}), ("all.jsonl", {"format": ""})]
)
def test_unknown_formats(photos, tmp_path, name, options):
    with pytest.raises(ParameterError, match="jsonl or csv"):
        photos.export(tmp_path / name, **options)
    assert list(tmp_path.glob("all*")) == []


def test_a_file_is_whole_or_as_it_was(photos, tmp_path, monkeypatch):
    target = tmp_path / "all.jsonl"
    target.write_text("before")
    target.chmod(0o640)
    from irs_engine.album.photos import Photo

    def broken(self):
        raise RuntimeError

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(Photo, "to_json", broken)
        photos.export(target)
    assert target.read_text() == "before" and [p.name for p in tmp_path.glob("*all*")] == ["all.jsonl"]
    photos.export(target)
    assert target.stat().st_mode & 0o777 == 0o640
    with pytest.raises(AlbumError, match="cannot be written"):
        photos.export(tmp_path / "no" / "folder.csv")
