from dataclasses import replace

import numpy as np
import pytest
from music_oracle import pairs, proof, votes
from music_sounds import excerpt, song, with_noise

from irs_engine import _native
from irs_engine.music.fingerprint import Peaks, query_peaks, reference_peaks
from irs_engine.music.index import IndexPart, build_part, pair_hashes
from irs_engine.music.matching import (
    EARLY,
    LEAST_COINCIDENCES,
    LEAST_MARGIN,
    LEAST_VOTES,
    USUAL,
    WORTH,
    Match,
    at_tempo,
    confidence,
    decide,
    find_matches,
    least_z,
    spread,
    vote,
)

SECONDS = [12, 15, 8, 20, 10]


@pytest.fixture(scope="module")
def songs():
    return [song(seconds, seed) for seed, seconds in enumerate(SECONDS)]


@pytest.fixture(scope="module")
def peaks(songs):
    return [reference_peaks(sound) for sound in songs]


@pytest.fixture(scope="module")
def part(peaks):
    return build_part(peaks)


@pytest.fixture(scope="module")
def query(songs):
    return query_peaks(with_noise(excerpt(songs[3], 11.3, 5), ratio=3))


def kept(part):
    return np.zeros(part.songs, bool)


def find(query, part, **options):
    return find_matches(query, [part], [kept(part)], **options)


def test_votes_are_those_of_the_numpy_form(part, query):
    songs, found = vote(*pair_hashes(query, 10), part, kept(part))
    expected = votes(pairs(query.frames, query.bins, 10), part, EARLY)
    assert dict(zip(songs.tolist(), found.tolist(), strict=True)) == {
        song: count for song, count in expected.items() if count >= LEAST_VOTES
    }
    assert max(expected, key=lambda song: expected[song]) == 3 and len(songs) > 1


