"""The recapture simulator: each part beside the same thing written out, and what comes out of the whole."""

import math

import cv2
import numpy as np
import pytest
import torch
import zxingcpp
from conftest import make_photo

from irs_engine.train import recapture_simulator
from irs_engine.train.optics import camera, display, labels, prints
from irs_engine.train.optics.draws import clouds, happens, log_uniform, to_linear, to_srgb, uniform
from irs_engine.train.optics.geometry import inside, look_at_plane, sample
from irs_engine.train.recapture_simulator import (
    KINDS,
    LEAST_REAL,
    LEAST_SEEN,
    SCENE,
    SIDE,
    Scenes,
    Tail,
    simulate,
    twins,
)


def each(value, count=1):
    return torch.full((count, 1, 1, 1), float(value))


# The whole.


def test_pairs(some_pairs):
    for originals, recaptures, kinds in some_pairs:
        for pictures in (originals, recaptures):
            assert pictures.shape == (2, SIDE, SIDE, 3) and pictures.dtype == np.uint8
            assert all(picture.std() > 3 and 5 < picture.mean() < 250 for picture in pictures)
        assert len(kinds) == 2 and set(kinds) <= set(KINDS[1:])
        assert np.abs(originals.astype(int) - recaptures).mean() > 3


@pytest.mark.parametrize("print_share", [0, 1])
def test_nothing_but_the_pattern_tells_twins_apart(scenes, monkeypatch, print_share):
    monkeypatch.setattr(recapture_simulator, "PRINT_SHARE", print_share)
    monkeypatch.setattr(recapture_simulator, "OVERLAID_SHARE", 1 - print_share)  # prints are never laid over
    torch.manual_seed(4)
    rng = np.random.default_rng(4)
    scenes_and_real = Scenes([scenes], 4).batch(3, LEAST_REAL)
    originals, recaptures, kinds = twins(*scenes_and_real, Tail(1.25, rng), rng)
    assert len(originals) == len(recaptures) == len(kinds) >= 1
    assert set(kinds) <= set(("laser", "inkjet") if print_share else display.LAYOUTS)
    for first, second in zip(originals.astype(np.float32), recaptures.astype(np.float32), strict=True):
        coarse = np.abs(cv2.blur(first, (31, 31)) - cv2.blur(second, (31, 31))).mean()
        assert np.abs(first - second).mean() > max(LEAST_SEEN, 1.5 * coarse)


def test_kinds_are_those_of_displays_and_prints():
    assert (*display.LAYOUTS, *prints.KINDS) == KINDS[1:] and KINDS[0] == "original"


def test_seeds_repeat(simulated, some_pairs):
    again, first, other = simulated(1), some_pairs[0], some_pairs[1]
    assert np.array_equal(again[0], first[0]) and np.array_equal(again[1], first[1]) and again[2] == first[2]
    assert not np.array_equal(other[0], first[0])


def test_both_of_a_pair_share_the_tail(scenes, monkeypatch):
    """No class keeps a size, a filter or a compression of its own."""
    tails, used = [], []
    original_jpeg, original_call = recapture_simulator.jpeg, Tail.__call__

    def recorded_jpeg(picture, quality, *sampling):
        used.append((picture.shape, quality, *sampling))
        return original_jpeg(picture, quality, *sampling)

    def recorded_call(tail, pictures):
        used.clear()
        out = original_call(tail, pictures)
        tails.append((id(tail), tuple(pictures.shape), tail.filter, tuple(used)))
        return out

    monkeypatch.setattr(recapture_simulator, "jpeg", recorded_jpeg)
    monkeypatch.setattr(Tail, "__call__", recorded_call)
    torch.manual_seed(6)
    simulate(Scenes([scenes], 6), 1, np.random.default_rng(6))
    first, second = tails
    assert first == second


def test_a_tail_is_drawn_once():
    pictures = torch.rand(2, 3, int(SIDE * 1.25), int(SIDE * 1.25))
    for seed in range(6):
        tail = Tail(1.25, np.random.default_rng(seed))
        found = tail(pictures)
        assert np.array_equal(found, tail(pictures)) and found.shape == (2, SIDE, SIDE, 3)


def test_tails_differ():
    rng = np.random.default_rng(0)
    qualities = [Tail(1.0, rng).qualities for _ in range(40)]
    assert {len(q) for q in qualities} == {0, 1, 2}
    assert all(60 <= q <= 95 for qs in qualities for q in qs)


def test_jpeg_keeps_colours_where_they_are():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 250
    found = recapture_simulator.jpeg(red, 90)
    assert np.abs(found.astype(int) - red).max() < 6


