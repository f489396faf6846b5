import numpy as np
import pytest
from music_videos import RATE, noise, song, video

from irs_engine.errors import MediaError, MediaFormatError
from irs_engine.music import recognition
from irs_engine.music.catalogue import MusicCatalogue
from irs_engine.music.fingerprint import query_peaks, reference_peaks
from irs_engine.music.matching import BINS, FRAMES, Match, least_z
from irs_engine.music.playing import coincide, when_it_plays
from irs_engine.music.recognition import (
    GREY,
    HOP,
    WINDOW,
    Sighting,
    agreed,
    joined,
    recognize,
    windows_of,
)
from irs_engine.music.songs import NewSong

pytest.importorskip("av", reason="needs irs-engine[music]")
SONGS, LENGTH = 5, 30.0
BAR = least_z(SONGS)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """Songs, called "Song 1" and so on, by "Artist 1" and so on."""
    new = [
        NewSong(reference_peaks(song(number, LENGTH)), f"Song {number}", f"Artist {number}", LENGTH)
        for number in range(1, SONGS + 1)
    ]
    with MusicCatalogue(tmp_path_factory.mktemp("catalogue")) as catalogue:
        catalogue.add_songs(new)
        yield catalogue.snapshot()


def excerpt(number, start, seconds):
    return song(number, LENGTH)[round(start * RATE) : round((start + seconds) * RATE)]


def test_a_song_is_named_with_its_place(snapshot):
    found = recognize(video(excerpt(3, 21, 8)), snapshot)
    assert (found.audio_name, found.artist) == ("Song 3", "Artist 3")
    assert 0.9 < found.confidence <= 1
    (match,) = found.matches
    assert (match.title, match.id) == ("Song 3", 3)
    assert found.offset - match.start == pytest.approx(21, abs=0.1)
    assert match.start == pytest.approx(0, abs=1) and match.end == pytest.approx(8, abs=1)


def test_under_noise_as_loud_as_the_music(snapshot):
    music = excerpt(2, 12, 10)
    found = recognize(video(music + noise(10, level=float(music.std()))), snapshot)
    assert found.audio_name == "Song 2" and found.offset - found.matches[0].start == pytest.approx(
        12, abs=0.1
    )


@pytest.mark.parametrize(
    "sound",
    [song(99, 12), noise(12), np.zeros(12 * RATE), noise(12, level=1e-4), noise(0.01), None],
    ids=["unknown song", "noise", "silence", "hiss", "hardly anything", "no sound"],
)
def test_what_is_not_in_the_catalogue_is_nothing(snapshot, sound):
    found = recognize(video(sound), snapshot)
    assert (found.audio_name, found.artist, found.confidence, found.offset) == (None, None, 0, None)
    assert not found.matches
    assert all(other.confidence < 0.5 for other in found.runners_up)


def test_all_songs_with_their_times(snapshot):
    sound = np.concatenate(
        [noise(3, 1), excerpt(4, 5, 12), noise(11, 2), excerpt(1, 14, 14), excerpt(4, 2, 10), noise(2, 3)]
    )
    found = recognize(video(sound), snapshot, all_songs=True)
    assert [(match.title, match.id) for match in found.matches] == [
        ("Song 4", 4),
        ("Song 1", 1),
        ("Song 4", 4),
    ]
    for match, (start, end, offset) in zip(
        found.matches, [(3, 15, 5), (26, 40, 14), (40, 50, 2)], strict=True
    ):
        assert match.start == pytest.approx(start, abs=1.5) and match.end == pytest.approx(end, abs=1.5)
        assert match.offset - match.start == pytest.approx(offset - start, abs=0.1)
    assert found.audio_name in ("Song 1", "Song 4")
    assert found.seconds == pytest.approx(len(sound) / RATE, abs=0.3)


def test_it_listens_no_longer_than_it_needs_to(snapshot):
    sound = np.concatenate([excerpt(5, 3, 20), noise(20)])
    found = recognize(video(sound), snapshot)
    assert found.audio_name == "Song 5" and found.seconds <= 15
    assert recognize(video(noise(20)), snapshot, enough=lambda: True).seconds <= WINDOW


def test_an_empty_catalogue_knows_nothing(tmp_path):
    with MusicCatalogue(tmp_path) as catalogue:
        found = recognize(video(excerpt(1, 5, 6)), catalogue.snapshot())
        assert found.audio_name is None and not found.runners_up
        with pytest.raises(MediaError):
            recognize(b"no video", catalogue.snapshot())


