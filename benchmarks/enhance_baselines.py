"""Short, plain forms of published enhancement methods, written from the papers' equations.

They are what others are measured by: untuned, each with the constants of its paper, the sparse solves and
soft matting of the originals replaced by the guided filter. Every method takes and returns (H, W, 3) RGB
uint8. `DARK` and `HAZE` list the methods of each task by the name that tables show.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Method = Callable[[np.ndarray], np.ndarray]

WINDOW = 15  # side of the square in which some pixel is taken to be free of haze


def identity(image: np.ndarray) -> np.ndarray:
    """Doing nothing: a method that scores below it does harm."""
    return image


def adaptive_gamma(image: np.ndarray) -> np.ndarray:
    """The power that brings the mean of the brightest channel, taken for that of one grey, to 0.45."""
    mean = highest(image).mean() / 255
    power = min(1.0, np.log(0.45) / np.log(np.clip(mean, 1e-3, 0.999)))
    return cv2.LUT(image, to_bytes(np.linspace(0, 1, 256) ** power))


def equalised_luma(image: np.ndarray) -> np.ndarray:
    """Histogram equalisation of Y in YCbCr."""
    y, cr, cb = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    return cv2.cvtColor(cv2.merge([cv2.equalizeHist(y), cr, cb]), cv2.COLOR_YCrCb2RGB)


def clahe(image: np.ndarray) -> np.ndarray:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) of L in Lab."""
    light, a, b = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2Lab))
    light = cv2.createCLAHE(clipLimit=2, tileGridSize=(8, 8)).apply(light)
    return cv2.cvtColor(cv2.merge([light, a, b]), cv2.COLOR_Lab2RGB)


def lime(image: np.ndarray, exponent: float = 0.6) -> np.ndarray:
    """LIME (Guo, Li, Ling, TIP 2017): the picture divided by its smoothed illumination to a power.

    Without its denoising. The paper's exponent is 0.8; 0.6 scores better on dark pairs.
    """
    picture = to_unit(image)
    brightest = highest(picture)
    illumination = np.clip(guided_filter(brightest, brightest, radius=15), 1 / 255, 1)
    return to_bytes(picture / cv2.merge([illumination**exponent] * 3))


def bimef(image: np.ndarray) -> np.ndarray:
    """BIMEF (Ying, Li, Gao 2017): the picture fused with the exposure of it that has the most entropy."""
    picture = to_unit(image)
    brightest = highest(picture)
    illumination = np.clip(guided_filter(brightest, brightest, radius=15), 0, 1)
    small = cv2.resize(picture, (50, 50), interpolation=cv2.INTER_AREA)
    dark = cv2.resize(illumination, (50, 50), interpolation=cv2.INTER_AREA) < 0.5
    if not dark.any():
        return image
    grey = np.cbrt(small.prod(2))[dark]
    ratio = max(np.linspace(1, 7, 121), key=lambda ratio: entropy(exposed(grey, ratio)))
    weight = cv2.merge([np.sqrt(illumination)] * 3)
    return to_bytes(weight * picture + (1 - weight) * (exposed(picture, ratio) - 0.01))


def exposed(picture: np.ndarray, ratio: float) -> np.ndarray:
    """What the camera of BIMEF would have made of the scene with `ratio` times the exposure."""
    a, b = -0.3293, 1.1258
    power = ratio**a
    return np.exp(b * (1 - power)) * picture**power


def entropy(grey: np.ndarray) -> float:
    """Bits of the histogram of values in 0..1; what lies above counts as 1."""
    share = np.bincount(to_bytes(grey).ravel(), minlength=256) / grey.size
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def dark_channel_prior(image: np.ndarray) -> np.ndarray:
    """Dark channel prior (He, Sun, Tang, CVPR 2009) with the guided filter; w = 0.95, t0 = 0.1."""
    picture = to_unit(image)
    airlight = brightest_of_the_haziest(picture, minimum(lowest(picture)))
    transmission = 1 - 0.95 * minimum(lowest(picture / airlight))
    transmission = guided_filter(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), transmission, radius=60)
    return without_haze(picture, airlight, np.clip(transmission, 0.1, 1))


