"""The same recording in another encoding, and what is not the same."""

import io

import numpy as np
import pytest
from catalogue_songs import new_song, peaks_of
from music_videos import song, video

from irs_engine.music.catalogue import MusicCatalogue
from irs_engine.music.duplicates import same_recording, shared
from irs_engine.music.fingerprint import Peaks
from irs_engine.music.songs import DuplicateSong

COUNT = 700


@pytest.fixture
def catalogue(folder):
    with MusicCatalogue(folder) as catalogue:
        catalogue.add_songs([new_song(seed, COUNT) for seed in range(4)])
        yield catalogue


def altered(peaks, kept, seed=0):
    """With a share of the peaks, each up to a frame and a bin off, later, and noise for the others."""
    random = np.random.default_rng(seed)
    keep = random.random(len(peaks)) < kept
    frames = peaks.frames[keep] + random.integers(-1, 2, keep.sum()) + 40
    bins = peaks.bins[keep].astype(int) + random.integers(-1, 2, keep.sum())
    noise = len(peaks) - keep.sum()
    frames = np.concatenate([frames, random.integers(40, peaks.frames[-1], noise)])
    bins = np.concatenate([bins, random.integers(6, 449, noise)])
    order = np.lexsort((bins, frames))
    return Peaks(frames[order].astype(np.int32), bins[order].astype(np.uint16))


@pytest.mark.parametrize("seed", range(4))
def test_another_encoding_is_the_same_recording(catalogue, seed):
    snapshot = catalogue.snapshot()
    assert same_recording(altered(peaks_of(seed, COUNT), 0.75), snapshot).title == str(seed)
    assert same_recording(altered(peaks_of(seed, COUNT), 0.35), snapshot) is None
    assert same_recording(peaks_of(seed + 100, COUNT), snapshot) is None


def test_a_part_of_a_song_is_not_the_song(catalogue):
    song = peaks_of(1, COUNT)
    half = Peaks(song.frames[: COUNT // 2], song.bins[: COUNT // 2])
    other = peaks_of(50, COUNT // 2)
    mixed = Peaks(
        np.concatenate([half.frames, other.frames + half.frames[-1] + 1]),
        np.concatenate([half.bins, other.bins]),
    )
    for peaks in (half, mixed):
        assert same_recording(peaks, catalogue.snapshot()) is None
        assert shared(peaks, song, 0) == pytest.approx(0.5, abs=0.06)


def test_a_removed_song_is_not_there_any_more(catalogue):
    catalogue.remove(2)
    assert same_recording(peaks_of(1, COUNT), catalogue.snapshot()) is None


def test_a_few_peaks_say_nothing(catalogue):
    few = peaks_of(3, 40)
    catalogue.add_peaks(few, "Few")
    assert same_recording(few, catalogue.snapshot()) is None


def wav(samples):
    return video(samples, picture=False, format="wav", codec="pcm_s16le")


def test_a_file_of_a_song_that_is_there_in_another_format_is_refused(folder):
    pytest.importorskip("av")
    with MusicCatalogue(folder) as catalogue:
        first = catalogue.add(wav(song(1, 12)), title="One")
        catalogue.add(io.BytesIO(video(song(2, 6))), title="Two")
        with pytest.raises(DuplicateSong, match="One") as caught:
            catalogue.add(video(0.2 * song(1, 12)), title="Another name")
        assert caught.value.song == first
        assert len(catalogue.songs()) == 2


def test_songs_are_added_where_all_files_are_damaged(folder):
    pytest.importorskip("av")
    with MusicCatalogue(folder) as catalogue:
        catalogue.add_songs([new_song(1)])
    for file in folder.rglob("*.irsm"):
        file.write_bytes(b"damaged")
    with MusicCatalogue(folder) as catalogue:
        catalogue.add(wav(song(1, 4)), title="One")
        assert catalogue.snapshot().count == 1
