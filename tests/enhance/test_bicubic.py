"""imresize beside values that follow from its definition; the benchmark has the papers' figures."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from irs_engine.enhance.bicubic import imresize, taps


def kernel(d):
    d = abs(d)
    if d <= 1:
        return 1.5 * d**3 - 2.5 * d**2 + 1
    return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d <= 2 else 0.0


def resize_line(values, factor):
    """One axis, sample by sample, as the definition says."""
    n, shrink = len(values), min(1.0, float(factor))
    out = []
    for x in range(int(np.ceil(n * factor))):
        u = (x + 0.5) / float(factor) - 0.5
        reach = range(int(np.floor(u - 2 / shrink)) - 1, int(np.ceil(u + 2 / shrink)) + 2)
        weights = np.array([kernel(shrink * (u - i)) for i in reach])
        mirrored = [i % (2 * n) if i % (2 * n) < n else 2 * n - 1 - i % (2 * n) for i in reach]
        out.append((weights * values[mirrored]).sum() / weights.sum())
    return np.array(out)


@pytest.mark.parametrize("factor", [3, 4, Fraction(1, 3), Fraction(1, 4), Fraction(9, 10), Fraction(3, 5)])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2), (17, 12)])
def test_equals_its_definition(factor, size):
    values = np.random.default_rng(0).uniform(0, 255, size)
    down = np.array([resize_line(column, factor) for column in values.T]).T
    expected = np.array([resize_line(row, factor) for row in down])
    found = imresize(torch.from_numpy(values), factor).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_weights_sum_to_one_and_flat_pictures_stay_flat():
    for factor in (3, Fraction(1, 3), Fraction(7, 10)):
        assert torch.allclose(taps(20, Fraction(factor))[1].sum(1), torch.ones((), dtype=torch.float64))
        assert torch.allclose(imresize(torch.full((2, 9, 11), 0.3), factor), torch.tensor(0.3))


def test_whole_numbers_are_rounded_after_each_pass():
    values = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (24, 30)).astype(np.float64))
    found = imresize(values, Fraction(1, 3), whole_numbers=True)
    assert torch.equal(found, found.round()) and found.min() >= 0 and found.max() <= 255
    assert (found - imresize(values, Fraction(1, 3))).abs().max() < 2
