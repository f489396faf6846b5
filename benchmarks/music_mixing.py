"""What is done to music before it is to be recognised: speech and noise over it, filters, levels, encoding.

Ratios are of the RMS of the music to that of the disturbance over the whole query, in dB; speech is without
pauses.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

RATE = 44_100  # Hz, of the queries
SOUND_FILES = {".m4a", ".mp3", ".mp4", ".ogg", ".flac", ".wav", ".opus"}
PAUSE = 0.03  # of the loudest 20 ms of a clip: what is quieter is cut out of speech
LOUDEST = 0.98
AROUND = 30  # seconds of speech around an embedded excerpt


@dataclass(frozen=True)
class Sounds:
    """What is mixed: clips of speech by speaker, and recordings of noise."""

    speakers: Sequence[Sequence[Path]]
    noises: Sequence[Path]

    def speech(self, count: int, chance: np.random.Generator) -> np.ndarray:
        """(count,) of one speaker without pauses, from a random clip on."""
        clips = self.speakers[chance.integers(len(self.speakers))]
        first = int(chance.integers(len(clips)))
        found, have, number = [], 0, first
        while have < count:
            clip = without_pauses(clips[number % len(clips)])
            found.append(clip / rms(clip))
            have, number = have + len(clip), number + 1
        return np.concatenate(found)[:count]

    def ambience(self, count: int, chance: np.random.Generator) -> np.ndarray:
        sound = read_sound(self.noises[chance.integers(len(self.noises))])
        return np.resize(np.roll(sound, -int(chance.integers(len(sound)))), count)


def find_sounds(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_FILES)


def by_speaker(clips: Sequence[Path]) -> list[list[Path]]:
    """Clips named `source__speaker-...` together."""
    speakers: dict[str, list[Path]] = {}
    for clip in clips:
        source, _, name = clip.stem.rpartition("__")
        speakers.setdefault(source + re.split(r"[-_]", name)[0], []).append(clip)
    return list(speakers.values())


@lru_cache(maxsize=16)
def read_sound(path: Path) -> np.ndarray:
    """(n,) float32 mono at RATE."""
    with av.open(str(path)) as container:
        return _resampled(container.decode(audio=0), RATE)


def _resampled(frames, rate: int) -> np.ndarray:
    resampler = av.AudioResampler("flt", "mono", rate)
    parts = [made.to_ndarray()[0] for frame in [*frames, None] for made in resampler.resample(frame)]
    return np.concatenate(parts)


@lru_cache(maxsize=256)
def without_pauses(path: Path) -> np.ndarray:
    sound = read_sound(path)
    frames = sound[: len(sound) // 882 * 882].reshape(-1, 882)
    loud = np.sqrt((frames**2).mean(1))
    return frames[loud > PAUSE * loud.max()].ravel()


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt((sound.astype(np.float64) ** 2).mean()))


def at_level(disturbance: np.ndarray, music: np.ndarray, ratio: float) -> np.ndarray:
    """The disturbance at a music-to-disturbance ratio in dB."""
    return disturbance * np.float32(rms(music) / rms(disturbance) / 10 ** (ratio / 20))


def filtered(sound: np.ndarray, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """With a gain for each frequency in Hz."""
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    return np.fft.irfft(np.fft.rfft(sound) * gain(frequencies), len(sound)).astype(np.float32)


def pink(count: int, chance: np.random.Generator) -> np.ndarray:
    white = chance.standard_normal(count).astype(np.float32)
    return filtered(white, lambda f: 1 / np.sqrt(np.maximum(f, 20)))


Condition = Callable[[np.ndarray, Sounds, np.random.Generator], np.ndarray]


def _speech_at(ratio: float) -> Condition:
    return lambda music, sounds, chance: music + at_level(sounds.speech(len(music), chance), music, ratio)


def _ambient(music: np.ndarray, sounds: Sounds, chance: np.random.Generator) -> np.ndarray:
    return music + at_level(sounds.ambience(len(music), chance), music, 0)


def _tilted(music: np.ndarray, sounds: Sounds, chance: np.random.Generator) -> np.ndarray:
    slope = chance.choice([-1, 1]) * 3  # dB an octave
    return filtered(music, lambda f: 10 ** (slope * np.log2(np.maximum(f, 50) / 1000) / 20))


def _reverberant(music: np.ndarray, sounds: Sounds, chance: np.random.Generator) -> np.ndarray:
    time = np.arange(RATE // 2) / RATE
    response = chance.standard_normal(len(time)) * 10 ** (-3 * time / 0.5)  # 60 dB less after .5 s
    count = len(music) + len(time)
    spectrum = np.fft.rfft(music, count) * np.fft.rfft(response, count)
    wet = np.fft.irfft(spectrum, count)[: len(music)].astype(np.float32)
    return wet * np.float32(rms(music) / rms(wet))


def _ducked(music: np.ndarray, sounds: Sounds, chance: np.random.Generator) -> np.ndarray:
    """Speech in turns of 2.5 s; the music is 12 dB down under it, and then 6 dB less than the speech."""
    speaking = (np.arange(len(music)) // (5 * RATE // 2) + int(chance.integers(2))) % 2 == 0
    low = np.where(speaking, music * np.float32(10 ** (-12 / 20)), music)
    speech = at_level(sounds.speech(len(music), chance), low[speaking], -6)
    return low + np.where(speaking, speech, 0)


def _embedded(music: np.ndarray, sounds: Sounds, chance: np.random.Generator) -> np.ndarray:
    """Faded in and out within speech as loud as it; begins at `embedded_at`."""
    fade = np.minimum(1, np.minimum(np.arange(len(music)), np.arange(len(music))[::-1]) / (RATE / 2))
    found = at_level(sounds.speech(AROUND * RATE, chance), music, 0)
    begin = embedded_at(len(music)) * RATE
    found[begin : begin + len(music)] += music * fade.astype(np.float32)
    return found


def embedded_at(count: int) -> int:
    """Whole seconds of speech before an embedded excerpt of so many samples."""
    return (AROUND - count // RATE) // 2 + 1


CONDITIONS: dict[str, Condition] = {
    "clean": lambda music, sounds, chance: music,
    "speech+6": _speech_at(6),
    "speech0": _speech_at(0),
    "speech-6": _speech_at(-6),
    "speech-12": _speech_at(-12),
    "pink0": lambda music, sounds, chance: music + at_level(pink(len(music), chance), music, 0),
    "ambient0": _ambient,
    "quiet-25dB": lambda music, sounds, chance: music * np.float32(10 ** (-25 / 20)),
    "eq_tilt": _tilted,
    "phone_band": lambda music, sounds, chance: filtered(music, lambda f: (f >= 300) & (f <= 3400)),
    "aac24": lambda music, sounds, chance: music,
    "reverb": _reverberant,
    "duck": _ducked,
    "speed+1%": lambda music, sounds, chance: music,  # see SPEEDS
    "speed-1%": lambda music, sounds, chance: music,
    "embedded": _embedded,
}
SPEEDS = {"speed+1%": 441, "speed-1%": -441}  # Hz of RATE: 1 %
BIT_RATES = {"aac24": 24_000}


def played_at(sound: np.ndarray, rate: int) -> np.ndarray:
    """As if it had been recorded at `rate`."""
    return sound if rate == RATE else _resampled([_frame(sound, rate)], RATE)


def write_mp4(sound: np.ndarray, bit_rate: int = 96_000) -> bytes:
    """(n,) float32 mono at RATE to a video of so long; too loud sound is scaled back."""
    sound = (sound * np.float32(min(1.0, LOUDEST / max(float(np.abs(sound).max()), 1e-9)))).astype(np.float32)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=5)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=RATE)
        audio.layout, audio.bit_rate = "mono", bit_rate
        for number in range(len(sound) * 5 // RATE):
            picture = np.full((48, 64, 3), number * 5 % 256, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        for first in range(0, len(sound), RATE):
            container.mux(audio.encode(_frame(sound[first : first + RATE], RATE)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return file.getvalue()


def _frame(sound: np.ndarray, rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), "fltp", "mono")
    frame.sample_rate = rate
    return frame
