"""Processes that write to a catalogue and are killed, before any step of their work or at any moment.

Run as a program: `python killed_catalogue.py steps|moments FOLDER COUNT`. It forks what it kills, as
hundreds of starts of Python would take minutes. It raises where a catalogue is not as it has to be, and
prints what it did.
"""

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from catalogue_songs import add, new_song, seeds_in

from irs_engine.music.catalogue import MusicCatalogue

WATCHED = ("catalogue", "database", "segments", "upkeep", "snapshot", "merging")
FOUR = [0, 1, 2, 3]


def rebuild(folder):
    with MusicCatalogue(folder) as catalogue:
        catalogue.rebuild()


def merge(folder):
    with MusicCatalogue(folder) as catalogue:
        catalogue.merge()


def remove(folder):
    with MusicCatalogue(folder) as catalogue:
        catalogue.remove(2)


def add_one(folder):  # and merge in the background
    with MusicCatalogue(folder) as catalogue:
        add(catalogue, 4)


# What is done, to which songs, and what the songs are when it is done.
WORK = {
    "begin": (add_one, [], [4]),
    "add": (add_one, FOUR, [*FOUR, 4]),
    "remove": (remove, FOUR, [0, 2, 3]),
    "merge": (merge, FOUR, FOUR),
    "rebuild": (rebuild, FOUR, FOUR),
}


def kill_before(step):
    """Have this process killed when the catalogue has called so many functions that are written in C."""
    files = {
        str(Path(sys.modules[MusicCatalogue.__module__].__file__).with_name(f"{name}.py")) for name in WATCHED
    }
    left = [step]

    def watch(frame, event, argument):
        if event == "c_call" and frame.f_code.co_filename in files:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)
    sys.setprofile(watch)


def forked(work):
    """The id of a child that does it."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        sys.setprofile(None)
        os._exit(0)
    finally:
        os._exit(1)


def checked(folder):
    """The songs of a catalogue that somebody was killed at."""
    with MusicCatalogue(folder) as catalogue:
        problems = catalogue.verify()
        assert not problems, problems
        seeds = seeds_in(catalogue.snapshot())
        assert seeds == sorted(int(song.title) for song in catalogue.songs())
        return seeds


def steps(folder, stride):
    """Kill each work before every `stride`th of its steps; how many steps each has."""
    counts = {}
    for name, (work, before, after) in WORK.items():
        start = folder / f"{name}-before"
        if before:
            with MusicCatalogue(start) as catalogue:
                catalogue.add_songs([new_song(0), new_song(1)])
                add(catalogue, *before[2:])
        seen = []
        for step in range(0, 100_000, stride):
            place = folder / f"{name}-{step}"
            if before:
                shutil.copytree(start, place)

            def killed(work=work, place=place, step=step):
                kill_before(step)
                work(place)

            _, status = os.waitpid(forked(killed), 0)
            assert status in (0, signal.SIGKILL), (name, step, status)
            seen.append(checked(place))
            assert seen[-1] in (before, after), (name, step, seen[-1])
            shutil.rmtree(place)
            if status == 0:
                break
        assert seen[0] == before and seen[-1] == after
        counts[name] = step
    return counts


def moments(folder, rounds):
    """Kill one that adds and removes, and one that merges, after a while; the songs that it came to."""
    chance = random.Random(1)
    told, lost = set(), 0
    for round in range(rounds):
        reading, writing = os.pipe()

        def adding(round=round, writing=writing):
            with MusicCatalogue(folder) as catalogue:
                for seed in range(1000 * round, 1000 * round + 999):
                    (song,) = add(catalogue, seed)
                    if seed % 5 == 4:
                        catalogue.remove(song.id)
                    os.write(writing, f"{'-' * (seed % 5 == 4)}{seed}\n".encode())

        def merging():
            while True:
                merge(folder)

        children = [forked(adding), forked(merging)]
        os.close(writing)
        begun = os.read(reading, 1) if round % 2 else b""  # however slow the machine is
        time.sleep(chance.uniform(0, 0.2))
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            assert os.waitpid(child, 0)[1] == signal.SIGKILL
        with open(reading) as pipe:
            lines = (begun.decode() + pipe.read()).split()
        told |= {int(line) for line in lines if not line.startswith("-")}
        seeds = set(checked(folder))
        assert told <= seeds, f"lost: {told - seeds}"
        assert len(seeds - told) <= 1, f"added and not told: {seeds - told}"
        lost += len(seeds - told)
        told = seeds
    return {"songs": len(told), "added but not told": lost}


if __name__ == "__main__":
    work, place, count = sys.argv[1:]
    print(json.dumps({"steps": steps, "moments": moments}[work](Path(place), int(count))))
