import functools

import numpy as np
import pytest
import torch
from luma_networks import REFUSED_PICTURES, check_a_large_plane, make_luma, modes, run

from irs_engine import _native

# float32 sums of 576 products after a Winograd transform, against float64.
TOLERANCE = 1e-5
SIZES = [(1, 1), (1, 7), (9, 1), (37, 53), (300, 200), (6, 700)]  # the last is wider than a strip


def make_weights(scale, seed=0):
    """Random ones of the size that training gives them."""
    random = np.random.default_rng(seed)
    weights = []
    for shape, gain in [((64, 1, 5, 5), 1.5), ((32, 64, 3, 3), 1.0), ((scale * scale, 32, 3, 3), 0.5)]:
        weights.append(random.normal(0, gain / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32))
        weights.append(random.normal(0, 0.1, shape[0]).astype(np.float32))
    return weights


@functools.cache
def expected(size, scale):
    weights, luma = make_weights(scale), make_luma(*size)
    w1, b1, w2, b2, w3, b3 = (torch.from_numpy(array).double() for array in weights)
    x = torch.from_numpy(np.pad(luma.astype(np.float64), 4, mode="edge"))[None, None]
    x = torch.tanh(torch.conv2d(x, w1, b1))
    x = torch.tanh(torch.conv2d(x, w2, b2))
    return torch.pixel_shuffle(torch.conv2d(x, w3, b3), scale)[0, 0].numpy()


@pytest.mark.parametrize("scale", [3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_agrees_with_the_oracle(isa, size, scale):
    weights, luma = make_weights(scale), make_luma(*size)
    out = run(_native.Espcn(*weights), luma)
    np.testing.assert_allclose(out, expected(size, scale), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("scale", [3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_bf16_is_within_a_quarter_of_a_grey_level(amx, size, scale):
    """Weights and activations have 8 bits, inputs 16: the error is noise of about 9e-4 on noise."""
    weights, luma = make_weights(scale), make_luma(*size)
    error = run(_native.Espcn(*weights), luma, bf16=True) - expected(size, scale)
    assert np.sqrt(np.mean(error**2)) < 2e-3
    assert np.abs(error).max() < 8e-3


def test_tanh_is_exact_to_a_millionth(isa):
    """Only the middle taps of the first channels are set: luma times 10 goes through tanh twice."""
    weights = [np.zeros_like(array) for array in make_weights(3)]
    weights[0][0, 0, 2, 2] = 10
    weights[2][0, 0, 1, 1] = 1
    weights[4][:, 0, 1, 1] = 1
    values = np.linspace(-1.3, 1.3, 200_000, dtype=np.float32).reshape(400, 500)
    out = run(_native.Espcn(*weights), values)[::3, ::3]
    # Twice 6e-7, and what two Winograd layers round on values up to 1.
    np.testing.assert_allclose(out, np.tanh(np.tanh(10 * values.astype(np.float64))), rtol=0, atol=3e-6)


def test_any_number_of_threads_gives_the_same_bits(isa, threads):
    network, luma = _native.Espcn(*make_weights(3)), make_luma(150, 300)
    for bf16 in modes():
        results = []
        for number in (1, 2, 3):
            threads(number)
            results.append(run(network, luma, bf16))
        np.testing.assert_array_equal(results[0], results[1])
        np.testing.assert_array_equal(results[0], results[2])


def test_bands_with_context_give_the_same_bits(isa):
    network, luma = _native.Espcn(*make_weights(4)), make_luma(61, 70)
    for bf16 in modes():
        whole = run(network, luma, bf16)
        for cut in range(network.band, 61, network.band * 3):
            above = run(network, luma[: cut + network.halo], bf16, 0, min(cut, 61))
            top = max(cut - network.halo, 0)
            below = run(network, luma[top:], bf16, cut - top, 61 - cut)
            np.testing.assert_array_equal(np.concatenate([above, below]), whole)


def test_rows_may_lie_anywhere_and_be_read_only(isa):
    network, frame = _native.Espcn(*make_weights(3)), make_luma(40, 60)
    frame.flags.writeable = False
    for luma in [frame[3:30, 5:47], frame[::2, 9:40], frame[::-1]]:
        for bf16 in modes():
            np.testing.assert_array_equal(run(network, luma, bf16), run(network, luma.copy(), bf16))


def test_nothing_beside_the_output_is_touched(isa):
    network, luma = _native.Espcn(*make_weights(3)), make_luma(10, 21)
    for bf16 in modes():
        frame = np.full((40, 80), 7, np.float32)
        network.run(luma, frame[4:34, 9:72], 0, bf16)
        np.testing.assert_array_equal(frame[4:34, 9:72], run(network, luma, bf16))
        frame[4:34, 9:72] = 7
        assert (frame == 7).all()


def test_bf16_needs_amx():
    before = _native.isa()
    network = _native.Espcn(*make_weights(3))
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
        (0, lambda w: w.astype(np.float64), r"w1: expected float32 \(64, 1, 5, 5\), got float64"),
        (1, lambda w: w[:-1], r"b1: expected float32 \(64\), got float32 \(63,\)"),
        (2, lambda w: w.transpose(1, 0, 2, 3), r"w2: expected float32 \(32, 64, 3, 3\)"),
        (2, lambda w: w[..., ::-1], "w2: expected a C-contiguous array"),
        (4, lambda w: w[:4], r"w3: expected float32 \(9, 32, 3, 3\), got float32 \(4, 32, 3, 3\)"),
        (5, lambda w: w[:4], r"b3: expected float32 \(9\)"),
    ],
)
def test_refused_weights(index, change, message):
    weights = make_weights(3)
    weights[index] = change(weights[index])
    with pytest.raises(ValueError, match=message):
        _native.Espcn(*weights)


@pytest.mark.parametrize(("luma", "out", "first", "message"), REFUSED_PICTURES)
def test_refused_pictures(luma, out, first, message):
    with pytest.raises(ValueError, match=message):
        _native.Espcn(*make_weights(3)).run(luma, np.zeros(out, np.float32), first, False)


@pytest.mark.slow
def test_a_large_plane():
    check_a_large_plane(_native.Espcn(*make_weights(3)))
