import functools

import numpy as np
import oracle
import pytest
import torch
from luma_networks import REFUSED_PICTURES, check_a_large_plane, make_luma, modes, run

from irs_engine import _native

# float32 sums of 1,600 products after a Winograd transform, against float64.
TOLERANCE = 5e-6
SIZES = [(1, 1), (1, 7), (9, 1), (37, 53), (60, 31), (5, 200)]  # the last is wider than a strip


def make_weights(seed=0):
    """Random ones of the size that training gives them."""
    random = np.random.default_rng(seed)
    weights = []
    for shape, gain in [((64, 1, 9, 9), 1.5), ((32, 64, 5, 5), 1.4), ((1, 32, 5, 5), 0.7)]:
        weights.append(random.normal(0, gain / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32))
        weights.append(random.normal(0, 0.1, shape[0]).astype(np.float32))
    return weights


def cubic_matrix(size, scale):
    """(size scale, size): MATLAB's imresize, bicubic, enlarging."""
    matrix = np.zeros((size * scale, size))
    for x in range(size * scale):
        center = (x + 0.5) / scale - 0.5
        for i in range(int(np.floor(center)) - 1, int(np.floor(center)) + 3):
            place = i % (2 * size)  # reflected, the edge sample repeated
            matrix[x, min(place, 2 * size - 1 - place)] += oracle.cubic(center - i)
    return matrix / matrix.sum(axis=1, keepdims=True)


@functools.cache
def expected(size, scale):
    weights, luma = make_weights(), make_luma(*size)
    w1, b1, w2, b2, w3, b3 = (torch.from_numpy(array).double() for array in weights)
    height, width = luma.shape
    x = cubic_matrix(height, scale) @ luma.astype(np.float64) @ cubic_matrix(width, scale).T
    x = torch.from_numpy(np.pad(x, 8, mode="edge"))[None, None]
    x = torch.relu(torch.conv2d(x, w1, b1))
    x = torch.relu(torch.conv2d(x, w2, b2))
    return torch.conv2d(x, w3, b3)[0, 0].numpy()


@pytest.mark.parametrize("scale", [3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_agrees_with_the_oracle(isa, size, scale):
    weights, luma = make_weights(), make_luma(*size)
    out = run(_native.Srcnn(*weights, scale), luma)
    np.testing.assert_allclose(out, expected(size, scale), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("scale", [3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_bf16_is_within_half_a_grey_level(amx, size, scale):
    """Weights and activations have 8 bits, inputs 16: the error is noise of about 1.6e-3 on noise."""
    weights, luma = make_weights(), make_luma(*size)
    error = run(_native.Srcnn(*weights, scale), luma, bf16=True) - expected(size, scale)
    assert np.sqrt(np.mean(error**2)) < 2.5e-3
    assert np.abs(error).max() < 1.5e-2


def test_only_the_enlarged_plane_is_left_when_the_network_copies(isa):
    weights, luma = [np.zeros_like(array) for array in make_weights()], make_luma(23, 31)
    weights[0][0, 0, 4, 4] = 1
    weights[2][0, 0, 2, 2] = 1
    weights[4][0, 0, 2, 2] = 1
    for scale in (3, 4):
        enlarged = cubic_matrix(23, scale) @ luma @ cubic_matrix(31, scale).T
        out = run(_native.Srcnn(*weights, scale), luma)
        np.testing.assert_allclose(out, enlarged.clip(0), rtol=0, atol=TOLERANCE)


def test_any_number_of_threads_gives_the_same_bits(isa, threads):
    network, luma = _native.Srcnn(*make_weights(), 3), make_luma(60, 200)
    for bf16 in modes():
        results = []
        for number in (1, 2, 3):
            threads(number)
            results.append(run(network, luma, bf16))
        np.testing.assert_array_equal(results[0], results[1])
        np.testing.assert_array_equal(results[0], results[2])


def test_bands_with_context_give_the_same_bits(isa):
    network, luma = _native.Srcnn(*make_weights(), 4), make_luma(41, 50)
    for bf16 in modes():
        whole = run(network, luma, bf16)
        for cut in range(network.band, 41, network.band * 3):
            above = run(network, luma[: cut + network.halo], bf16, 0, min(cut, 41))
            top = max(cut - network.halo, 0)
            below = run(network, luma[top:], bf16, cut - top, 41 - cut)
            np.testing.assert_array_equal(np.concatenate([above, below]), whole)


def test_rows_may_lie_anywhere_and_be_read_only(isa):
    network, frame = _native.Srcnn(*make_weights(), 3), make_luma(40, 60)
    frame.flags.writeable = False
    for luma in [frame[3:30, 5:47], frame[::2, 9:40], frame[::-1]]:
        for bf16 in modes():
            np.testing.assert_array_equal(run(network, luma, bf16), run(network, luma.copy(), bf16))


def test_nothing_beside_the_output_is_touched(isa):
    network, luma = _native.Srcnn(*make_weights(), 3), make_luma(10, 21)
    for bf16 in modes():
        frame = np.full((40, 80), 7, np.float32)
        network.run(luma, frame[4:34, 9:72], 0, bf16)
        np.testing.assert_array_equal(frame[4:34, 9:72], run(network, luma, bf16))
        frame[4:34, 9:72] = 7
        assert (frame == 7).all()


def test_bf16_needs_amx():
    before = _native.isa()
    network = _native.Srcnn(*make_weights(), 3)
    try:
        _native.set_isa("generic")
        assert not _native.has_bf16()
        with pytest.raises(ValueError, match=r"bf16: expected the instruction set amx, .* got generic"):
            run(network, make_luma(5, 5), bf16=True)
    finally:
        _native.set_isa(before)


@pytest.mark.parametrize(
    ("index", "change", "message"),
    [
        (0, lambda w: w.astype(np.float64), r"w1: expected float32 \(64, 1, 9, 9\), got float64"),
        (1, lambda w: w[:-1], r"b1: expected float32 \(64\), got float32 \(63,\)"),
        (2, lambda w: w.transpose(1, 0, 2, 3), r"w2: expected float32 \(32, 64, 5, 5\)"),
        (2, lambda w: w[..., ::-1], "w2: expected a C-contiguous array"),
        (4, lambda w: w[0], r"w3: expected float32 \(1, 32, 5, 5\), got float32 \(32, 5, 5\)"),
        (5, lambda w: w[:0], r"b3: expected float32 \(1\)"),
    ],
)
def test_refused_weights(index, change, message):
    weights = make_weights()
    weights[index] = change(weights[index])
    with pytest.raises(ValueError, match=message):
        _native.Srcnn(*weights, 3)


@pytest.mark.parametrize("scale", [2, 5, -3])
def test_refused_scales(scale):
    with pytest.raises(ValueError, match=f"scale: expected 3 or 4, got {scale}"):
        _native.Srcnn(*make_weights(), scale)


@pytest.mark.parametrize(("luma", "out", "first", "message"), REFUSED_PICTURES)
def test_refused_pictures(luma, out, first, message):
    with pytest.raises(ValueError, match=message):
        _native.Srcnn(*make_weights(), 3).run(luma, np.zeros(out, np.float32), first, False)


@pytest.mark.slow
def test_a_large_plane():
    check_a_large_plane(_native.Srcnn(*make_weights(), 3))