def test_mp4_only(snapshot):
    sound = video(excerpt(1, 5, 6), format="wav", codec="pcm_s16le", picture=False)
    assert recognize(sound, snapshot).audio_name == "Song 1"
    with pytest.raises(MediaFormatError):
        recognize(sound, snapshot, mp4_only=True)


def blocks(seconds):
    samples = np.arange(round(seconds * RATE), dtype=np.float32)
    return [samples[at : at + round(HOP * RATE)] for at in range(0, len(samples), round(HOP * RATE))]


@pytest.mark.parametrize(
    ("seconds", "starts"),
    [
        (0, []),
        (0.5, [0]),
        (5, [0]),
        (8, [0]),
        (10, [0]),
        (10.5, [0]),
        (12, [0, 2]),
        (20, [0, 5, 10]),
        (21, [0, 5, 10, 11]),
    ],
)
def test_windows(seconds, starts):
    found = list(windows_of(blocks(seconds)))
    assert [window for window, _ in found] == starts
    for window, samples in found:
        assert samples[0] == window * RATE
        assert len(samples) == min(WINDOW, seconds) * RATE


def sighting(window, z, shift=30.0, song=0, accepted=None, likely=True):
    match = Match(0, song, shift + window, z, 30, 10)
    sure = z >= BAR if accepted is None else accepted
    return Sighting(window, match, window, window + 10, shift + window, sure, likely, z)


def test_a_sure_window_needs_no_other():
    assert agreed([sighting(0, BAR + GREY)], BAR, alone=False)
    assert agreed([sighting(0, BAR)], BAR, alone=True)


def test_a_window_in_the_grey_band_needs_another_one():
    one = sighting(0, BAR + GREY / 2)
    assert not agreed([one], BAR, alone=False)
    assert not agreed(
        [one, sighting(5, BAR - GREY / 2, shift=33)], BAR, alone=False
    )  # another place of the song
    assert not agreed([one, sighting(5, BAR - GREY / 2, song=1)], BAR, alone=False)
    assert not agreed([one, sighting(5, BAR - GREY / 2, likely=False)], BAR, alone=False)
    assert agreed([one, sighting(5, BAR - GREY / 2)], BAR, alone=False) == [one]


def test_two_doubtful_windows_have_to_share_no_sound():
    assert not agreed([sighting(0, BAR - GREY / 2), sighting(5, BAR - GREY / 2)], BAR, alone=False)
    both = agreed([sighting(0, BAR - GREY / 2), sighting(10, BAR - GREY / 2)], BAR, alone=False)
    assert len(both) == 2 and both[0].z == pytest.approx(np.sqrt(2) * (BAR - GREY / 2))


def test_neighbours_are_one_and_what_lies_apart_is_two():
    near = [sighting(at, z) for at, z in [(0, 20), (5, 30), (10, 25)]]
    far = [sighting(60, 40), sighting(30, 50, song=1)]
    found = joined([*far, *near])
    assert [(one.song, one.start, one.end, one.z) for one in found] == [
        ((0, 0), 0, 20, 30),
        ((0, 1), 30, 40, 50),
        ((0, 0), 60, 70, 40),
    ]


def test_a_song_that_starts_anew_is_told_with_its_first_place():
    (found,) = joined([sighting(0, 20, shift=50), sighting(10, 30, shift=-10)])
    assert (found.start, found.end, found.offset, found.z) == (0, 20, 50, 30)


def test_when_a_song_plays_within_a_window():
    sound = np.concatenate([noise(4, 1), excerpt(2, 10, 4), noise(2, 2)])
    query, peaks = query_peaks(sound), reference_peaks(song(2, LENGTH))
    start, end = when_it_plays(query, peaks, Match(0, 0, 6.0, 20, 50, 20))
    assert start == pytest.approx(4, abs=0.75) and end == pytest.approx(8, abs=0.75)


def test_coinciding_peaks_by_their_definition():
    draw = np.random.default_rng(0)
    query, peaks = query_peaks(excerpt(2, 10, 3)), reference_peaks(song(2, 20))
    for shift, tempo in [(1000, 1.0), (990, 1.01), (int(draw.integers(500)), 1.0)]:
        frames = np.rint(query.frames * tempo + shift)
        near = (abs(frames[:, None] - peaks.frames) <= FRAMES) & (
            abs(query.bins[:, None].astype(int) - peaks.bins) <= BINS
        )
        assert np.array_equal(coincide(query, peaks, shift, tempo), near.any(1))


def test_only_so_much_of_a_video_is_listened_to(snapshot, monkeypatch):
    monkeypatch.setattr(recognition, "SCANNED", 15.0)
    assert recognize(video(noise(25)), snapshot, all_songs=True).seconds == pytest.approx(15, abs=0.1)
