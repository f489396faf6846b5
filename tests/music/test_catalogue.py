"""The catalogue of songs: adding, removing, listing, and what readers see meanwhile."""

import math
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from catalogue_songs import add, adding_elsewhere, new_song, peaks_of, seeds_in
from music_videos import song, video

from irs_engine.errors import MediaError, ParameterError
from irs_engine.music.catalogue import MusicCatalogue, default_folder
from irs_engine.music.fingerprint import RATE, query_peaks
from irs_engine.music.matching import decide, find_matches
from irs_engine.music.songs import CatalogueError, DuplicateSong, NewSong, SongNotFound


@pytest.fixture
def catalogue(folder):
    with MusicCatalogue(folder) as catalogue:
        yield catalogue


def wav(samples):
    return video(samples, picture=False, format="wav", codec="pcm_s16le")


def test_a_song_of_a_file_is_found_by_what_plays(catalogue, tmp_path):
    pytest.importorskip("av")
    for name, seed in {"Ann - First.wav": 1, "Bob - Second.wav": 2, "Third.wav": 3}.items():
        (tmp_path / name).write_bytes(wav(song(seed, 8)))
        catalogue.add(tmp_path / name)
    first, second, third = catalogue.songs()
    assert (first.title, first.artist, first.source) == ("First", "Ann", "Ann - First.wav")
    assert (second.title, third.title, third.artist) == ("Second", "Third", "")
    assert second.duration == pytest.approx(8, abs=0.1)
    snapshot = catalogue.snapshot()
    matches = find_matches(query_peaks(song(2, 8)[2 * RATE : 7 * RATE]), snapshot.parts, snapshot.removed)
    best = decide(matches, snapshot.count)[0]
    assert snapshot.song_of(best.part, best.song) == second
    assert best.offset == pytest.approx(2, abs=0.1)


def test_names_that_are_given_win_over_those_of_the_file(catalogue):
    pytest.importorskip("av")
    added = catalogue.add(wav(song(4, 3)), title="Mine", artist="Me", name="Ann - First.wav")
    assert (added.title, added.artist, added.source) == ("Mine", "Me", "Ann - First.wav")
    with pytest.raises(ParameterError, match="title"):
        catalogue.add(wav(song(5, 3)))


def test_silence_and_what_is_no_music_are_refused(catalogue):
    pytest.importorskip("av")
    with pytest.raises(MediaError, match="nothing in them"):
        catalogue.add(wav(np.zeros(5 * RATE, np.float32)), title="Silence")
    with pytest.raises(MediaError):
        catalogue.add(b"not music at all", title="Text")
    assert catalogue.songs() == []


def test_the_same_content_is_added_once(catalogue):
    (song,) = add(catalogue, 7)
    peaks = peaks_of(7)
    later = type(peaks)(peaks.frames + 123, peaks.bins)  # after more silence
    with pytest.raises(DuplicateSong, match='1, "7" by someone') as caught:
        catalogue.add_peaks(later, "Another name")
    assert caught.value.song == song
    catalogue.remove(song.id)
    assert catalogue.add_peaks(later, "Another name").id != song.id  # ids are not used again


def test_of_several_songs_all_or_none_are_added(catalogue):
    add(catalogue, 2)
    with pytest.raises(DuplicateSong):
        catalogue.add_songs([new_song(1), new_song(2)])
    with pytest.raises(ParameterError, match="same content"):
        catalogue.add_songs([new_song(1), new_song(1)])
    assert seeds_in(catalogue.snapshot()) == [2]
    assert [song.title for song in catalogue.add_songs([new_song(1), new_song(3)])] == ["1", "3"]
    assert seeds_in(catalogue.snapshot()) == [1, 2, 3]
    assert catalogue.add_songs([]) == []


def test_songs_that_cannot_be_known_again_are_refused(catalogue):
    with pytest.raises(ParameterError, match="8 peaks or more"):
        catalogue.add_peaks(peaks_of(1, count=7), "Short")
    with pytest.raises(ParameterError, match="title"):
        catalogue.add_peaks(peaks_of(1), "  ")


def test_names_are_found_whatever_their_case(catalogue):
    catalogue.add_peaks(peaks_of(1), "Straße am Meer", "Ann")
    catalogue.add_peaks(peaks_of(2), "Am Meer", "Bob")
    catalogue.add_peaks(peaks_of(3), "名前", source="\udcff.mp3")  # a name that is not UTF-8
    assert [song.id for song in catalogue.find("AM MEER")] == [1, 2]
    assert [song.id for song in catalogue.find("am meer", "bob")] == [2]
    assert [song.id for song in catalogue.find("STRASSE")] == [1]
    assert catalogue.find("名前")[0].source == "?.mp3"
    assert catalogue.find("nothing") == []


def test_a_removed_song_is_not_found(catalogue):
    songs = catalogue.add_songs([new_song(seed) for seed in range(3)])
    before = catalogue.snapshot()
    assert catalogue.remove(songs[1].id) == songs[1]
    assert seeds_in(catalogue.snapshot()) == [0, 2]
    assert seeds_in(before) == [0, 1, 2]
    assert catalogue.songs() == [songs[0], songs[2]]
    with pytest.raises(SongNotFound, match="irs-engine music list"):
        catalogue.remove(songs[1].id)


