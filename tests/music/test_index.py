import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music_oracle import pairs, postings

from irs_engine import _native
from irs_engine.music.fingerprint import Peaks
from irs_engine.music.index import GAP, REFERENCE_FAN, build_part, pair_hashes


def some_peaks(count, seed, spread=20):
    random = np.random.default_rng(seed)
    keys = np.unique(random.integers(0, count * spread, count) * 512 + random.integers(6, 454, count))
    return Peaks((keys // 512).astype(np.int32), (keys % 512).astype(np.uint16))


EMPTY = some_peaks(0, 0)


def assert_same(a, b):
    for name in ("starts", "peak_starts", "peaks", "directory", "postings"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


@pytest.mark.parametrize("fan", [1, 4, 10])
@pytest.mark.parametrize("spread", [1, 5, 60])
def test_pairs_are_those_of_the_numpy_form(fan, spread):
    peaks = some_peaks(300, seed=fan, spread=spread)
    hashes, frames = pair_hashes(peaks, fan)
    assert list(zip(hashes.tolist(), frames.tolist(), strict=True)) == pairs(peaks.frames, peaks.bins, fan)
    assert len(hashes) > 20 and hashes.max() < 1 << 23


def test_postings_are_those_of_the_numpy_form():
    songs = [some_peaks(count, seed, spread=2) for seed, count in enumerate([500, 0, 900, 40])]
    part = build_part(songs)
    bits = (len(part.directory) - 1).bit_length() - 1
    buckets = postings([(s.frames, s.bins) for s in songs], part.starts, bits, REFERENCE_FAN)
    assert part.directory.tolist() == np.cumsum([0, *map(len, buckets)]).tolist()
    assert part.postings.tolist() == [posting for bucket in buckets for posting in bucket]
    assert len(part.postings) > 1000


def test_songs_lie_one_after_the_other():
    songs = [some_peaks(100, 1), EMPTY, some_peaks(50, 2)]
    part = build_part(songs)
    ends = [int(song.frames[-1]) + 1 if len(song) else 0 for song in songs]
    assert part.songs == 3
    assert part.starts.tolist() == [
        GAP,
        2 * GAP + ends[0],
        3 * GAP + ends[0],
        3 * GAP + ends[0] + ends[2],
    ]


def test_types_are_those_that_files_hold():
    part = build_part([some_peaks(100, 1)])
    assert part.peaks.dtype == np.uint16 and part.peaks.shape[1] == 2
    for name in ("starts", "peak_starts", "directory", "postings"):
        assert getattr(part, name).dtype == np.uint32 and getattr(part, name).ndim == 1


@pytest.mark.parametrize("songs", [[], [EMPTY], [EMPTY, EMPTY]])
def test_nothing_makes_an_empty_part(songs):
    part = build_part(songs)
    assert part.songs == len(songs) and len(part.postings) == len(part.peaks) == 0
    assert part.directory.max() == 0


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 3, 90, 65535, 65536, 200_000]), st.integers(0, 511)), max_size=30
    )
)
def test_peaks_come_back_as_they_were(steps):
    """However long nothing is heard."""
    frames = np.cumsum([step for step, _ in steps], dtype=np.int64).astype(np.int32)
    peaks = Peaks(frames, np.array([bin for _, bin in steps], np.uint16))
    part = build_part([some_peaks(9, 0), peaks])
    back = part.song_peaks(1)
    assert back.frames.tolist() == frames.tolist() and back.bins.tolist() == peaks.bins.tolist()
    assert back.frames.dtype == np.int32 and back.bins.dtype == np.uint16


def test_the_same_songs_give_the_same_bytes_with_any_number_of_threads():
    songs = [some_peaks(4000, seed, spread=3) for seed in range(4)]
    before = _native.num_threads()
    parts = []
    for threads in (1, 4):
        _native.set_num_threads(threads)
        parts.append(build_part(songs))
    _native.set_num_threads(before)
    assert_same(*parts)


def test_an_index_is_built_anew_from_what_it_holds():
    part = build_part([some_peaks(2000, seed, spread=3) for seed in range(3)])
    assert_same(build_part([part.song_peaks(i) for i in range(3)]), part)


@pytest.mark.parametrize("count", [30, 30_000])
def test_buckets_are_as_many_as_postings_need(count):
    part = build_part([some_peaks(count, 1, spread=2)])
    buckets = len(part.directory) - 1
    assert buckets == 16 or len(part.postings) / 8 <= buckets < len(part.postings) / 4


@pytest.mark.parametrize(
    ("frames", "bins", "message"),
    [
        ([5, 3], [7, 7], "ascending"),
        ([-1, 3], [7, 7], "ascending"),
        ([1, 2], [7, 512], "at most 511"),
        ([1, 1 << 23], [7, 7], "at most 8388607"),
        ([1, 2], [7], "as many as frames"),
    ],
)
def test_what_are_no_peaks_is_refused(frames, bins, message):
    with pytest.raises(ValueError, match=message):
        build_part([Peaks(np.array(frames, np.int32), np.array(bins, np.uint16))])


def test_the_kernel_refuses_other_types():
    with pytest.raises(ValueError, match=r"frames: expected contiguous int32 \(n,\), got int64"):
        _native.music_pairs(np.arange(3), np.arange(3, dtype=np.uint16), 4)
    with pytest.raises(ValueError, match="fan: expected 1 or more"):
        _native.music_pairs(np.arange(3, dtype=np.int32), np.arange(3, dtype=np.uint16), 0)
