"""The files of a catalogue: what damage to them does, and what other versions wrote."""

import dataclasses
import sqlite3

import numpy as np
import pytest
from catalogue_songs import add, new_song, peaks_of, seeds_in

from irs_engine.music import catalogue as catalogue_module
from irs_engine.music import segments, upkeep
from irs_engine.music.catalogue import MusicCatalogue
from irs_engine.music.fingerprint import FORMAT, Peaks
from irs_engine.music.index import build_part
from irs_engine.music.segments import SegmentError, check_segment, open_peaks, open_segment, write_segment
from irs_engine.music.songs import CatalogueError

ARRAYS = [field.name for field in dataclasses.fields(build_part([]))]


@pytest.fixture
def catalogue(folder):
    """Songs 0 and 1 in one segment, 2 and 3 in another."""
    with MusicCatalogue(folder) as catalogue:
        catalogue.add_songs([new_song(0), new_song(1)])
        catalogue.add_songs([new_song(2), new_song(3)])
        yield catalogue


@pytest.fixture
def first(catalogue):
    """The file of songs 0 and 1."""
    return next(
        file for file in files(catalogue) if open_segment(file).song_peaks(0).bins[0] == peaks_of(0).bins[0]
    )


def files(catalogue):
    return sorted((catalogue.folder / "segments").iterdir())


def section_at(file, name):
    """Where the section begins in the file."""
    return segments._open(file)[0]["sections"][name]["at"]


def flip(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 0x10
    file.write_bytes(data)


@pytest.mark.parametrize("songs", [[], [peaks_of(1)], [peaks_of(seed, 200) for seed in range(5)]], ids=len)
def test_a_segment_is_read_as_it_was_written(tmp_path, songs):
    part, file = build_part(songs), tmp_path / "one.irsm"
    assert write_segment(file, part) == file.stat().st_size
    for opened in (open_segment(file), check_segment(file)):
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(opened, name), getattr(part, name))
            assert getattr(opened, name).dtype == getattr(part, name).dtype
            assert not getattr(opened, name).flags.writeable
    with pytest.raises(FileExistsError):
        write_segment(file, part)


def test_long_silence_within_a_song_is_kept(folder):
    peaks = Peaks(
        np.array([3, 70_000, 70_001, 300_000, *range(300_001, 300_006)], np.int32),
        np.arange(9, dtype=np.uint16) + 6,
    )
    with MusicCatalogue(folder) as catalogue:
        catalogue.add_peaks(peaks, "Waiting")
        add(catalogue, 1)
        catalogue.merge()
        stored = catalogue.snapshot().parts[0].song_peaks(0)
    np.testing.assert_array_equal(stored.frames, peaks.frames)
    np.testing.assert_array_equal(stored.bins, peaks.bins)


def test_a_flipped_byte_anywhere_in_a_segment_is_noticed(tmp_path):
    file = tmp_path / "one.irsm"
    write_segment(file, build_part([peaks_of(1, 20)]))
    whole = file.read_bytes()
    header = segments._open(file)[0]
    used = [range(segments._START.size + int.from_bytes(whole[12:16], "little"))]
    for section in header["sections"].values():
        size = int(np.prod(section["shape"])) * int(section["type"][2:])
        used.append(range(section["at"], section["at"] + size))
    for at in [at for part in used for at in part][::11]:
        flip(file, at)
        with pytest.raises(SegmentError, match=r"one\.irsm"):
            check_segment(file)
        file.write_bytes(whole)
    check_segment(file)


def test_a_segment_that_is_cut_off_anywhere_is_noticed_when_opened(tmp_path):
    file = tmp_path / "one.irsm"
    write_segment(file, build_part([peaks_of(1, 20)]))
    whole = file.read_bytes()
    for length in [*range(0, len(whole), 61), len(whole) - 1]:
        file.write_bytes(whole[:length])
        for read in (open_segment, open_peaks):
            with pytest.raises(SegmentError, match=r"one\.irsm"):
                read(file)


@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in segments.BULK])
def test_songs_of_a_damaged_file_are_missing_and_the_others_are_found(catalogue, first, name, caplog):
    flip(first, section_at(first, name))
    with MusicCatalogue(catalogue.folder) as opened:
        snapshot = opened.snapshot()
        assert seeds_in(snapshot) == [2, 3]
        assert str(first) in caplog.text
        (problem,) = snapshot.problems
        assert problem.file == first.name and first.name in problem.what
        assert [song.title for song in problem.songs] == ["0", "1"]
        assert opened.verify() == [problem]


@pytest.mark.parametrize("name", ["directory", "postings"])
def test_damage_to_an_index_is_mended_from_the_peaks(catalogue, first, name):
    flip(first, section_at(first, name))
    (problem,) = catalogue.verify()
    assert problem.file == first.name
    catalogue.rebuild()
    assert catalogue.verify() == []
    assert seeds_in(catalogue.snapshot()) == [0, 1, 2, 3]
    assert not first.exists()


def test_damaged_peaks_are_neither_merged_nor_hidden(catalogue, first):
    flip(first, section_at(first, "peaks"))
    catalogue.merge()
    (problem,) = catalogue.verify()
    assert problem.file == first.name
    songs = {song.title: song for song in catalogue.songs()}
    for seed in (0, 1):  # how it is repaired
        catalogue.remove(songs[str(seed)].id)
        add(catalogue, seed)
    catalogue.merge()
    assert catalogue.verify() == []
    assert seeds_in(catalogue.snapshot()) == [0, 1, 2, 3]