def test_scenes_are_large_photos_and_labels(scenes):
    source = Scenes([scenes], 0)
    assert len(source.files) == 3
    assert {source.photo().shape for _ in range(12)} == {(900, 1200, 3), (1000, 800, 3)}
    batch, real = source.batch(3, LEAST_REAL)
    assert batch.shape == (3, 3, SCENE, SCENE) and 0 <= batch.min() and batch.max() <= 1
    assert real.dtype == torch.bool


def test_small_photos_are_an_error_and_no_endless_search(tmp_path):
    with pytest.raises(ValueError, match="720 x 360 pixels and more among 0 files"):
        Scenes([tmp_path], 0).photo()
    cv2.imwrite(str(tmp_path / "small.jpg"), np.zeros((480, 640, 3), np.uint8))
    with pytest.raises(ValueError, match="among 1 files"):
        Scenes([tmp_path], 0).photo()


def test_a_real_photo_keeps_its_pixels():
    square = make_photo(800, 800)
    scene = recapture_simulator._scene(square, real=True)
    start, first = (SCENE - LEAST_REAL) // 2, (800 - LEAST_REAL) // 2
    middle = scene[start : start + LEAST_REAL, start : start + LEAST_REAL]
    assert np.array_equal(middle, square[first : first + LEAST_REAL, first : first + LEAST_REAL])
    batch = torch.from_numpy(scene).permute(2, 0, 1)[None] / 255
    taken = recapture_simulator.first_photo(batch, torch.tensor([True]), LEAST_REAL)
    assert torch.equal((taken[0] * 255).round().byte(), torch.from_numpy(middle.copy()).permute(2, 0, 1))


def test_confounders_change_some_and_damage_none():
    torch.manual_seed(0)
    light = torch.rand(24, 3, 64, 64) * 0.5 + 0.2
    before = light.clone()
    found = recapture_simulator.confuse(light)
    changed = (found != light).flatten(1).any(1)
    assert torch.equal(light, before) and 2 <= changed.sum() <= 18
    assert found.isfinite().all() and found.min() >= 0


# Displays.


@pytest.mark.parametrize(("width", "deviation"), [(0.25, 0.15), (0.3, 0.3), (0.9, 0.2), (0.6, 0.5)])
def test_a_comb_is_blurred_bars(width, deviation):
    fine = 600  # samples of a period
    place = (np.arange(fine) + 0.5) / fine
    bars = (np.abs((place + 0.5) % 1 - 0.5) < width / 2).astype(float) / width
    far = np.arange(-4 * fine, 4 * fine + 1) / fine
    kernel = np.exp(-0.5 * (far / deviation) ** 2)
    blurred = np.convolve(np.tile(bars, 9), kernel / kernel.sum(), "same")[4 * fine : 5 * fine]
    u = torch.from_numpy(place).float().view(1, 1, 1, -1)
    found = display._comb(u, each(width), each(deviation)).flatten().numpy()
    assert found.mean() == pytest.approx(1, abs=1e-4)
    # Bars of so many samples are a little wider or narrower; harmonics beyond the fourth are left out.
    np.testing.assert_allclose(found, blurred, atol=0.02)


def pattern(pitch, kind, seed=0, blur=0.4, side=192):
    torch.manual_seed(seed)
    places = look_at_plane(1, side, 25, 0.1)
    return display._pattern(places / pitch, each(pitch), each(blur), torch.tensor([kind]))


@pytest.mark.parametrize("kind", range(len(display.LAYOUTS)))
def test_patterns_of_displays_have_mean_one(kind):
    for pitch in (0.6, 1.6, 4.3):
        found = pattern(pitch, kind)
        assert found.shape == (1, 3, 192, 192) and found.min() >= 0
        assert found.mean((2, 3)).numpy() == pytest.approx(1, abs=0.05)


def test_what_the_lens_cannot_resolve_is_gone():
    sharp, fine, blurred = pattern(4.0, 0), pattern(0.4, 0), pattern(4.0, 0, blur=4.0)
    assert sharp.std() > 0.3
    assert fine.std() < 0.02 and blurred.std() < 0.02


@pytest.mark.parametrize(
    ("pitch", "finest", "factor"),
    [(1.3, 0.05, 1.7), (1.6, 0.05, 4), (2.0, 0.05, 7), (2.0, 1.5, 7)],
)
def test_a_display_shows_moire_where_the_scene_has_none(pitch, finest, factor):
    """Waves in the picture of a plain grey; those at a pitch of two pixels are much longer than the pitch."""

    def waves(detail):
        torch.manual_seed(1)
        picture = camera.photograph(torch.full((1, 3, 192, 192), 0.3), each(0.4), detail)
        band = camera.gaussian(picture, each(finest)) - camera.gaussian(picture, each(6))
        return float(band.std((2, 3)).max())

    without = torch.ones(1, 3, 192, 192)
    assert waves(pattern(pitch, 0)) > factor * waves(without)
    assert waves(pattern(pitch, 0, blur=3.0)) == pytest.approx(waves(without), rel=0.1)  # out of focus


