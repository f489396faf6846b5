"""Super resolution of pictures, with networks of random numbers; the kernels have tests of their own."""

import io

import numpy as np
import pytest
import torch
from image_files import saved
from PIL import Image
from safetensors.torch import load_file, save_file

from irs_engine import _native
from irs_engine.engine import Engine
from irs_engine.enhance import super_resolution
from irs_engine.enhance.bicubic import imresize
from irs_engine.enhance.nets import build_super_resolution_net
from irs_engine.enhance.super_resolution import OnTorch, SuperResolver, bleed
from irs_engine.errors import ParameterError, WeightsError

SHARES = np.array([0.299, 0.587, 0.114])
CASES = [(model, scale) for model in ("ESPCN", "SRCNN") for scale in (3, 4)]


@pytest.fixture
def resolver(super_resolution_weights):
    return SuperResolver("ESPCN", 3, precision="fp32", weights=super_resolution_weights)


def oracle(pixels, model, scale, weights):
    """The whole pipeline in float64, written for clarity."""
    net = build_super_resolution_net(
        model, scale, load_file(weights / f"{model.lower()}_x{scale}.safetensors")
    )
    largest = np.iinfo(pixels.dtype).max
    values = pixels / largest
    luma = torch.from_numpy((16 + 219 * (values @ SHARES)) / 255)[None, None]
    with torch.inference_mode():
        found = (net.double()(luma)[0, 0].numpy() * 255 - 16) / 219
    up = imresize(torch.from_numpy(values.transpose(2, 0, 1)), scale).numpy().transpose(1, 2, 0)
    up += (found - up @ SHARES)[..., None]
    return np.floor(np.clip(up * largest + 0.5, 0, largest)).astype(pixels.dtype)


@pytest.mark.parametrize(("model", "scale"), CASES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (23, 37)])
def test_pictures_are_those_of_the_oracle(super_resolution_weights, model, scale, shape):
    rng = np.random.default_rng(0)
    resolver = SuperResolver(model, scale, precision="fp32", weights=super_resolution_weights)
    for dtype, tolerance in ((np.uint8, 1), (np.uint16, 24)):  # a rounding; float32 over 65535
        pixels = rng.integers(0, np.iinfo(dtype).max + 1, (*shape, 3), dtype)
        found, alpha = resolver.enlarge(pixels)
        assert (
            found.shape == (shape[0] * scale, shape[1] * scale, 3) and found.dtype == dtype and alpha is None
        )
        expected = oracle(pixels, model, scale, super_resolution_weights)
        assert np.abs(found.astype(int) - expected.astype(int)).max() <= tolerance


@pytest.mark.parametrize(("model", "scale"), CASES)
def test_bands_do_not_show(super_resolution_weights, photo, model, scale, monkeypatch):
    resolver = SuperResolver(model, scale, precision="fp32", weights=super_resolution_weights)
    alpha = np.ascontiguousarray(photo[:90, :60, 0])
    whole = resolver.enlarge(photo[:90, :60], alpha)
    monkeypatch.setattr(super_resolution, "BAND_PIXELS", 1)
    banded = resolver.enlarge(photo[:90, :60], alpha)
    assert np.array_equal(whole[0], banded[0]) and np.array_equal(whole[1], banded[1])


def test_every_instruction_set_gives_nearly_the_same(resolver, photo, isa):
    found, _ = resolver.enlarge(photo[:40, :50])
    _native.set_isa("generic")
    expected, _ = resolver.enlarge(photo[:40, :50])
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize(("model", "scale"), CASES)
def test_the_torch_path_is_the_native_one(super_resolution_weights, photo, model, scale, device):
    native = SuperResolver(model, scale, precision="fp32", weights=super_resolution_weights)
    tensors = load_file(super_resolution_weights / f"{model.lower()}_x{scale}.safetensors")
    network = OnTorch(model, scale, tensors, device, "fp32")
    luma = photo[:50, :40, 1].astype(np.float32) / 255
    inside = np.empty((20 * scale, 40 * scale), np.float32)
    network.run(luma, inside, 15)
    np.testing.assert_allclose(inside, native.luma(luma)[15 * scale : 35 * scale], atol=2e-5)


def test_a_resolver_on_a_torch_device_gives_the_same_picture(
    super_resolution_weights, photo, resolver, device
):
    other = SuperResolver("ESPCN", 3, torch.device(device, 0), "fp32", super_resolution_weights)
    assert isinstance(other.network, OnTorch)
    found, _ = other.enlarge(photo[:60])
    assert np.abs(found.astype(int) - resolver.enlarge(photo[:60])[0]).max() <= 1


