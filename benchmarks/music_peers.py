"""Other recognisers for benchmarks/music.py: audfprint (MIT), run as a program, and Chromaprint's raw values.

audfprint is Dan Ellis's landmark recogniser, github.com/dpwe/audfprint: its folder and a Python that has its
requirements (numpy<2) are named by the command line. It gets what PyAV decodes, as the product does, so that
no ffmpeg is needed. Chromaprint's `fpcalc` computes a 32-bit value for every .124 s; the values of a query
are slid along those of every song, and at most .35 of wrong bits is a match (Haitsma, Kalker 2002).
"""

from __future__ import annotations

import json
import re
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

AUDFPRINT_RATE = 11_025  # Hz
DENSE = ["-n", "70", "-F", "8", "-i", "4", "-N", "15"]  # hashes a second, fan, shifts of a query, least
ANSWER = re.compile(r"(?:Matched|NOMATCH) (.+) [\d.]+ sec \d+ raw hashes(?: as (.+) at +[-\d.]+ s with .*)?$")
WRONG_BITS = 0.35


class Audfprint:
    def __init__(self, name: str, program: Path, python: str, work: Path, options: Sequence[str] = ()):
        self.name, self._options = name, list(options)
        self._program, self._python, self._work = program.resolve(), python, work.resolve() / name
        self._work.mkdir(parents=True, exist_ok=True)
        self._index = self._work / "songs.pklz"

    def add(self, songs: Sequence[Path]) -> None:
        self._run("new", songs)

    def ask(self, videos: Sequence[Path]) -> list[str]:
        """Titles, "" where there is none."""
        found = {}
        for line in self._run("match", videos).splitlines():
            if answer := ANSWER.match(line):
                found[Path(answer[1]).stem] = Path(answer[2] or "").stem
        return [found[video.stem] for video in videos]

    def bytes(self) -> int:
        return self._index.stat().st_size

    def _run(self, command: str, files: Sequence[Path]) -> str:
        sounds = [self._work / f"{file.stem}.wav" for file in files]
        for file, sound in zip(files, sounds, strict=True):
            _write_wav(file, sound)
        names = self._work / "files.txt"
        names.write_text("".join(f"{sound}\n" for sound in sounds))
        # Without ffmpeg it reads WAV files; only this variable says so.
        start = "import sys, audio_read, audfprint; audio_read.HAVE_FFMPEG = False; audfprint.main(sys.argv)"
        # What a command does not use, such as the shifts of queries, does no harm to it.
        options = [*self._options, "--dbase", str(self._index), "-l", str(names)]
        done = subprocess.run(
            [self._python, "-c", start, command, *options],
            cwd=self._program,
            capture_output=True,
            text=True,
        )
        for sound in sounds:
            sound.unlink()
        if done.returncode:
            raise SystemExit(f"audfprint: {done.stderr[-2000:]}")
        return done.stdout


def _write_wav(file: Path, to: Path) -> None:
    resampler = av.AudioResampler("s16", "mono", AUDFPRINT_RATE)
    with av.open(str(file)) as container, wave.open(str(to), "wb") as sound:
        sound.setparams((1, 2, AUDFPRINT_RATE, 0, "NONE", ""))
        for frame in [*container.decode(audio=0), None]:
            for made in resampler.resample(frame):
                sound.writeframes(made.to_ndarray()[0].tobytes())


class Chromaprint:
    name = "chromaprint"

    def __init__(self, program: str = "fpcalc"):
        self._program = program
        self._songs: dict[str, np.ndarray] = {}

    def add(self, songs: Sequence[Path]) -> None:
        self._songs = {song.stem: self._values(song) for song in songs}

    def ask(self, videos: Sequence[Path]) -> list[str]:
        return [self._best(self._values(video)) for video in videos]

    def bytes(self) -> int:
        return sum(values.nbytes for values in self._songs.values())

    def _values(self, file: Path) -> np.ndarray:
        """(n,) uint32; none where there is too little sound."""
        command = [self._program, "-raw", "-json", "-length", "0", str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
        if not done.stdout:  # its exit status also tells of the end of a file
            return np.zeros(0, np.uint32)
        return np.array(json.loads(done.stdout)["fingerprint"], np.int64).astype(np.uint32)

    def _best(self, query: np.ndarray) -> str:
        title, least = "", WRONG_BITS
        for name, song in self._songs.items():
            if 0 < len(query) <= len(song):
                places = np.lib.stride_tricks.sliding_window_view(song, len(query))
                wrong = np.bitwise_count(places ^ query).sum(1).min() / (32 * len(query))
                if wrong <= least:
                    title, least = name, wrong
        return title