def test_some_displays_are_shown_without_moire():
    torch.manual_seed(0)
    grey = torch.full((24, 3, 96, 96), 0.5)
    shown = display.show(grey, grey, 96, 1.0)
    visible = shown.detail.std((1, 2, 3))
    assert 4 <= (visible < 0.03).sum() <= 20 and (visible > 0.1).any()
    assert shown.radiance.isfinite().all() and shown.radiance.min() >= 0
    assert shown.blur.shape == (24, 1, 1, 1) and set(shown.kind) <= set(display.LAYOUTS)


def test_a_display_shows_its_picture():
    torch.manual_seed(3)
    picture = torch.zeros(8, 3, 128, 128)
    picture[:, :, :, 64:] = 1
    shown = display.show(picture, torch.full_like(picture, 0.5), 96, 1.0).radiance.mean(1)
    assert ((shown[:, 30:66, 66:90].mean((1, 2)) / shown[:, 30:66, 6:30].mean((1, 2))) > 2).sum() >= 6


def test_flicker_is_along_one_side():
    torch.manual_seed(0)
    banded = display._banded(torch.ones(16, 3, 64, 64))
    flat_rows, flat_columns = banded.std(3).amax((1, 2)) < 1e-5, banded.std(2).amax((1, 2)) < 1e-5
    assert (flat_rows | flat_columns).all() and not (flat_rows & flat_columns).all()
    assert banded.min() >= 0


# Prints.


@pytest.mark.parametrize("kind", prints.KINDS[:3])
@pytest.mark.parametrize("period", [2.0, 4.0, 8.0])
def test_a_halftone_has_the_tone_that_it_stands_for(kind, period):
    torch.manual_seed(0)
    places = look_at_plane(1, 128, 20, 0.1)
    halftone = prints.Halftone(each(prints.KINDS.index(kind)), each(period), each(0.6))
    tones = []
    for amount in (0.05, 0.25, 0.5, 0.75, 0.95):
        dots = prints._dots(torch.full((1, 1, 128, 128), amount), places, each(0.3), halftone)
        assert dots.min() >= 0 and dots.max() <= 1
        assert float(dots.mean()) == pytest.approx(amount, abs=0.09)
        tones.append(float(dots.mean()))
    assert tones == sorted(tones)


def test_copies_have_more_contrast():
    torch.manual_seed(0)
    halftone = prints.Halftone(each(3), each(4.0), each(0.6))
    dots = [
        float(
            prints._dots(
                torch.full((1, 1, 96, 96), a), look_at_plane(1, 96, 0, 0), each(0.3), halftone
            ).mean()
        )
        for a in (0.2, 0.5, 0.8)
    ]
    assert dots[0] < 0.15 and dots[2] > 0.85 and dots[1] == pytest.approx(0.5, abs=0.1)


def test_laser_dots_lie_on_their_lattice():
    period, side = 6.0, 240
    halftone = prints.Halftone(each(0), each(period), each(0.4))
    places = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="xy"))[None].float()
    dots = prints._dots(torch.full((1, 1, side, side), 0.5), places, each(0.0), halftone)[0, 0]
    spectrum = torch.fft.rfft2(dots - dots.mean()).abs()
    row, column = divmod(int(spectrum.argmax()), spectrum.shape[1])
    frequency = math.hypot(min(row, side - row), column) / side
    assert frequency == pytest.approx(1 / period, rel=0.05)


def test_inks_take_light_and_paper_gives_it_back():
    torch.manual_seed(0)
    places = look_at_plane(2, 64, 0, 0)
    halftone = prints.Halftone(each(2, 2), each(4.0, 2), each(0.5, 2))
    blank = prints.inked(torch.zeros(2, 4, 64, 64), places, halftone)
    assert blank.min() == 1
    cyan = torch.zeros(2, 4, 64, 64)
    cyan[:, 0] = 1
    red, green, blue = prints.inked(cyan, places, halftone).mean((0, 2, 3))
    assert red < green < blue < 1
    black = torch.zeros(2, 4, 64, 64)
    black[:, 3] = 1
    assert prints.inked(black, places, halftone).max() < 0.25


