import numpy as np
import pytest
from music_oracle import peaks
from music_sounds import excerpt, song, with_noise

from irs_engine import _native
from irs_engine.music.fingerprint import LEAST, QUERY, REFERENCE, PeakStream, query_peaks, reference_peaks


def places(found):
    frames, bins = (found.frames, found.bins) if hasattr(found, "frames") else found
    return set(zip(frames.tolist(), bins.tolist(), strict=True))


def agreement(a, b):
    a, b = places(a), places(b)
    return len(a & b) / max(len(a | b), 1)


def in_blocks(samples, size, reach=REFERENCE):
    stream = PeakStream(reach)
    for start in range(0, len(samples), size):
        stream.feed(samples[start : start + size])
    return stream.finish()


@pytest.fixture(scope="module")
def tune():
    return song(6, seed=3)


@pytest.mark.parametrize("reach", [REFERENCE, QUERY, (1, 1), (15, 15)])
def test_peaks_are_those_of_the_numpy_form(tune, reach):
    found = in_blocks(tune, len(tune), reach)
    assert len(found) > 50
    assert agreement(found, peaks(tune, *reach, LEAST)) > 0.995  # which of two equals is larger is rounding


@pytest.mark.parametrize("seconds", [0.1, 0.5, 0.9, 1.3])
def test_the_ends_are_looked_at_like_the_middle(seconds):
    short = song(seconds, seed=1)
    assert agreement(in_blocks(short, len(short)), peaks(short, *REFERENCE, LEAST)) > 0.97


def test_every_instruction_set_finds_the_same(tune, isa):
    found = query_peaks(tune)
    _native.set_isa("generic")
    assert places(query_peaks(tune)) == places(found)


@pytest.mark.parametrize("size", [1, 7, 160, 1024, 4999])
def test_blocks_of_any_size_give_the_same(tune, size):
    part = tune[: 1500 * min(size, 60)]
    whole = in_blocks(part, len(part))
    assert len(whole) and places(in_blocks(part, size)) == places(whole)


def test_peaks_are_in_order_and_of_the_promised_types(tune):
    found = reference_peaks(tune)
    assert found.frames.dtype == np.int32 and found.bins.dtype == np.uint16
    keys = found.frames.astype(int) * 1000 + found.bins
    assert (np.diff(keys) > 0).all()
    assert found.bins.min() >= 6 and found.bins.max() < 454
    assert len(query_peaks(tune)) > len(found)


@pytest.mark.parametrize("level", [1e-4, 30.0, 32768.0])
def test_loudness_changes_nothing(tune, level):
    assert agreement(reference_peaks(tune * np.float32(level)), reference_peaks(tune)) > 0.99


def test_equalisation_changes_little(tune):
    spectrum = np.fft.rfft(tune)
    hertz = np.fft.rfftfreq(len(tune), 1 / 16000)
    tilted = np.fft.irfft(spectrum * np.sqrt((hertz + 50) / 1000), len(tune)).astype(np.float32)
    assert agreement(reference_peaks(tilted), reference_peaks(tune)) > 0.7


def test_peaks_of_a_song_stay_under_noise(tune):
    noisy = places(query_peaks(with_noise(tune, ratio=6)))
    kept = np.mean([place in noisy for place in places(reference_peaks(tune))])
    shifted = np.mean([(frame + 23, bin) in noisy for frame, bin in places(reference_peaks(tune))])
    assert kept > 0.2 and kept > 10 * shifted


def test_an_excerpt_has_the_peaks_of_its_place(tune):
    inner = {(f, b) for f, b in places(reference_peaks(excerpt(tune, 2, 3))) if 60 < f < 220}
    whole = {(f - 200, b) for f, b in places(reference_peaks(tune))}
    assert len(inner & whole) > 0.95 * len(inner) > 50


def test_silence_and_next_to_nothing_have_no_peaks():
    for samples in (np.zeros(0), np.zeros(1023), np.zeros(1024), np.zeros(50_000)):
        assert len(reference_peaks(samples.astype(np.float32))) == 0


def test_of_a_steady_tone_the_beginning_is_a_peak():
    tone = np.sin(np.arange(80_000) * (2 * np.pi * 1000 / 16000))  # a whole number of waves in a hop
    assert len(reference_peaks(np.concatenate([np.zeros(16_000), tone]).astype(np.float32))) < 60


def test_what_is_no_number_is_silence(tune):
    broken = tune.copy()
    broken[20_000:20_400:7] = [np.nan, np.inf, -np.inf] * 19 + [np.nan]
    broken[30_000] = 3e38
    found = reference_peaks(broken)
    assert len(found) > 100
    mended = np.where(np.isfinite(broken), broken, 0)
    mended[20_000:20_400:7] = [0, 1e6, -1e6] * 19 + [0]
    mended[30_000] = 1e6
    assert places(found) == places(reference_peaks(mended.astype(np.float32)))


def test_nothing_follows_the_end(tune):
    stream = PeakStream()
    stream.feed(tune)
    assert places(stream.finish()) == places(stream.finish())
    with pytest.raises(ValueError, match="nothing can follow"):
        stream.feed(tune)


@pytest.mark.parametrize("reach", [(0, 5), (16, 5), (5, 0), (5, 16)])
def test_reaches_have_limits(reach):
    with pytest.raises(ValueError, match="expected 1 to 15"):
        PeakStream(reach)


@pytest.mark.parametrize("samples", [np.zeros((4, 2), np.float32), np.zeros(9), np.zeros(9, np.float32)[::2]])
def test_the_kernel_takes_floats_in_a_row(samples):
    with pytest.raises(ValueError, match="samples: expected contiguous float32"):
        _native.MusicPeaks(9, 12, 0.8).feed(samples)
