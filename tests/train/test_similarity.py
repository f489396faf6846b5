import pytest
import torch

from irs_engine.train.similarity import compare, share_close, turned


def test_a_copy_is_found_and_chance_is_not():
    rng = torch.Generator().manual_seed(0)
    teacher = torch.randn(64, 32, 3, 3, generator=rng)
    other = torch.randn(40, 32, 3, 3, generator=rng)
    copied = torch.cat([teacher[:10] * 1.7 + 0.02 * torch.randn(10, 32, 3, 3, generator=rng), other])
    table = {what: share for what, _, _, share, _ in compare({"conv.weight": copied}, [teacher])}
    assert table["conv.weight"] == pytest.approx(10 / 50)
    assert {w: s for w, _, _, s, _ in compare({"conv.weight": other}, [teacher])}["conv.weight"] == 0


def test_sign_and_size_do_not_hide_a_copy():
    rows = torch.randn(5, 20, generator=torch.Generator().manual_seed(1))
    assert share_close(-3 * rows, rows) == (1.0, 1.0)


def test_the_seven_other_orientations():
    kernel = torch.arange(9.0).view(1, 9)
    found = turned(kernel)
    assert found.shape == (7, 9)
    assert len({tuple(k) for k in found.tolist()} | {tuple(kernel[0].tolist())}) == 8