def test_a_print_is_seen():
    torch.manual_seed(0)
    picture = torch.zeros(8, 3, 128, 128)
    picture[:, :, :, 64:] = 1
    shown = prints.show_print(picture, torch.full_like(picture, 0.5), 96, 1.0)
    light = shown.radiance.mean(1)
    assert (
        shown.radiance.isfinite().all() and shown.radiance.min() >= 0 and set(shown.kind) <= set(prints.KINDS)
    )
    assert ((light[:, 30:66, 66:90].mean((1, 2)) / light[:, 30:66, 6:30].mean((1, 2))) > 1.5).sum() >= 6


# Cameras.


@pytest.mark.parametrize("deviation", [0.4, 1.0, 2.3])
def test_the_blur_is_gaussian(deviation):
    x = np.random.default_rng(0).random((12, 14))
    radius = int(max(1, 3 * deviation + 0.5))
    padded = np.pad(x, radius, "edge")
    expected = np.zeros_like(x)
    total = 0.0
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            weight = math.exp(-(down**2 + right**2) / (2 * deviation**2))
            rows, columns = (
                slice(radius + down, radius + down + 12),
                slice(radius + right, radius + right + 14),
            )
            expected += weight * padded[rows, columns]
            total += weight
    found = camera.gaussian(torch.from_numpy(x).float()[None, None], each(deviation))
    np.testing.assert_allclose(found[0, 0], expected / total, atol=1e-5)


def test_each_picture_is_blurred_on_its_own():
    x = torch.rand(2, 3, 20, 20)
    deviations = torch.tensor([0.02, 2.0]).view(2, 1, 1, 1)
    found = camera.gaussian(x, deviations)
    torch.testing.assert_close(found[:1], x[:1])
    torch.testing.assert_close(found[1:], camera.gaussian(x[1:], deviations[1:]))


def test_a_shift_is_a_shift():
    x = torch.rand(1, 3, 16, 20)
    found = camera.shift(x, each(2), each(-1))
    torch.testing.assert_close(found[:, :, :-1, 2:], x[:, :, 1:, :-2], rtol=0, atol=1e-5)


def test_the_mosaic_is_rggb():
    light = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1).expand(1, 3, 4, 6).clone()
    raw = camera.mosaic(light)
    assert torch.equal(raw[0, 0, :2, :2], torch.tensor([[1.0, 2.0], [2.0, 3.0]]))
    assert torch.equal(raw[0, 0], raw[0, 0, :2, :2].repeat(2, 3))
    assert light.unique().tolist() == [1, 2, 3]  # the light itself is left alone


@pytest.fixture(params=range(3), ids=["bilinear", "along edges", "Malvar"])
def demosaic(request, monkeypatch):
    monkeypatch.setattr(camera.torch, "randint", lambda *_: torch.tensor(request.param))
    return camera.demosaic


def test_a_flat_colour_survives_the_filter_array(demosaic):
    light = torch.tensor([0.2, 0.5, 0.8]).view(1, 3, 1, 1).expand(1, 3, 16, 20)
    torch.testing.assert_close(demosaic(camera.mosaic(light)), light, rtol=0, atol=1e-6)


def test_a_ramp_survives_the_filter_array(demosaic):
    ramp = torch.linspace(0.1, 0.9, 24).view(1, 1, 1, -1) * torch.linspace(0.5, 1, 20).view(1, 1, -1, 1)
    light = ramp * torch.tensor([0.9, 1.0, 0.7]).view(1, 3, 1, 1)
    found = demosaic(camera.mosaic(light))
    torch.testing.assert_close(found[..., 4:-4, 4:-4], light[..., 4:-4, 4:-4], rtol=0, atol=2e-3)


def test_fine_bars_get_colours_from_the_filter_array(demosaic):
    place = torch.arange(48)
    bars = ((place[:, None] + place) % 3 == 0).float().expand(1, 3, 48, 48)
    found = demosaic(camera.mosaic(bars))
    assert (found.amax(1) - found.amin(1)).mean() > 0.02


def test_noise_is_of_photons_and_in_steps_of_ten_bits():
    torch.manual_seed(0)
    dark, bright = (
        camera.add_noise(each(0.02).expand(64, 1, 32, 32)),
        camera.add_noise(each(0.8).expand(64, 1, 32, 32)),
    )
    assert torch.equal((bright * 1023).round() / 1023, bright)
    assert bright.std((1, 2, 3)).median() > 2 * dark.std((1, 2, 3)).median()
    assert float(bright.mean()) == pytest.approx(0.8, abs=0.01)