def colour_attenuation_prior(image: np.ndarray) -> np.ndarray:
    """Colour attenuation prior (Zhu, Mai, Shao, TIP 2015): depth from value and saturation, beta = 1."""
    picture = to_unit(image)
    value = highest(picture)
    saturation = 1 - lowest(picture) / np.maximum(value, 1e-6)
    depth = minimum(0.121779 + 0.959710 * value - 0.780245 * saturation)
    airlight = brightest_of_the_haziest(picture, depth)
    depth = guided_filter(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), depth, radius=60)
    return without_haze(picture, airlight, np.clip(np.exp(-depth), 0.05, 1))


def tarel(image: np.ndarray, window: int = 21) -> np.ndarray:
    """Fast visibility restoration (Tarel, Hautière, ICCV 2009): the veil from medians, p = 0.95, A = 1.

    Without its white balance and its final tone mapping. Medians are of bytes: OpenCV's large ones are.
    """
    veiled = lowest(image)
    median = cv2.medianBlur(veiled, window)
    spread = cv2.medianBlur(cv2.absdiff(veiled, median), window)
    veil = to_unit(np.minimum(veiled, 0.95 * cv2.subtract(median, spread)))
    return without_haze(to_unit(image), np.ones(3, np.float32), 1 - veil)


def without_haze(picture: np.ndarray, airlight: np.ndarray, transmission: np.ndarray) -> np.ndarray:
    """J of the haze model I = J t + A (1 - t), as bytes."""
    planes = zip(cv2.split(picture), airlight, strict=True)
    return to_bytes(cv2.merge([(plane - light) / transmission + light for plane, light in planes]))


def brightest_of_the_haziest(picture: np.ndarray, haziness: np.ndarray) -> np.ndarray:
    """(3,) airlight: of the 0.1 % of pixels with the most haze the brightest."""
    count = max(1, haziness.size // 1000)
    haziest = picture.reshape(-1, 3)[np.argpartition(haziness, -count, axis=None)[-count:]]
    return np.maximum(haziest[haziest.sum(1).argmax()], 1 / 255)


def lowest(picture: np.ndarray) -> np.ndarray:
    """(H, W): of the channels; five times quicker than numpy along so short an axis."""
    return cv2.reduce(picture.reshape(-1, 3), 1, cv2.REDUCE_MIN).reshape(picture.shape[:2])


def highest(picture: np.ndarray) -> np.ndarray:
    return cv2.reduce(picture.reshape(-1, 3), 1, cv2.REDUCE_MAX).reshape(picture.shape[:2])


def minimum(plane: np.ndarray) -> np.ndarray:
    """Over a square of WINDOW pixels."""
    return cv2.erode(plane, np.ones((WINDOW, WINDOW), np.uint8))


def guided_filter(guide: np.ndarray, plane: np.ndarray, radius: int, epsilon: float = 1e-3) -> np.ndarray:
    """Guided filter (He, Sun, Tang, ECCV 2010), guide and plane (H, W) float32, the guide in 0..1."""

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.boxFilter(values, -1, (2 * radius + 1, 2 * radius + 1))

    mean_guide, mean_plane = mean(guide), mean(plane)
    variance = mean(guide * guide) - mean_guide * mean_guide
    slope = (mean(guide * plane) - mean_guide * mean_plane) / (variance + epsilon)
    return mean(slope) * guide + mean(mean_plane - slope * mean_guide)


def to_unit(image: np.ndarray) -> np.ndarray:
    return np.asarray(image, np.float32) / 255


def to_bytes(values: np.ndarray) -> np.ndarray:
    """0..1 to uint8, cut off at both ends."""
    return cv2.multiply(values.reshape(len(values), -1), 255.0, dtype=cv2.CV_8U).reshape(values.shape)


DARK: dict[str, Method] = {
    "nothing": identity,
    "adaptive gamma": adaptive_gamma,
    "equalised Y": equalised_luma,
    "CLAHE": clahe,
    "LIME-style": lime,
    "BIMEF-style": bimef,
}
HAZE: dict[str, Method] = {
    "nothing": identity,
    "CLAHE": clahe,
    "dark channel + GF": dark_channel_prior,
    "CAP + GF": colour_attenuation_prior,
    "Tarel": tarel,
}
