"""Songs that nobody wrote, for tests: tones and beats drawn from a seed."""

import numpy as np

RATE = 16_000


def song(seconds, seed):
    """(n,) float32: notes with overtones, three at a time, over a beat of noise, in a tuning of its own."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    sound = 0.01 * random.standard_normal(count)
    tuning = random.uniform(-0.5, 0.5)  # semitones
    note = int(RATE * random.uniform(0.17, 0.29))
    for start in range(0, count, note):
        length = min(note * 2, count - start)
        time = np.arange(length) / RATE
        fade = np.exp(-4 * time)
        for pitch in random.integers(40, 90, 3):
            hertz = 440 * 2 ** ((pitch + tuning - 69) / 12)
            for overtone in range(1, 7):
                phase = random.uniform(0, 6)
                sound[start : start + length] += (
                    fade * np.sin(2 * np.pi * hertz * overtone * time + phase) / overtone
                )
        if random.random() < 0.5:
            sound[start : start + length] += random.standard_normal(length) * np.exp(-40 * time)
    return (0.1 * sound).astype(np.float32)


def excerpt(sound, start, seconds):
    return sound[int(start * RATE) : int((start + seconds) * RATE)].copy()


def with_noise(sound, ratio, seed=0):
    """With noise that is `ratio` dB weaker than the sound."""
    noise = np.random.default_rng(seed).standard_normal(len(sound))
    return (sound + noise * sound.std() * 10 ** (-ratio / 20)).astype(np.float32)
