"""irs-engine album search, similar, duplicates and cluster."""

import json
import shutil

import pytest
from drawn_photos import draw
from stored_photos import store

from irs_engine.album import Album


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """An album with a handful of photos, which $IRS_ALBUM names."""
    monkeypatch.setenv("IRS_ALBUM", str(tmp_path / "album.db"))
    monkeypatch.setenv("IRS_DEVICE", "cpu")
    taken = 1_720_000_000.0
    photos = [
        {"path": "/p/0.jpg", "tags": {"dog": 90, "beach": 80}, "taken": taken},
        {"path": "/p/1.jpg", "tags": {"dog": 70, "person": 90}, "taken": taken + 60},
        {"path": "/p/2.jpg", "tags": {"cat": 60}, "taken": taken + 120, "digest": b"c" * 16},
        {"path": "/p/3.jpg", "tags": {"cat": 60}, "digest": b"c" * 16},
    ]
    with Album(tmp_path / "album.db") as album:
        store(album, photos)


def test_search(run, stored):
    code, out, err = run("album", "search", "dog")
    assert code == 0 and [line.split()[:3] for line in out.splitlines()] == [
        ["90.0", "2024-07-03", "/p/0.jpg"],
        ["70.0", "2024-07-03", "/p/1.jpg"],
    ]
    assert err == '2 photos: "dog"\n'


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["dog", "beach"], ["/p/0.jpg"]),
        (["dog -person"], ["/p/0.jpg"]),
        (["dog", "OR", "cat"], ["/p/0.jpg", "/p/1.jpg", "/p/2.jpg", "/p/3.jpg"]),
        (["狗", "--threshold", "80"], ["/p/0.jpg"]),
        (["cat", "--since", "2024"], ["/p/2.jpg"]),
        (["dog", "--limit", "1", "--offset", "1"], ["/p/1.jpg"]),
    ],
)
def test_search_words_and_flags(run, stored, words, paths):
    assert run("album", "search", *words, "--paths")[1].split() == paths


def test_search_as_json_and_in_chinese(run, stored):
    _, out, err = run("album", "search", "dog OR cat", "--limit", 2, "--language", "zh", "--json")
    first, second = map(json.loads, out.splitlines())
    assert first["photo"]["path"] == "/p/0.jpg" and first["photo"]["tags"][0]["name"] == "狗"
    assert second["confidence"] == 70 and err.endswith(", 2 shown\n")


def test_search_without_a_hit_and_with_a_wrong_word(run, stored):
    code, out, err = run("album", "search", "zebra")
    assert (code, out) == (1, "") and err.startswith("0 photos")
    code, out, err = run("album", "search", "beech")
    assert (code, out) == (1, "") and "did you mean" in err and len(err.splitlines()) == 1


def test_duplicates(run, stored):
    code, out, err = run("album", "duplicates")
    assert code == 0 and [line.split() for line in out.splitlines() if line] == [
        ["keep", "640", "x", "480", "/p/2.jpg"],
        ["exact", "640", "x", "480", "/p/3.jpg"],
    ]
    assert err == "1 groups, 1 copies\n"
    assert run("album", "duplicates", "--paths")[1] == "/p/3.jpg\n"
    assert json.loads(run("album", "duplicates", "--json")[1])["copies"][0]["kind"] == "exact"


def test_cluster(run, stored):
    code, out, _ = run("album", "cluster", "--least", 3)
    assert code == 0 and out.split()[:3] == ["time", "3", "dog"] and out.endswith(" · 2024-07-03\n")
    assert json.loads(run("album", "cluster", "--least", 3, "--json")[1])["kind"] == "time"
    assert "nothing that 9 photos" in run("album", "cluster", "--least", 9)[2]


def test_similar(run, tagger_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(tagger_weights.parent))
    monkeypatch.setenv("IRS_DEVICE", "cpu")
    monkeypatch.setenv("IRS_ALBUM", str(tmp_path / "album.db"))
    for number in range(3):
        draw(tmp_path / "shots" / f"{number}.png", number)
    assert run("album", "index", tmp_path / "shots")[0] == 0
    shutil.copy(tmp_path / "shots" / "1.png", tmp_path / "copy.png")
    code, out, _ = run("album", "similar", tmp_path / "copy.png")
    assert code == 0 and out.splitlines()[0].split()[:2] == ["100.0", str(tmp_path / "shots" / "1.png")]
    inside = run("album", "similar", tmp_path / "shots" / "1.png", "--paths")[1].split()
    assert sorted(inside) == [str(tmp_path / "shots" / name) for name in ("0.png", "2.png")]
    (found,) = map(
        json.loads, run("album", "similar", tmp_path / "copy.png", "--limit", 1, "--json")[1].splitlines()
    )
    assert found["similarity"] > 0.999
