"""Songs for tests of the catalogue: peaks drawn by a seed, and what a catalogue has of them."""

import os
import subprocess
import sys

import numpy as np

from irs_engine.music.catalogue import MusicCatalogue
from irs_engine.music.fingerprint import Peaks
from irs_engine.music.songs import NewSong


def peaks_of(seed, count=60):
    """Peaks of a song that no other seed has."""
    rng = np.random.default_rng(seed)
    frames = np.cumsum(rng.integers(1, 6, count))
    return Peaks(frames.astype(np.int32), rng.integers(6, 449, count).astype(np.uint16))


def new_song(seed, count=60):
    return NewSong(peaks_of(seed, count), str(seed), "someone", count * 0.03, f"{seed}.flac")


def add(catalogue, *seeds):
    return [catalogue.add_songs([new_song(seed)])[0] for seed in seeds]


def adding_elsewhere(folder, seeds):
    """Another process that adds songs."""
    code = "import sys, catalogue_songs; catalogue_songs.add_all(sys.argv[1], map(int, sys.argv[2:]))"
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    return subprocess.Popen([sys.executable, "-c", code, folder, *map(str, seeds)], env=environment)


def add_all(folder, seeds):
    with MusicCatalogue(folder) as catalogue:
        add(catalogue, *seeds)


def seeds_in(snapshot):
    """The seeds of the songs that can be found in it, each of which must have its very peaks."""
    found = []
    for number, part in enumerate(snapshot.parts):
        for place in np.flatnonzero(~snapshot.removed[number]).tolist():
            seed = int(snapshot.song_of(number, place).title)
            peaks, expected = part.song_peaks(place), peaks_of(seed)
            np.testing.assert_array_equal(peaks.frames, expected.frames)
            np.testing.assert_array_equal(peaks.bins, expected.bins)
            found.append(seed)
    assert len(found) == snapshot.count
    return sorted(found)
