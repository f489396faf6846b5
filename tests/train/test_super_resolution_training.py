"""The training of the super-resolution networks, on drawn pictures: does it learn, stop, and go on?"""

import cv2
import numpy as np
import pytest
import torch

from irs_engine.enhance.nets import Espcn, Srcnn
from irs_engine.train.super_resolution import (
    HELD_OUT,
    Photos,
    Run,
    finished,
    make_pair,
    psnr,
    read_luma,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Enough grey pictures of discs for one of them to be held out."""
    folder = tmp_path_factory.mktemp("photos")
    y, x = np.mgrid[:72, :72]
    rng = np.random.default_rng(0)
    for number in range(HELD_OUT):
        discs = sum(((x - a) ** 2 + (y - b) ** 2 < r * r) * 40 for a, b, r in rng.uniform(5, 60, (5, 3)))
        cv2.imwrite(str(folder / f"{number:02}.png"), np.clip(16 + discs, 16, 235).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def photos(folder):
    return Photos(folder, 3, None)


def test_luma_is_in_studio_range_whatever_the_file(tmp_path):
    def read(pixels):
        cv2.imwrite(str(tmp_path / "a.png"), np.uint8(pixels))
        return read_luma(tmp_path / "a.png")

    ramp = np.arange(256)[None]
    assert read(ramp).min() == 16 and read(ramp).max() == 235
    assert torch.equal(read(ramp[:, 16:236]), torch.arange(16.0, 236)[None].double())  # luma already
    assert read(np.full((1, 1, 3), 255)).item() == 235
    assert read([[[0, 0, 255]]]).item() == 81  # red; OpenCV writes blue first


def test_finished_weights_are_bf16_numbers():
    net = Espcn(3)
    values = finished(net.state_dict())
    for name, value in values.items():
        exact = torch.equal(value, value.bfloat16().float())
        assert exact == name.endswith("weight")
        torch.testing.assert_close(value, net.state_dict()[name], rtol=2**-8, atol=0)


def test_photos_are_split_and_shrunk(photos):
    assert len(photos.held_out) == 1 and len(photos.pairs) == 5 * (HELD_OUT - 1)
    low, high = photos.batch(6, 12, np.random.default_rng(0))
    assert low.shape == (6, 1, 12, 12) and high.shape == (6, 1, 36, 36)
    # The mean survives shrinking, but for what the kernel sees beyond the patch.
    assert (low.mean((1, 2, 3)) - high.mean((1, 2, 3))).abs().max() < 0.05


def test_compressed_copies_are_like_the_plain_one():
    luma = read_luma_of_waves()
    plain = make_pair(luma, 3, None, np.random.default_rng(0)).low
    copies = make_pair(luma, 3, (30, 90), np.random.default_rng(0)).low
    assert plain.shape == (1, 20, 30) and copies.shape == (4, 20, 30)
    difference = (copies - plain).abs().mean((1, 2))
    assert (difference > 0.1).all() and (difference < 10).all()


def read_luma_of_waves():
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(90.0), indexing="ij")
    return (125 + 50 * torch.sin(x / 5) + 40 * torch.cos(y / 7)).round().double()


@pytest.mark.parametrize("network", [Espcn, Srcnn])
def test_it_learns_and_a_run_goes_on_where_it_was(photos, tmp_path, network):
    torch.manual_seed(0)
    cpu, rng = torch.device("cpu"), np.random.default_rng(0)
    run = Run(tmp_path / "run", network(3), cpu, rate=3e-3)
    before = psnr(run.average, photos.held_out[0], cpu)
    for _ in range(40):
        run.step(*photos.batch(4, 16, rng), rate=5e-3)
    run.judge(photos, 0.5, 1.0)
    assert run.best_psnr > before + 3
    run.save()
    again = Run(tmp_path / "run", network(3), cpu, rate=3e-3)
    assert (again.steps, again.best_psnr) == (40, run.best_psnr)
    assert psnr(again.average, photos.held_out[0], cpu) == psnr(run.average, photos.held_out[0], cpu)
    assert again.step(*photos.batch(4, 16, rng), rate=1e-3) < 0.1


def test_a_run_ends_when_its_minutes_are_spent(photos, tmp_path):
    run = Run(tmp_path, Espcn(3), torch.device("cpu"), rate=3e-3)
    run.spent = 60.0
    run.train(photos, minutes=1, batch=4, side=16, every=10)
    assert run.steps == 0 and (tmp_path / "state.pt").exists()
