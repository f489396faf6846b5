"""The training of the network that sees haze: the simulator, and does it learn, stop and go on?"""

import cv2
import numpy as np
import pytest
import torch
from conftest import make_photo

from irs_engine.enhance import haze_net
from irs_engine.enhance.defog import Defogger
from irs_engine.train.defog import DefogRun, choose_photos, is_clear, picture_loss, psnr, views
from irs_engine.train.haze_simulator import KEPT_DENSE, add_haze, as_bright
from irs_engine.train.optics.draws import to_linear, to_srgb
from irs_engine.train.photos import pack


@pytest.fixture(scope="module")
def photos():
    return torch.from_numpy(np.stack([make_photo(128, 96, seed) for seed in range(72)]))


def test_haze_brightens_and_takes_contrast(photos):
    torch.manual_seed(0)
    clear = photos[:64].permute(0, 3, 1, 2) / 255
    hazy, wanted = add_haze(clear)
    assert wanted.shape == clear.shape
    assert hazy.shape == clear.shape and hazy.min() >= 0 and hazy.max() <= 1
    assert torch.equal((hazy * 255).round() / 255, hazy)
    contrast = hazy.std((2, 3)).mean(1) / clear.std((2, 3)).mean(1)
    assert contrast.median() < 0.8 and 4 <= (contrast > 0.98).sum() <= 30  # some get none
    assert (hazy.amin((1, 2, 3)) - clear.amin((1, 2, 3))).median() > 0.05


def test_what_is_wanted_is_not_dark(photos):
    clear = photos[:8].permute(0, 3, 1, 2) / 255
    fog, dense = torch.full_like(clear, 0.6), torch.zeros(8, 1, 1, 1)
    bright, thin = as_bright(clear**1.5, fog, dense), as_bright(clear**1.5, fog, dense + 0.4)
    assert (bright >= thin).all() and (thin >= clear**1.5 - 1e-6).all()
    assert bright.mean() > thin.mean() + 0.03
    assert (bright.mean((1, 2, 3)) <= KEPT_DENSE * 0.6 + 0.02).all()
    assert torch.equal(as_bright(clear, clear, dense), clear)


def test_linear_light_and_back():
    levels = torch.linspace(0, 1, 256)
    torch.testing.assert_close(to_srgb(to_linear(levels)), levels, rtol=0, atol=1e-5)
    assert to_linear(torch.tensor(0.5)).item() == pytest.approx(0.2140, abs=1e-4)  # IEC 61966-2-1


def test_only_clear_photos_are_chosen(tmp_path):
    photo = make_photo(300, 220)
    hazy = np.clip(photo * 0.4 + 120, 0, 255).astype(np.uint8)
    assert is_clear(photo) and not is_clear(hazy) and not is_clear(photo // 8)
    folder = tmp_path / "photos"
    folder.mkdir()
    upright = np.ascontiguousarray(photo.transpose(1, 0, 2))
    for name, pixels in (("a", photo), ("b", hazy), ("c", upright)):
        cv2.imwrite(str(folder / f"{name}.png"), pixels[..., ::-1])
    pack(tmp_path / "pack", {"made": folder})
    chosen = choose_photos([str(tmp_path / "pack")], 10, np.random.default_rng(0))
    assert chosen.shape == (2, 96, 128, 3) and chosen.dtype == np.uint8


def test_views_are_photos_in_other_light(photos):
    torch.manual_seed(0)
    shapes = set()
    for _ in range(12):
        x = views(photos, 5)
        assert x.min() >= 0 and x.max() <= 1
        shapes.add(x.shape)
    assert shapes == {(5, 3, 96, 128), (5, 3, 128, 96)}


def test_the_loss_is_least_for_the_truth(photos):
    truth = photos[:4].permute(0, 3, 1, 2) / 255
    assert picture_loss(truth, truth) < picture_loss(truth + 0.02, truth) < picture_loss(truth * 0.8, truth)
    assert psnr(truth + 0.1, truth.clamp(0.2, 0.8)) < psnr(truth, truth) == pytest.approx(50)


def test_it_learns_stops_and_goes_on(photos, tmp_path):
    run = DefogRun(tmp_path)
    torch.manual_seed(1)
    hazy, wanted = add_haze(photos[:24].permute(0, 3, 1, 2) / 255)
    for _ in range(60):
        run.step(views(photos[24:], 8))
    with torch.inference_mode():
        assert psnr(haze_net.clear(hazy, run.net(hazy)), wanted) > psnr(hazy, wanted) + 0.5
    run.save()
    again = DefogRun(tmp_path)
    assert again.steps == 60
    for mine, theirs in zip(run.average.parameters(), again.average.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    again.train(photos, 0.02, 4)
    assert again.spent >= 1.2 and again.steps > 40


def test_what_is_exported_clears_pictures(tmp_path, photo):
    run = DefogRun(tmp_path / "run")
    run.export(tmp_path / "haze_s.safetensors")
    # Nothing learned yet: no haze is seen.
    found = Defogger("cpu", tmp_path).clear(photo)
    assert np.abs(found.astype(int) - photo).max() <= 1