@pytest.mark.parametrize("seed", range(2))
def test_votes_of_crowded_parts_are_those_of_the_numpy_form(seed):
    """Few keys and many songs: every block of the timeline has votes, and edges of songs lie anywhere."""
    random = np.random.default_rng(seed)

    def peaks(count, frames):
        keys = np.unique(random.integers(0, frames, count) * 512 + random.integers(6, 9, count))
        return Peaks((keys // 512).astype(np.int32), (keys % 512).astype(np.uint16))

    part = build_part([peaks(random.integers(0, 400), random.integers(1, 5000)) for _ in range(12)])
    query = peaks(60, 800)
    songs, found = _native.vote_music(
        *pair_hashes(query, 10), part.starts, part.directory, part.postings, kept(part), EARLY, 0
    )
    expected = votes(pairs(query.frames, query.bins, 10), part, EARLY)
    assert dict(zip(songs.tolist(), found.tolist(), strict=True)) == expected


@pytest.mark.parametrize("length", [0.3, 3, 9])
def test_proofs_are_those_of_the_numpy_form(songs, peaks, part, length):
    query = query_peaks(with_noise(excerpt(songs[1], 4.2, length), ratio=3))
    rows = [part.song_rows(song) for song in range(part.songs)]
    z, coincidences, offsets = _native.prove_music(query.frames, query.bins, rows, WORTH, USUAL)
    for number, known in enumerate(peaks):
        expected = proof((query.frames, query.bins), (known.frames, known.bins), WORTH, USUAL)
        assert z[number] == pytest.approx(expected[0], rel=1e-9)
        assert (coincidences[number], offsets[number]) == expected[1:]
    assert length < 1 or z.argmax() == 1


@pytest.mark.parametrize("start", [0, 3.217, 14.99])
@pytest.mark.parametrize("ratio", [40, 0])
def test_a_song_is_found_under_noise_and_where(songs, part, start, ratio):
    query = query_peaks(with_noise(excerpt(songs[3], start, 5), ratio))
    (match,) = decide(find(query, part), part.songs)
    assert (match.part, match.song, match.tempo) == (0, 3, 1.0)
    assert match.offset == pytest.approx(start, abs=0.03)
    assert confidence(match, part.songs) > 0.9


def test_a_query_may_begin_before_the_song_and_end_after_it(songs, part):
    hum = np.random.default_rng(1).standard_normal(6 * 16000).astype(np.float32) * 0.01
    query = query_peaks(np.concatenate([hum, songs[2], hum]))
    (match,) = decide(find(query, part), part.songs)
    assert match.song == 2 and match.offset == pytest.approx(-6, abs=0.03)


@pytest.mark.parametrize("speed", [0.98, 0.99, 1.006, 1.01, 1.02])
def test_a_song_is_found_that_plays_faster_or_slower(songs, part, speed):
    piece = excerpt(songs[1], 3, 11).astype(np.float64)
    played = np.interp(np.arange(0, 10 * 16000) * speed, np.arange(len(piece)), piece).astype(np.float32)
    (match,) = decide(find(query_peaks(with_noise(played, 6)), part), part.songs)
    assert match.song == 1 and match.tempo == pytest.approx(speed, abs=0.011)
    assert match.offset == pytest.approx(3, abs=0.1)


def test_a_steady_speed_keeps_peaks_as_they_are(query):
    assert at_tempo(query, 1.0) is query
    faster = at_tempo(query, 1.02)
    assert len(faster) == len(query) and (np.diff(faster.frames) >= 0).all()
    assert faster.frames[-1] == round(int(query.frames[-1]) * 1.02)


@pytest.mark.parametrize("seed", range(100, 106))
def test_other_songs_and_noise_are_not_found(part, seed):
    sound = song(8, seed) if seed % 3 else np.random.default_rng(seed).standard_normal(160_000)
    assert decide(find(query_peaks(sound), part), part.songs) == []


def test_a_rhythm_in_common_is_no_match():
    """Songs of one tempo, every note of which begins where notes of the others do."""
    random = np.random.default_rng(0)

    def notes(seconds):
        frames = np.repeat(np.arange(0, seconds * 100, 25), 12) + random.integers(0, 2, seconds * 48)
        bins = 6 + 4 * random.integers(0, 110, len(frames))  # some pitches, as of a scale
        keys = np.unique(frames * 512 + bins)
        return Peaks((keys // 512).astype(np.int32), (keys % 512).astype(np.uint16))

    others = build_part([notes(60) for _ in range(20)])
    for _ in range(5):
        assert decide(find(notes(10), others), others.songs) == []


@pytest.mark.parametrize("count", [0, 900, 1100, 5000])
def test_silence_and_next_to_nothing_find_nothing(part, count):
    assert find(query_peaks(np.zeros(count, np.float32)), part) == []


def test_parts_are_searched_together(peaks, part, query):
    split = [build_part(peaks[:2]), build_part([]), build_part(peaks[2:])]
    found = find_matches(query, split, [kept(one) for one in split])
    whole = find(query, part)
    first = [0, 2, 2]
    assert first[found[0].part] + found[0].song == whole[0].song == 3
    assert found[0].z == pytest.approx(whole[0].z, rel=0.05) and found[0].offset == whole[0].offset


def test_removed_songs_are_not_found(part, query):
    gone = kept(part)
    gone[3] = True
    assert all(match.song != 3 for match in find_matches(query, [part], [gone]))
    assert find(query, part)[0].song == 3


def test_matches_are_few_and_the_best_comes_first(part, query):
    found = find(query, part)
    assert [match.z for match in found] == sorted((match.z for match in found), reverse=True)
    assert len({(match.part, match.song) for match in found}) == len(found)
    assert find(query, part, limit=1) == found[:1]


def match(z, song=0, coincidences=50):
    return Match(part=0, song=song, offset=1.0, z=z, coincidences=coincidences, votes=20)


def test_what_is_believed():
    bar = least_z(100)
    assert decide([], 100) == []
    assert decide([match(bar)], 100) == [match(bar)]
    assert decide([match(bar - 0.01)], 100) == []
    assert decide([match(bar, coincidences=LEAST_COINCIDENCES - 1)], 100) == []
    assert least_z(10_000) > bar > least_z(1)


def test_a_match_that_another_comes_close_to_is_not_believed():
    bar = least_z(100)
    best, near, far = match(bar + 1), match(bar - 0.1, song=1), match(bar + 1 - LEAST_MARGIN, song=1)
    assert decide([best, near], 100) == []
    assert decide([best, replace(far, z=far.z - 0.01)], 100) == [best]
    twins = [match(bar + 9), match(bar + 8.5, song=1)]  # of one recording
    assert decide(twins, 100) == twins


def test_confidence_is_a_half_where_belief_begins():
    assert confidence(match(least_z(100)), 100) == 0.5
    assert 0 <= confidence(match(-1e6), 100) < 0.01 < 0.99 < confidence(match(200.0), 100) <= 1


def test_damaged_parts_give_no_crash(part, query):
    random = np.random.default_rng(0)
    for _ in range(12):
        arrays = {name: getattr(part, name).copy() for name in ("directory", "postings", "peaks")}
        for values in arrays.values():
            flat = values.reshape(-1)
            at = random.integers(0, len(flat), 50)
            flat[at] = random.integers(0, np.iinfo(flat.dtype).max, 50)
        damaged = IndexPart(part.starts, part.peak_starts, **arrays)
        find(query, damaged)


def test_the_kernels_refuse_what_does_not_fit(part, query):
    hashes = pair_hashes(query, 10)
    with pytest.raises(ValueError, match="removed: expected one for each of 5 songs"):
        vote(*hashes, part, np.zeros(4, bool))
    with pytest.raises(ValueError, match="directory: expected"):
        vote(*hashes, replace(part, directory=part.directory[:-1]), kept(part))
    for worth, usual, message in (
        (WORTH[:1], USUAL, r"kernel: expected \(2, 3\)"),
        (-WORTH, USUAL, "kernel: expected 0 to 64"),
        (WORTH, 0.0, "usual: expected more than 0"),
    ):
        with pytest.raises(ValueError, match=message):
            _native.prove_music(query.frames, query.bins, [part.song_rows(0)], worth, usual)


def test_peaks_of_a_single_moment_prove_nothing(songs):
    """A song with a line of peaks, as a cut leaves it, and a query that shares nothing but such a line."""
    known, other = reference_peaks(songs[3]), query_peaks(songs[0])
    line = np.arange(20, 440, 12)

    def with_line(peaks, frame):
        keep = np.abs(peaks.frames - frame) > 5
        frames = np.concatenate((peaks.frames[keep], np.full(len(line), frame)))
        bins = np.concatenate((peaks.bins[keep], line))
        order = np.lexsort((bins, frames))
        return Peaks(frames[order].astype(np.int32), bins[order].astype(np.uint16))

    song_of_it, query_of_it = with_line(known, 900), with_line(other, 300)
    assert spread(query_of_it, song_of_it, 600) < 0.5
    assert spread(query_peaks(songs[3][160 * 100 : 160 * 700]), known, 100) > 0.9