def test_a_missing_file_is_named(catalogue, first):
    first.unlink()
    with MusicCatalogue(catalogue.folder) as opened:
        assert seeds_in(opened.snapshot()) == [2, 3]
        assert [(problem.file, len(problem.songs)) for problem in opened.verify()] == [(first.name, 2)]
        assert "is missing" in opened.verify()[0].what


def test_a_file_in_the_place_of_another_is_noticed(catalogue, first):
    first.unlink()
    write_segment(first, build_part([peaks_of(5)]))
    with MusicCatalogue(catalogue.folder) as opened:
        assert seeds_in(opened.snapshot()) == [2, 3]
        assert "has 1 songs" in opened.verify()[0].what


def test_a_catalogue_of_damaged_files_alone_does_not_say_that_nothing_plays(catalogue):
    for file in files(catalogue):
        file.write_bytes(b"\0" * file.stat().st_size)
    with MusicCatalogue(catalogue.folder) as opened:
        with pytest.raises(CatalogueError, match="no segment of a catalogue"):
            opened.snapshot()
        assert len(opened.songs()) == 4  # they can still be listed, removed and added anew
        assert len(opened.verify()) == 2


def test_a_damaged_database_is_named(catalogue):
    catalogue.close()
    file = catalogue.folder / "catalogue.db"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(CatalogueError, match=r"catalogue\.db: cannot be used"):
        MusicCatalogue(catalogue.folder)


@pytest.mark.parametrize("page", range(1, 5))  # of 4096 bytes, after that of the header
def test_a_damaged_page_of_the_database_is_named(catalogue, page):
    catalogue.add_songs([new_song(seed) for seed in range(10, 60)])
    catalogue.close()
    file = catalogue.folder / "catalogue.db"
    data = bytearray(file.read_bytes())
    data[4096 * page : 4096 * (page + 1)] = b"\x5a" * 4096
    file.write_bytes(data)
    try:
        with MusicCatalogue(catalogue.folder, read_only=True) as opened:
            assert any(problem.file == "catalogue.db" for problem in opened.verify())
    except CatalogueError as error:
        assert str(file) in str(error)


@pytest.mark.parametrize("schema, message", [(0, "no catalogue of songs"), (99, "has schema 99")])
def test_a_database_of_something_else_is_refused(folder, schema, message):
    folder.mkdir()
    with sqlite3.connect(folder / "catalogue.db") as connection:
        connection.execute(f"PRAGMA user_version = {schema}")
    connection.close()
    with pytest.raises(CatalogueError, match=message):
        MusicCatalogue(folder, create=False)


def test_what_killed_processes_leave_is_swept_away(catalogue):
    used = files(catalogue)
    for name in ("0.irsm", "1.adding", "2.merging"):
        (catalogue.folder / "segments" / name).write_bytes(b"half")
    assert [problem.file for problem in catalogue.verify()] == ["0.irsm", "1.adding", "2.merging"]
    with MusicCatalogue(catalogue.folder) as opened:
        assert files(opened) == used
        assert opened.verify() == []


def test_what_others_are_merging_is_not_swept_away(catalogue):
    file = catalogue.folder / "segments" / "2.merging"
    file.write_bytes(b"half")
    with upkeep.locked(catalogue.folder / "merging.lock"):
        MusicCatalogue(catalogue.folder).close()
    assert file.exists()


def test_another_format_is_built_anew_without_the_audio(catalogue, monkeypatch):
    for module in (segments, upkeep, catalogue_module):
        monkeypatch.setattr(module, "FORMAT", FORMAT + 1)
    before = files(catalogue)
    with (
        MusicCatalogue(catalogue.folder, read_only=True) as reading,
        pytest.raises(CatalogueError, match="other parameters"),
    ):
        reading.snapshot()
    with MusicCatalogue(catalogue.folder) as opened:
        assert opened.info().format == FORMAT + 1
        assert seeds_in(opened.snapshot()) == [0, 1, 2, 3]
        assert opened.verify() == []
        assert not set(before) & set(files(opened))
    with MusicCatalogue(catalogue.folder, read_only=True) as reading:
        assert seeds_in(reading.snapshot()) == [0, 1, 2, 3]


def test_a_catalogue_on_a_read_only_disk(catalogue, monkeypatch):
    catalogue.close()
    before = sorted(catalogue.folder.iterdir())
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with MusicCatalogue(catalogue.folder, read_only=True) as reading:
        assert seeds_in(reading.snapshot()) == [0, 1, 2, 3]
        assert reading.verify() == []
        assert sorted(catalogue.folder.iterdir()) == before  # SQLite makes no files either


def test_a_failed_write_adds_nothing(catalogue, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    before = files(catalogue)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(CatalogueError, match="No space left"):
            add(catalogue, 7)
    assert files(catalogue) == before
    assert len(catalogue.songs()) == 4
    add(catalogue, 7)
    assert seeds_in(catalogue.snapshot()) == [0, 1, 2, 3, 7]