def test_a_photograph_is_a_picture():
    torch.manual_seed(0)
    radiance = 40 * to_linear(torch.from_numpy(make_photo(96, 96)).permute(2, 0, 1)[None] / 255)
    found = camera.photograph(radiance.expand(4, -1, -1, -1), each(0.6, 4))
    assert found.shape == (4, 3, 96, 96) and 0 <= found.min() and found.max() <= 1
    for picture in found:  # exposed, and of the same things
        assert 0.15 < picture.mean() < 0.85
        assert np.corrcoef(picture.mean(0).flatten(), to_srgb(radiance[0] / 40).mean(0).flatten())[0, 1] > 0.8


def test_the_guided_filter_keeps_edges_and_smooths_noise():
    torch.manual_seed(0)
    step = torch.zeros(1, 1, 32, 32)
    step[..., 16:] = 1
    noisy = step + 0.03 * torch.randn_like(step)
    found = camera._along(noisy, noisy, 3, each(1e-2))
    assert found[..., :12].std() < 0.6 * noisy[..., :12].std()
    assert found[..., 17].mean() - found[..., 14].mean() > 0.85


# Geometry and chance.


def test_inside_is_one_in_the_picture_and_zero_beyond():
    image = torch.zeros(1, 3, 40, 60)
    places = torch.tensor([[0.0, 0], [29.4, 0], [31, 0], [0, 19.4], [0, -19.4], [0, 21], [-31, -21], [30, 0]])
    found = inside(image, places.T.view(1, 2, 1, -1)).flatten()
    assert found.tolist() == pytest.approx([1, 1, 0, 1, 1, 0, 0, 0.5], abs=1e-5)


def test_samples_are_the_pixels_where_places_are_the_pixels():
    image = torch.rand(1, 3, 9, 9)
    place = torch.arange(9) - 4.0
    places = torch.stack(torch.meshgrid(place, place, indexing="xy"))[None]
    torch.testing.assert_close(sample(image, places), image, rtol=0, atol=1e-5)
    torch.testing.assert_close(sample(image, places + 0.2, smooth=False), image, rtol=0, atol=1e-5)


def test_looking_straight_at_a_plane_changes_nothing_but_a_little_bend():
    torch.manual_seed(0)
    found = look_at_plane(3, 65, 0, 0)
    place = torch.arange(65) - 32.0
    straight = torch.stack(torch.meshgrid(place, place, indexing="xy"))[None]
    assert (found - straight).abs().max() <= 0.01 * 32 + 0.1 and (found[:, :, 32, 32] == 0).all()
    assert (look_at_plane(3, 65, 25, 0.2) - straight).abs().max() > 3


def test_chances():
    torch.manual_seed(0)
    assert uniform(2000, 3, 5).aminmax() == pytest.approx((3, 5), abs=0.01)
    logs = log_uniform(4000, 0.1, 10).log10()
    assert float(logs.mean()) == pytest.approx(0, abs=0.05) and logs.abs().max() <= 1 + 1e-6
    assert float(happens(4000, 0.3).float().mean()) == pytest.approx(0.3, abs=0.03)
    field = clouds(4, 64, 80, 3)
    assert field.shape == (4, 1, 64, 80) and 0 <= field.min() and field.max() <= 1
    assert (field.diff(dim=3).abs().amax() < 0.2) and field.std() > 0.1


# Labels.


def test_codes_of_all_kinds_can_be_read():
    rng = np.random.default_rng(0)
    for number in range(25):
        modules = labels.draw_code(rng)
        assert modules.dtype == np.uint8 and set(np.unique(modules)) <= {0, 255}
        enlarged = np.repeat(np.repeat(modules, 4, 0), 4, 1)
        assert zxingcpp.read_barcodes(enlarged), f"{number}: {modules.shape}"


def test_most_labels_can_be_read():
    rng, photo = np.random.default_rng(0), make_photo(400, 300)
    drawn = [labels.draw_label(photo, 700, rng) for _ in range(12)]
    assert all(label.dtype == np.uint8 and label.shape[1] in (698, 699, 700) for label in drawn)
    assert sum(bool(zxingcpp.read_barcodes(label)) for label in drawn) >= 7


def test_a_label_lies_in_front_of_the_photo():
    rng = np.random.default_rng(1)
    photo = make_photo(400, 400)
    scene = labels.label_scene(photo, 600, rng)
    behind = cv2.resize(photo, (600, 600), interpolation=cv2.INTER_AREA)
    same = (np.abs(scene.astype(int) - behind).max(2) <= 1).mean()
    assert scene.shape == (600, 600, 3) and 0.02 < same < 0.8
    assert np.abs(scene[250:350, 250:350].astype(int) - behind[250:350, 250:350]).mean() > 10
