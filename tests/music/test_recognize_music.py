"""The verb, as users call it."""

import pytest
from music_videos import song, video

import irs_engine as irs

pytest.importorskip("av", reason="needs irs-engine[music]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("songs")
    with irs.MusicCatalogue(found) as catalogue:
        catalogue.add(video(song(1, 12), format="wav", codec="pcm_s16le", picture=False), "First", "Ann")
    return found


@pytest.fixture(scope="module")
def clip():
    return video(song(1, 12)[4 * 16_000 :])


def test_a_folder_or_a_catalogue(folder, clip, tmp_path):
    file = tmp_path / "clip.mp4"
    file.write_bytes(clip)
    found = irs.recognize_music(file, catalogue=folder)
    assert (found.audio_name, found.artist) == ("First", "Ann")
    assert found.offset - found.matches[0].start == pytest.approx(4, abs=0.1)
    with irs.MusicCatalogue(folder) as catalogue:
        assert irs.recognize_music(clip, catalogue=catalogue) == found
    assert irs.recognize_music(clip, catalogue=str(folder), all_songs=True).matches == found.matches


def test_the_default_catalogue(folder, clip, monkeypatch):
    monkeypatch.setenv("IRS_MUSIC_CATALOGUE", str(folder))
    assert irs.recognize_music(clip).audio_name == "First"


def test_no_catalogue(tmp_path, clip):
    with pytest.raises(irs.CatalogueError, match="irs-engine music add"):
        irs.recognize_music(clip, catalogue=tmp_path / "none")


def test_what_is_added_later_is_known(tmp_path, clip):
    engine = irs.Engine()
    with irs.MusicCatalogue(tmp_path) as catalogue:
        assert engine.recognize_music(clip, catalogue=tmp_path).audio_name is None
        made = catalogue.add(video(song(1, 12)), "Later")
        assert engine.recognize_music(clip, catalogue=tmp_path).audio_name == "Later"
        catalogue.remove(made.id)
        assert engine.recognize_music(clip, catalogue=tmp_path).audio_name is None


def test_as_json(folder, clip):
    found = irs.recognize_music(clip, catalogue=folder)
    assert (
        found.to_dict()["matches"][0] | {"title": "First", "artist": "Ann", "id": 1}
        == found.to_dict()["matches"][0]
    )
    assert '"audio_name": "First"' in found.to_json()