def test_progress_is_told_and_can_end_the_work(resolver, photo, monkeypatch):
    monkeypatch.setattr(super_resolution, "BAND_PIXELS", 1)
    seen = []
    resolver.enlarge(photo[:50, :50], progress=lambda done, rows: seen.append((done, rows)))
    assert seen[-1] == (50, 50) and len(seen) > 2 and seen == sorted(seen)

    def stop(done, rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resolver.enlarge(photo[:50, :50], progress=stop)


def test_hidden_colours_do_not_bleed_into_edges():
    pixels = np.full((20, 20, 3), 200, np.uint8)
    alpha = np.full((20, 20), 255, np.uint8)
    pixels[:, 10:], alpha[:, 10:] = 0, 0  # black, as editors leave it where nothing shows
    filled = bleed(pixels, alpha)
    assert (filled[:, :16] == 200).all() and (pixels[:, 10:] == 0).all()
    assert bleed(pixels, np.zeros_like(alpha)) is pixels


def test_alpha_is_enlarged_and_edges_stay_bright(super_resolution_weights, photo):
    resolver = SuperResolver("ESPCN", 3, precision="fp32", weights=super_resolution_weights)
    pixels, alpha = np.full((24, 24, 3), 220, np.uint8), np.full((24, 24), 255, np.uint8)
    plain, full = resolver.enlarge(pixels, alpha)
    pixels[:, 12:], alpha[:, 12:] = 0, 0
    found, cut = resolver.enlarge(pixels, alpha)
    assert full.shape == cut.shape == (72, 72) and full.std() < 1
    assert np.abs(found[:, :39].astype(int) - plain[:, :39]).max() <= 1  # beyond the edge too


KINDS = {"uint8": np.uint8, "uint16": np.uint16}


def test_the_kind_of_image_that_came_in_comes_out(super_resolution_weights, photo, tmp_path):
    engine = Engine(device="cpu", weights=super_resolution_weights)
    path = tmp_path / "photo.png"
    Image.fromarray(photo[:20, :30]).save(path)
    assert engine.super_resolve(path).size == (90, 60)
    assert engine.super_resolve(Image.open(path).convert("L"), scale=4).mode == "L"
    data = engine.super_resolve(path.read_bytes(), model="SRCNN")
    assert data.startswith(b"\x89PNG")
    rgba = np.dstack([photo[:8, :8], photo[:8, :8, 0]])
    assert engine.super_resolve(rgba).shape == (24, 24, 4)
    deep = engine.super_resolve(photo[:8, :8, 0].astype(np.uint16) * 257)
    assert deep.shape == (24, 24) and deep.dtype == np.uint16
    tensor = engine.super_resolve(torch.rand(3, 8, 9))
    assert tensor.shape == (3, 24, 27) and tensor.dtype == torch.float32


@pytest.mark.parametrize(
    ("quality", "option", "repaired"),
    [(30, "auto", True), (30, "off", False), (98, "auto", False), (98, "on", True)],
)
def test_strongly_compressed_files_are_repaired(super_resolution_weights, photo, quality, option, repaired):
    given = Image.open(io.BytesIO(saved(photo[:24, :30], "JPEG", quality=quality)))
    found = Engine(device="cpu", weights=super_resolution_weights).super_resolve(given, repair=option)
    resolver = SuperResolver("ESPCN", 3, weights=super_resolution_weights, repair=repaired)
    assert np.array_equal(np.asarray(found), resolver.enlarge(np.asarray(given))[0])


def test_what_was_no_jpeg_needs_no_repair(super_resolution_weights, photo):
    engine = Engine(device="cpu", weights=super_resolution_weights)
    pixels = photo[:24, :30]
    assert np.array_equal(engine.super_resolve(pixels), engine.super_resolve(pixels, repair="off"))
    assert not np.array_equal(engine.super_resolve(pixels), engine.super_resolve(pixels, repair="on"))


@pytest.mark.parametrize(
    "options", [{"repair": True}, {"scale": 2}, {"scale": 5}, {"scale": 3.0}, {"model": "espcn"}, {"x": 1}]
)
def test_bad_options(super_resolution_weights, photo, options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        Engine(device="cpu", weights=super_resolution_weights).super_resolve(photo, **options)


def test_weights_of_another_network(super_resolution_weights, tmp_path, photo):
    tensors = load_file(super_resolution_weights / "espcn_x3.safetensors")
    save_file(tensors, tmp_path / "espcn_x4.safetensors")
    with pytest.raises(WeightsError, match="ESPCN x4"):
        Engine(device="cpu", weights=tmp_path / "espcn_x4.safetensors").super_resolve(photo, scale=4)


@pytest.mark.skipif(not _native.has_bf16(), reason="this CPU has no AMX")
@pytest.mark.parametrize("repair", [False, True])
@pytest.mark.parametrize(("model", "scale"), CASES)
def test_with_the_shipped_weights_bf16_differs_by_less_than_8_bits_hide(photo, model, scale, repair):
    luma = (16 + 219 / 255 * (photo @ SHARES)).astype(np.float32) / 255
    exact, fast = (
        SuperResolver(model, scale, precision=precision, repair=repair).luma(luma)
        for precision in ("fp32", "bf16")
    )
    assert -10 * np.log10(np.square(exact - fast).mean()) > 60
