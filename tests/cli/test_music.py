import io
import json
import re
import sys

import pytest
from music_videos import RATE, noise, song, video

from irs_engine import _native

pytest.importorskip("av", reason="needs irs-engine[music]")


def sound(number, seconds=10.0, **tags):
    return video(song(number, seconds), format="flac", codec="flac", picture=False, **tags)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of three songs, one of which is there twice, a broken one and something else."""
    folder = tmp_path_factory.mktemp("songs")
    (folder / "Ann - First.flac").write_bytes(sound(1))
    (folder / "second.flac").write_bytes(sound(2, title="Zweites ♪", artist="Bo"))
    (folder / "twice.wav").write_bytes(video(song(1, 10), format="wav", codec="pcm_s16le", picture=False))
    (folder / "broken.mp3").write_bytes(b"no music at all" * 50)
    (folder / "cover.txt").write_text("not looked at")
    (folder / "deep").mkdir()
    (folder / "deep" / "third.flac").write_bytes(sound(3))
    return folder


@pytest.fixture(autouse=True)
def catalogue(tmp_path, monkeypatch):
    monkeypatch.setenv("IRS_MUSIC_CATALOGUE", str(tmp_path / "catalogue"))
    threads = _native.num_threads()
    _native.set_num_threads(1)  # songs get their numbers in order
    yield tmp_path / "catalogue"
    _native.set_num_threads(threads)


@pytest.fixture
def clip(tmp_path):
    """4 s of nothing known, then 6 s of song 2 from its third second on."""
    file = tmp_path / "clip.mp4"
    music = song(2, 10)[3 * RATE : 9 * RATE]
    file.write_bytes(video([*noise(4), *music]))
    return file


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def test_a_folder_of_songs(run, files):
    code, out, err = run("music", "add", files)
    assert code == 1 and out.splitlines() == [
        f"{files}/Ann - First.flac: 1, First by Ann",
        f"{files}/second.flac: 2, Zweites ♪ by Bo",
        f"{files}/twice.wav: is there already as 1, First by Ann",
    ]
    assert err.startswith("1 of 4 failed:\n") and "broken.mp3: " in err and "Traceback" not in err


def test_add_as_json_and_again(run, files):
    code, out, _ = run("music", "add", files, "-r", "--json")
    first, broken, third, second, twice = sorted(lines(out), key=lambda line: line["path"])
    assert code == 1 and "error" in broken
    assert (first["added"]["title"], first["added"]["artist"]) == ("First", "Ann")
    assert third["added"]["source"] == "third.flac" and second["added"]["duration"] == pytest.approx(
        10, abs=0.1
    )
    assert twice["duplicate_of"] == first["added"]
    code, out, err = run("music", "add", files / "second.flac", "--json")
    assert (code, err) == (0, "") and lines(out)[0]["duplicate_of"]["title"] == "Zweites ♪"


def test_title_and_artist_can_be_given(run, files):
    assert run("music", "add", files / "second.flac", "--title", "Other", "--artist", "") == (
        0,
        f"{files}/second.flac: 1, Other\n",
        "",
    )
    code, _, err = run("music", "add", files, "--title", "All")
    assert code == 2 and "--title" in err


def test_list_info_remove(run, files):
    run("music", "add", files, "-r")
    assert run("music", "list")[1].splitlines() == [
        "1  0:10  First      Ann",
        "2  0:10  Zweites ♪  Bo",
        "3  0:10  third",
    ]
    assert [line["id"] for line in lines(run("music", "list", "--json", "--search", "bo")[1])] == [2]
    code, out, err = run("music", "remove", "3", "nothing so called")
    assert code == 1 and not out and "'nothing so called'" in err
    assert run("music", "remove", "3", "first") == (0, "removed 3, third\nremoved 1, First by Ann\n", "")
    (about,) = lines(run("music", "info", "--json")[1])
    assert about["songs"] == 1 and about["hours"] == pytest.approx(10 / 3600, rel=0.02) and about["bytes"] > 0
    assert "songs     1, 0.0 hours" in run("music", "info")[1]


def test_a_title_that_two_songs_have(run, files):
    run("music", "add", files / "second.flac", "--title", "Same")
    run("music", "add", files / "deep", "--artist", "Cy")
    run("music", "add", files / "Ann - First.flac", "--title", "same")
    code, _, err = run("music", "remove", "SAME")
    assert code == 1 and "give a number, 1, 3" in err


def test_recognize(run, files, clip):
    run("music", "add", files)
    code, out, err = run("music", "recognize", clip)
    assert (code, err) == (0, "")
    assert out.startswith(f"{clip}: Zweites ♪ by Bo  confidence ") and re.search(
        r"from 0:0[45] on, there 0:0[34] into the song\n$", out
    )
    code, out, _ = run("music", "recognize", clip, "--all")
    assert code == 0 and out.splitlines()[0] == str(clip)
    assert out.splitlines()[1].startswith("  0:0") and "Zweites ♪" in out


def test_recognize_as_json_and_goes_on(run, files, clip, tmp_path):
    run("music", "add", files)
    (tmp_path / "nothing.mp4").write_bytes(video(noise(5)))
    (tmp_path / "broken.mp4").write_bytes(clip.read_bytes()[:500])
    code, out, err = run("music", "recognize", tmp_path, "--json")
    broken, found, nothing = lines(out)
    assert code == 1 and "1 of 3 failed" in err and "broken.mp4" in broken["path"] and broken["error"]
    assert found["audio_name"] == "Zweites ♪" and found["matches"][0]["id"] == 2
    assert nothing["audio_name"] is None and nothing["matches"] == []
    assert f"{tmp_path}/nothing.mp4: no song of the catalogue" in run("music", "recognize", tmp_path)[1]


def test_recognize_from_standard_input(run, files, clip, monkeypatch):
    run("music", "add", files)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(clip.read_bytes())))
    assert run("music", "recognize", "-")[1].startswith("-: Zweites ♪ by Bo")


@pytest.mark.parametrize(
    "command", [["list"], ["info"], ["verify"], ["recognize", "a.mp4"], ["remove", "1"], ["merge"]]
)
def test_without_a_catalogue(run, command, catalogue):
    code, _, err = run("music", *command)
    assert code == 1 and "irs-engine music add" in err
    assert not catalogue.exists()


def test_another_catalogue(run, files, tmp_path):
    assert run("music", "add", files / "second.flac", "--catalogue", tmp_path / "other")[0] == 0
    assert (
        lines(run("music", "list", "--json", "--catalogue", tmp_path / "other")[1])[0]["title"] == "Zweites ♪"
    )


def test_damage_is_named(run, files, catalogue):
    run("music", "add", files)
    assert run("music", "verify") == (0, "ok\n", "")
    run("music", "merge")
    (segment,) = (catalogue / "segments").glob("*.irsm")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    code, out, _ = run("music", "verify")
    assert code == 1 and str(segment) in out and "Zweites ♪" in out
    (problem,) = lines(run("music", "verify", "--json")[1])
    assert problem["file"] == segment.name


def test_a_damaged_index_is_built_anew(run, files, catalogue):
    run("music", "add", files)
    assert run("music", "rebuild")[0] == 0
    assert run("music", "verify")[1] == "ok\n" and len(run("music", "list")[1].splitlines()) == 2
