import json

import pytest

import irs_engine as irs
from irs_engine import weights
from irs_engine.cli import main


@pytest.fixture
def good(tagger_weights, super_resolution_weights, haze_weights, recapture_weights, tmp_path, monkeypatch):
    for folder in (tagger_weights.parent, super_resolution_weights, haze_weights, recapture_weights):
        for file in folder.iterdir():
            (tmp_path / "package" / file.name).parent.mkdir(exist_ok=True)
            (tmp_path / "package" / file.name).symlink_to(file)
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path / "package")
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere")
    monkeypatch.setenv("IRS_MUSIC_CATALOGUE", str(tmp_path / "songs"))
    monkeypatch.setenv("IRS_ALBUM", str(tmp_path / "album.db"))
    monkeypatch.delenv("IRS_WEIGHTS", raising=False)


def topics(report):
    return {(finding.topic, finding.name): finding for finding in report.findings}


def test_a_healthy_machine(good):
    report = irs.doctor()
    assert report.ok, str(report)
    found = topics(report)
    assert {("weights", "tagger_s"), ("self-test", "resize"), ("self-test", "tag")} <= found.keys()
    assert {("self-test", "super_resolve"), ("self-test", "detect_recapture")} <= found.keys()
    assert " ms ok" in found["self-test", "tag"].text
    lines = str(report).splitlines()
    topics_told = ["irs_engine", "native", "device", "weights", "album", "music", "self-test"]
    assert [line.split()[0] for line in lines] == topics_told


def test_fast(good):
    found = topics(irs.doctor(fast=True))
    assert ("self-test", "tag") not in found and ("self-test", "resize") in found


def test_the_album_is_a_finding(good, tmp_path):
    (found,) = (finding for finding in irs.doctor(fast=True).findings if finding.topic == "album")
    assert found.ok and "irs-engine album index" in found.text
    irs.Album(tmp_path / "album.db").close()
    assert "0 photos in" in str(irs.doctor(fast=True))
    (tmp_path / "album.db").write_bytes(b"no database at all, though long enough to be the header of one" * 9)
    report = irs.doctor(fast=True)
    assert not report.ok and "album     BROKEN: " in str(report)


def test_the_catalogue_of_songs_is_a_finding(good, tmp_path, monkeypatch):
    pytest.importorskip("av", reason="needs irs-engine[music]")
    (found,) = (finding for finding in irs.doctor(fast=True).findings if finding.topic == "music")
    assert found.ok and "irs-engine music add" in found.text
    irs.MusicCatalogue(tmp_path / "songs").close()
    assert "0 songs, 0.0 hours" in str(irs.doctor(fast=True))
    (tmp_path / "songs" / "catalogue.db").write_bytes(b"no database" * 100)
    report = irs.doctor(fast=True)
    assert not report.ok and "music     BROKEN: " in str(report)


def test_damaged_weights_are_a_finding(good, tagger_weights, tmp_path, monkeypatch):
    manifest = json.loads((tagger_weights.parent / "manifest.json").read_text())
    manifest["tagger_s"]["sha256"] = "0" * 64
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "tagger_s.safetensors").symlink_to(tagger_weights)
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path)
    report = irs.doctor(fast=True)
    assert not report.ok and "BROKEN" in topics(report)["weights", "tagger_s"].text


def test_missing_weights_are_a_finding(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("IRS_WEIGHTS", raising=False)
    report = irs.doctor()
    assert not report.ok and "irs-engine weights install" in str(report)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_command(good, capsys, flags):
    with pytest.raises(SystemExit) as exit:
        main(["doctor", "--fast", *flags])
    out, err = capsys.readouterr()
    assert (exit.value.code, err) == (0, "")
    if flags:
        assert json.loads(out)["ok"] is True and len(out.splitlines()) == 1


def test_command_says_1_when_something_is_broken(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as exit:
        main(["doctor", "--fast"])
    assert exit.value.code == 1
