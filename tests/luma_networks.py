"""What the tests of the native super-resolution networks share."""

import numpy as np

from irs_engine import _native

# luma, shape of out, first, and what the error says; all networks here enlarge three times
REFUSED_PICTURES = [
    (np.zeros((4, 5)), (12, 15), 0, r"luma: expected float32 .*, got float64 \(4, 5\)"),
    (np.zeros((4, 5, 1), np.float32), (12, 15), 0, r"luma: expected float32 \(height, width\), got"),
    (np.zeros((4, 10), np.float32)[:, ::2], (12, 15), 0, "luma: expected rows of contiguous pixels"),
    (np.zeros((0, 5), np.float32), (12, 15), 0, "luma: expected at least one pixel"),
    (np.zeros((4, 5), np.float32), (12, 16), 0, "out: expected a multiple of 3 rows of 15 columns, got"),
    (np.zeros((4, 5), np.float32), (11, 15), 0, "out: expected a multiple of 3 rows"),
    (np.zeros((4, 5), np.float32), (12, 15), 1, "first: expected 4 rows within the 4 of luma, got 1..5"),
    (np.zeros((4, 5), np.float32), (12, 15), -1, "first: expected"),
    (np.zeros((4, 5), np.float32), (15, 15), 0, "first: expected 5 rows within the 4 of luma"),
]


def make_luma(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width), dtype=np.float32)


def run(network, luma, bf16=False, first=0, rows=None):
    rows = len(luma) if rows is None else rows
    out = np.full((rows * network.scale, luma.shape[1] * network.scale), np.nan, np.float32)
    network.run(luma, out, first, bf16)
    return out


def modes():
    return [False, True] if _native.has_bf16() else [False]


def check_a_large_plane(network):
    """4096 x 4096 agrees with the network on small parts, for which the oracles vouch."""
    side, part, context = 4096, 24, 16
    luma, r = make_luma(side, side), network.scale
    found = run(network, luma)
    for y in (context, side // 2 + 5, side - part - context):
        for x in (context, 1300, side - part - context):
            small = luma[y - context : y + part + context, x - context : x + part + context]
            inside = slice(context * r, (context + part) * r)
            expected = run(network, np.ascontiguousarray(small))[inside, inside]
            np.testing.assert_allclose(
                found[y * r : (y + part) * r, x * r : (x + part) * r], expected, rtol=0, atol=1e-5
            )
