"""The figures of benchmarks/enhance.py beside published values and pictures whose figures are known."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def metrics():
    sys.path.insert(0, str(BENCHMARKS))  # they import each other as scripts do
    import enhance_metrics

    yield enhance_metrics
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize(
    "first, second, expected",
    [  # Sharma, Wu, Dalal 2005, table 1: around blue, hues across 180 degrees, greys, large and small ones
        ((50.0000, 2.6772, -79.7751), (50.0000, 0.0000, -82.7485), 2.0425),
        ((50.0000, 3.1571, -77.2803), (50.0000, 0.0000, -82.7485), 2.8615),
        ((50.0000, -1.3802, -84.2814), (50.0000, 0.0000, -82.7485), 1.0000),
        ((50.0000, 0.0000, 0.0000), (50.0000, -1.0000, 2.0000), 2.3669),
        ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0009), 7.1792),
        ((50.0000, 2.4900, -0.0010), (50.0000, -2.4900, 0.0011), 7.2195),
        ((50.0000, -0.0010, 2.4900), (50.0000, 0.0009, -2.4900), 4.8045),
        ((50.0000, 2.5000, 0.0000), (50.0000, 0.0000, -2.5000), 4.3065),
        ((50.0000, 2.5000, 0.0000), (73.0000, 25.0000, -18.0000), 27.1492),
        ((50.0000, 2.5000, 0.0000), (61.0000, -5.0000, 29.0000), 22.8977),
        ((50.0000, 2.5000, 0.0000), (56.0000, -27.0000, -3.0000), 31.9030),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_of_the_published_pairs(metrics, first, second, expected):
    for a, b in ((first, second), (second, first)):
        assert metrics.ciede2000(np.array(a), np.array(b)) == pytest.approx(expected, abs=5e-5)


def test_figures_of_the_same_picture(metrics, photo):
    assert metrics.against_truth(photo, photo) == {"PSNR": 100, "SSIM": 1, "dE00": 0}
    found = metrics.against_input(photo, photo)
    assert found.pop("noise x") == pytest.approx(1)
    assert all(value == pytest.approx(0, abs=1e-4) for value in found.values()), found


def test_psnr_is_over_pixels_and_channels(metrics):
    truth = np.full((9, 12, 3), 100, np.uint8)
    found = truth.copy()
    found[..., 1] += 30
    assert metrics.psnr(found, truth) == pytest.approx(10 * np.log10(255**2 / 300))


def test_ssim_counts_the_border(metrics, photo):
    damaged = photo.copy()
    damaged[:3] = 0
    assert metrics.ssim(damaged, photo) < 0.99


def test_a_curve_keeps_the_order_of_lightness_and_negation_does_not(metrics):
    ramp = np.repeat(np.tile(np.arange(50, dtype=np.uint8), (50, 1))[..., None] * 5, 3, 2)
    assert metrics.lightness_order_error(ramp // 2, ramp) < 80  # two columns become equal
    assert metrics.lightness_order_error(255 - ramp, ramp) == pytest.approx(2500 - 50)


def test_newly_clipped_pixels(metrics):
    given = np.full((10, 10, 3), 100, np.uint8)
    found = given.copy()
    found[0], found[1:3] = 255, 0
    found[3:, :, 2] = 0  # a colour, not a shadow
    assert metrics.newly_clipped(found, given) == (0.1, 0.2)
    assert metrics.newly_clipped(found, found) == (0, 0)


def test_a_halo_is_what_no_curve_explains(metrics):
    given = np.full((200, 400, 3), 60, np.uint8)
    given[:, 200:] = 180
    curve = (255 * (np.arange(256) / 255) ** 0.5).astype(np.uint8)
    assert metrics.halo(curve[given], given) == pytest.approx(0, abs=1e-3)
    wide = cv2.blur(given, (41, 41)).astype(int)  # unsharp masking with a large window
    haloed = np.clip(given + (given - wide) // 2, 0, 255).astype(np.uint8)
    assert metrics.halo(haloed, given) > 10


def test_noise_and_cast_of_a_dark_grey_wall(metrics):
    noise = np.random.default_rng(0).normal(0, 1, (120, 160, 3))
    given = np.clip(30 + noise, 0, 255).round().astype(np.uint8)
    assert metrics.chroma_noise_gain(np.clip(given * 3, 0, 255).astype(np.uint8), given) > 1.5
    assert metrics.chroma_noise_gain(np.full_like(given, 90), given) < 0.6
    assert metrics.colour_cast(given * 3, given) == pytest.approx(0, abs=0.1)
    assert metrics.colour_cast((given * (3.0, 3.0, 3.6)).astype(np.uint8), given) > 5


def test_stability(metrics, photo):
    found = metrics.stability(lambda image: image, photo, photo)
    assert found["half dB"] == found["crop dB"] == 100 and found["flicker"] < 0.05

    def by_its_corner(image):
        return np.clip(image.astype(int) + image[0, 0], 0, 255).astype(np.uint8)

    found = metrics.stability(by_its_corner, photo // 3, by_its_corner(photo // 3))
    assert found["crop dB"] < 40 and found["flicker"] > 0.1
