"""Pairs of the recapture simulator, made once for all tests: they take seconds."""

import cv2
import numpy as np
import pytest
import torch
from conftest import make_photo


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """A folder of two large photos, and one that is too small to be taken."""
    folder = tmp_path_factory.mktemp("scenes")
    for seed, (width, height) in enumerate([(1200, 900), (800, 1000), (300, 700)]):
        cv2.imwrite(str(folder / f"{seed}.png"), make_photo(width, height, seed)[..., ::-1])
    return folder


@pytest.fixture(scope="session")
def simulated(scenes):
    """A function of a seed to pairs: originals, recaptures, kinds."""
    from irs_engine.train.recapture_simulator import LEAST_REAL, Scenes, Tail, pairs

    def simulate(seed, count=2):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        return pairs(*Scenes([scenes], seed).batch(count, LEAST_REAL), Tail(1.25, rng), rng)

    return simulate


@pytest.fixture(scope="session")
def some_pairs(simulated):
    return [simulated(seed) for seed in (1, 2, 6)]  # displays of two kinds, and prints