def test_a_snapshot_is_taken_anew_only_when_something_changed(catalogue):
    assert catalogue.snapshot().count == 0
    add(catalogue, 1)
    first = catalogue.snapshot()
    assert catalogue.snapshot() is first
    with MusicCatalogue(catalogue.folder) as other:
        add(other, 2)
    second = catalogue.snapshot()
    assert seeds_in(second) == [1, 2]
    assert second.parts[0] is first.parts[0]


def test_what_it_holds_is_told(catalogue):
    catalogue.add_songs(
        [NewSong(peaks_of(1), "One", duration=1800), NewSong(peaks_of(2), "Two", duration=3600)]
    )
    add(catalogue, 3)
    info = catalogue.info()
    assert (info.songs, info.segments) == (3, 2)
    assert info.hours == pytest.approx(1.5, abs=0.001)
    files = [
        path for path in catalogue.folder.rglob("*") if path.suffix != ".lock" and path.name[-4:] != "-shm"
    ]
    assert 0 < info.bytes <= sum(path.stat().st_size for path in files if path.is_file()) + 100_000
    assert info.to_dict()["songs"] == 3


def test_a_catalogue_for_reading_only(catalogue):
    add(catalogue, 1)
    with MusicCatalogue(catalogue.folder, read_only=True) as reading:
        add(catalogue, 2)
        assert seeds_in(reading.snapshot()) == [1, 2]
        assert reading.verify() == []
        for change in (lambda: add(reading, 3), lambda: reading.remove(1), reading.merge, reading.rebuild):
            with pytest.raises(CatalogueError, match="reading only"):
                change()


@pytest.mark.parametrize("options", [{"read_only": True}, {"create": False}])
def test_none_is_made_where_none_is_wanted(tmp_path, options):
    with pytest.raises(CatalogueError, match="irs-engine music add"):
        MusicCatalogue(tmp_path / "none", **options)
    assert not (tmp_path / "none").exists()


def test_a_place_where_none_can_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CatalogueError, match="no catalogue can be written here"):
        MusicCatalogue(tmp_path / "file")


def test_where_it_is_by_default(monkeypatch, tmp_path):
    monkeypatch.delenv("IRS_MUSIC_CATALOGUE", raising=False)
    assert default_folder() == Path("~/.irs_engine/music").expanduser()
    monkeypatch.setenv("IRS_MUSIC_CATALOGUE", str(tmp_path / "mine"))
    with MusicCatalogue() as catalogue:
        assert catalogue.folder == tmp_path / "mine"


def test_threads_add_read_and_remove_at_once(catalogue):
    failures, done = [], threading.Event()

    def guarded(work, *args):
        try:
            work(*args)
        except BaseException as error:
            failures.append(error)

    def write(first):
        for seed in range(first, first + 6):
            (song,) = add(catalogue, seed)
            if seed % 3 == 0:
                catalogue.remove(song.id)

    def read():
        while not done.is_set():
            seeds_in(catalogue.snapshot())

    readers = [threading.Thread(target=guarded, args=(read,)) for _ in range(2)]
    writers = [threading.Thread(target=guarded, args=(write, first)) for first in (0, 100, 200)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert len(seeds_in(catalogue.snapshot())) == 12
    assert catalogue.verify() == []


def test_several_processes_write_at_once(catalogue):
    others = [adding_elsewhere(catalogue.folder, seeds) for seeds in (range(6), range(50, 56))]
    while any(process.poll() is None for process in others):
        seeds_in(catalogue.snapshot())
    assert [process.returncode for process in others] == [0, 0]
    assert seeds_in(catalogue.snapshot()) == [*range(6), *range(50, 56)]
    assert catalogue.verify() == []


def test_a_forked_child_reads_on_its_own(catalogue):
    add(catalogue, 1, 2)
    catalogue.snapshot()
    child = os.fork()
    if child == 0:
        try:
            add(catalogue, 3)
            os._exit(0 if seeds_in(catalogue.snapshot()) == [1, 2, 3] else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert seeds_in(catalogue.snapshot()) == [1, 2, 3]


def test_songs_stay_in_few_segments(catalogue):
    for seed in range(30):
        add(catalogue, seed)
    catalogue.close()
    assert len(catalogue.snapshot().parts) <= 3 * (1 + math.log(30, 4))
    assert seeds_in(catalogue.snapshot()) == list(range(30))


def test_merging_leaves_nothing_of_removed_songs(catalogue):
    songs = add(catalogue, *range(6))
    before, held = catalogue.info(), catalogue.snapshot()
    for gone in songs[:4]:
        catalogue.remove(gone.id)
    catalogue.merge()
    assert [part.songs for part in catalogue.snapshot().parts] == [2]
    assert seeds_in(catalogue.snapshot()) == [4, 5]
    assert seeds_in(held) == list(range(6))  # its files are gone, but not for those who have them open
    assert sum(path.stat().st_size for path in catalogue.folder.rglob("*.irsm")) < before.bytes
    for gone in songs[4:]:
        catalogue.remove(gone.id)
    catalogue.merge()
    assert list(catalogue.folder.rglob("*.irsm")) == []
    assert catalogue.snapshot().parts == ()
