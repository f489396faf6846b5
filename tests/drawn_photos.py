"""Photo files that tests draw themselves."""

import numpy as np
from PIL import Image


def draw(path, seed, size=(96, 64), **options):
    """A photo file: smooth noise, another one for each seed; options are those of PIL's save."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse.resize(size, Image.Resampling.BICUBIC).save(path, **options)
    return path
