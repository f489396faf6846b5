"""Mutated MP4 files: each is a result or an IrsError; nothing crashes, hangs or eats memory.

As a program, `python test_hostile_videos.py FIRST LAST`, it listens to the files of these numbers and ends
with a line of JSON.
"""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

FILES, PARTS, FEW = 2000, 4, 80
SECONDS = 20  # of work on one file, on a slow machine
MEGABYTES = 200  # more than before the first file


def listened_to(first, last):
    """The outcome of a process of its own."""
    command = [sys.executable, __file__, str(first), str(last)]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 0, f"exit code {done.returncode}, {done.stdout[-500:]} {done.stderr[-2000:]}"
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["songs"] + outcome["nothing"] + outcome["errors"] == last - first
    assert outcome["megabytes"] < MEGABYTES
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_files(part):
    pytest.importorskip("av", reason="needs irs-engine[music]")
    outcome = listened_to(*(FILES * (part + i) // PARTS for i in (0, 1)))
    assert min(outcome["songs"], outcome["errors"]) > 50  # mutations do harm, but not only


def test_a_few_mutated_files():
    pytest.importorskip("av", reason="needs irs-engine[music]")
    outcome = listened_to(FILES, FILES + FEW)
    assert outcome["songs"] and outcome["errors"]


def mutated(seeds, number):
    """File `number`: (what was done, data)."""
    draw = random.Random(number)
    name = draw.choice(sorted(seeds))
    data = bytearray(seeds[name])
    kind = draw.choice([flip_bits, flip_bits, edit_box, edit_box, edit_box, truncate, swap, insert, splice])
    for _ in range(draw.choice([1, 1, 1, 3, 10])):
        kind(data, draw, seeds)
    return f"{number} {name} {kind.__name__}", bytes(data)


def flip_bits(data, draw, seeds):
    for _ in range(draw.choice([1, 4, 40, 400])):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def edit_box(data, draw, seeds):
    """A number near the name of a box becomes an odd one: sizes, counts, durations, offsets, formats."""
    names = b"ftyp moov mvhd trak tkhd mdia mdhd hdlr minf stbl stsd mp4a esds stts stsc stsz stco".split()
    names += b"ctts elst edts mdat moof traf tfhd tfdt trun mvex trex udta meta ilst stss alac .mp3".split()
    places = [at for name in names if (at := data.find(name)) >= 0]
    at = draw.choice(places) + draw.choice([-4, 4, 8, 12, 16, 20, 24, 28, 32, draw.randrange(4, 80)])
    odd = [0, 1, 2, 7, 8, 255, 2**15, 2**16, 2**20, 2**24, 2**27, 2**31 - 1, 2**31, 2**32 - 1]
    odd.append(draw.getrandbits(32))
    if 0 <= at <= len(data) - 4:
        struct.pack_into(">I", data, at, draw.choice(odd))


def truncate(data, draw, seeds):
    del data[draw.randrange(len(data)) + 1 :]


def swap(data, draw, seeds):
    size = draw.choice([4, 16, 64, 512, 4096])
    a, b = (draw.randrange(max(1, len(data) - size)) for _ in range(2))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def insert(data, draw, seeds):
    at, size = draw.randrange(len(data)), draw.randrange(1, 2000)
    data[at:at] = draw.choice([draw.randbytes(size // 10), data[at : at + size]])


def splice(data, draw, seeds):
    other = seeds[draw.choice(sorted(seeds))]
    at = draw.randrange(len(data))
    data[at:] = other[min(at, len(other) - 1) :]


def make_seeds(music):
    import numpy as np
    from music_videos import video

    return {
        "aac": video(music),
        "front": video(music, movflags="faststart", title="A", artist="B"),
        "fragments": video(music, movflags="frag_keyframe+empty_moov+default_base_moof"),
        "stereo": video(np.stack([music, music]), picture=False),
        "alac": video(music, codec="alac", picture=False),
        "mp3": video(music, codec="mp3"),
        "pcm": video(music, format="mov", codec="pcm_s16le"),
        "silent": video(None),
    }


def main(first, last):
    import resource
    import signal

    from music_videos import RATE, song

    from irs_engine.errors import IrsError
    from irs_engine.music.catalogue import MusicCatalogue
    from irs_engine.music.fingerprint import reference_peaks
    from irs_engine.music.recognition import recognize

    music = song(1, 20)
    seeds = make_seeds(music[5 * RATE : 10 * RATE])
    with tempfile.TemporaryDirectory() as folder, MusicCatalogue(folder) as catalogue:
        catalogue.add_peaks(reference_peaks(music), "Song")
        songs = catalogue.snapshot()
    outcome = {"songs": 0, "nothing": 0, "errors": 0}
    for data in seeds.values():  # what every process needs, hostile or not
        recognize(data, songs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, last):
        what, data = mutated(seeds, number)
        print(what, flush=True)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of this process's own work; the signal ends it
        try:
            found = recognize(data, songs, all_songs=number % 2 == 0, mp4_only=True)
            outcome["songs" if found.audio_name else "nothing"] += 1
        except IrsError:
            outcome["errors"] += 1
    outcome["megabytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
