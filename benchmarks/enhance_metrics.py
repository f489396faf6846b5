"""How near a picture is to the truth, and, where there is none, what an enhancement did to the input.

Pictures are (H, W, 3) RGB uint8. `against_truth`, `against_input` and `stability` give all figures of their
kind by the names that tables show.
"""

from __future__ import annotations

import cv2
import numpy as np
import super_resolution
from enhance_baselines import Method

BORDER = 5  # half of SSIM's window
EQUAL = 100.0  # dB said of two equal pictures
DARK = 64  # levels of luma
UNSEEN = 0.5  # deviation of a and b in Lab that nobody sees
FEW = 100  # pixels are too few to judge


def against_truth(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    return {
        "PSNR": psnr(found, truth),
        "SSIM": ssim(found, truth),
        "dE00": colour_difference(found, truth),
    }


def against_input(found: np.ndarray, given: np.ndarray) -> dict[str, float]:
    """No-reference checks: the lower the better, nan where the picture has nothing to judge."""
    blown, crushed = newly_clipped(found, given)
    return {
        "LOE": lightness_order_error(found, given),
        "blown %": 100 * blown,
        "crushed %": 100 * crushed,
        "halo": halo(found, given),
        "noise x": chroma_noise_gain(found, given),
        "cast": colour_cast(found, given),
    }


def psnr(found: np.ndarray, truth: np.ndarray) -> float:
    """Over all pixels and the three channels, in dB."""
    if np.array_equal(found, truth):
        return EQUAL
    return super_resolution.psnr(found.astype(np.float32), truth.astype(np.float32))


def ssim(found: np.ndarray, truth: np.ndarray) -> float:
    """Of luma, the borders included: mirrored, so that the valid part is the whole picture."""
    a, b = (
        cv2.copyMakeBorder(luma(image), BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REFLECT_101).astype(
            np.float64
        )
        for image in (found, truth)
    )
    return super_resolution.ssim(a, b)


def colour_difference(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean CIEDE2000 over the pixels."""
    rows = range(0, len(found), 256)  # in strips: the formula keeps many planes
    parts = [ciede2000(lab(found[y : y + 256]), lab(truth[y : y + 256])) for y in rows]
    return float(np.concatenate(parts).mean())


def ciede2000(lab_1: np.ndarray, lab_2: np.ndarray) -> np.ndarray:
    """Colour differences of Lab colours (..., 3) as Sharma, Wu, Dalal 2005 write them, kL = kC = kH = 1."""
    l_1, a_1, b_1 = np.moveaxis(lab_1, -1, 0)
    l_2, a_2, b_2 = np.moveaxis(lab_2, -1, 0)
    mean_7 = ((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean_7 / (mean_7 + 25.0**7))
    c_1, c_2 = np.hypot(stretch * a_1, b_1), np.hypot(stretch * a_2, b_2)
    h_1, h_2 = np.arctan2(b_1, stretch * a_1), np.arctan2(b_2, stretch * a_2)  # radians

    turn = np.where(c_1 * c_2 == 0, 0, (h_2 - h_1 + np.pi) % (2 * np.pi) - np.pi)
    d_l, d_c, d_h = l_2 - l_1, c_2 - c_1, 2 * np.sqrt(c_1 * c_2) * np.sin(turn / 2)

    light, c = (l_1 + l_2) / 2, (c_1 + c_2) / 2
    h = np.where(c_1 * c_2 == 0, h_1 + h_2, h_1 + turn / 2)
    t = 1 - 0.17 * np.cos(h - np.radians(30)) + 0.24 * np.cos(2 * h)
    t += 0.32 * np.cos(3 * h + np.radians(6)) - 0.20 * np.cos(4 * h - np.radians(63))
    s_l = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * t
    around_blue = np.exp(-(((np.degrees(h) % 360 - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(60) * around_blue)
    d_l, d_c, d_h = d_l / s_l, d_c / s_c, d_h / s_h
    return np.sqrt(np.maximum(d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h, 0))


def lightness_order_error(found: np.ndarray, given: np.ndarray) -> float:
    """LOE (Wang, Zheng, Hu, Li, TIP 2013): with how many of 2500 pixels a pixel changed its order.

    Lightness is the brightest channel; the picture is seen at 50 x 50, whatever its shape.
    """

    def order(image: np.ndarray) -> np.ndarray:
        small = cv2.resize(image.max(2).astype(np.float32), (50, 50), interpolation=cv2.INTER_AREA).ravel()
        return small[:, None] >= small

    return float((order(found) != order(given)).sum(1).mean())


def newly_clipped(found: np.ndarray, given: np.ndarray) -> tuple[float, float]:
    """Shares of pixels newly blown (250 or more, below 235 before) and crushed (5 or less, above 20).

    Judged by the brightest channel: a saturated colour is neither.
    """
    before, after = given.max(2), found.max(2)
    blown, crushed = (after >= 250) & (before < 235), (after <= 5) & (before > 20)
    return float(blown.mean()), float(crushed.mean())


def halo(found: np.ndarray, given: np.ndarray) -> float:
    """Levels of luma by which a flat side of a strong edge has come to differ near the edge from further off.

    First the mean curve from input to output is taken away, so that a curve that all pixels share makes no
    halo, however steep it is. Edges are steps along rows and columns; see `_sides` for strong and flat.
    """
    before, after = (np.rint(luma(image)).astype(np.uint8) for image in (given, found))
    count = np.maximum(np.bincount(before.ravel(), minlength=256), 1)
    curve = np.bincount(before.ravel(), after.ravel(), 256) / count
    change = after - curve[before]
    near = max(1, round(max(before.shape) / 100))
    box = (2 * near - 1, 2 * near - 1)  # centred `near` from the edge it does not reach over it
    before, change = cv2.blur(before.astype(np.float32), box), cv2.blur(change, box)
    sides = np.concatenate([_sides(before, change, near), _sides(before.T, change.T, near)])
    return float(sides.mean()) if sides.size else float("nan")


def _sides(before: np.ndarray, change: np.ndarray, near: int) -> np.ndarray:
    """|change at `near` - change at 4 `near`| on each flat side of the strong edges along the rows.

    Strong: the highest twentieth of the steps across 2 `near`, 8 levels at least. Flat: between the two
    places the input differs by less than an eighth of the step.
    """
    far = 4 * near
    width = before.shape[1] - 2 * far
    if width < 1:
        return np.empty(0)

    def at(plane: np.ndarray, offset: int) -> np.ndarray:
        return plane[:, far + offset : far + offset + width]

    step = np.abs(at(before, near) - at(before, -near))
    strong = step >= max(8, np.quantile(step, 0.95))
    sides = []
    for sign in (-1, 1):
        flat = strong & (np.abs(at(before, sign * near) - at(before, sign * far)) < step / 8)
        sides.append(np.abs(at(change, sign * near) - at(change, sign * far))[flat])
    return np.concatenate(sides)


def chroma_noise_gain(found: np.ndarray, given: np.ndarray) -> float:
    """Ratio of the deviations of a and b from their means over 7 x 7, in the flatter half of the dark."""
    y = luma(given)
    spread = cv2.blur(y * y, (7, 7)) - cv2.blur(y, (7, 7)) ** 2
    dark = y < DARK
    if dark.sum() < FEW:
        return float("nan")
    flat = dark & (spread <= np.median(spread[dark]))

    def noise(image: np.ndarray) -> float:
        chroma = lab(image)[..., 1:]
        return float(np.sqrt(np.mean((chroma - cv2.blur(chroma, (7, 7)))[flat] ** 2)))

    return max(noise(found), UNSEEN) / max(noise(given), UNSEEN)


def colour_cast(found: np.ndarray, given: np.ndarray) -> float:
    """How far the mean (a, b) of near-grey pixels moved from the input's, each brought to its new luma.

    So that one factor for all three channels of a pixel makes no cast, however large it is.
    """
    brightest = given.max(2).astype(np.float32)
    grey = (brightest - given.min(2) < 0.15 * brightest) & (brightest >= 16)  # below, rounding makes colours
    if grey.sum() < FEW:
        return float("nan")
    factor = (luma(found) / np.maximum(luma(given), 1))[..., None]
    relit = np.clip(given * factor, 0, 255).astype(np.float32)
    shift = (lab(found) - lab(relit))[grey].mean(0)
    return float(np.hypot(shift[1], shift[2]))


def stability(method: Method, given: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Whether the result stays the same for a half-size copy, for the middle of the picture (dB, higher is
    better), and in mean level for a next frame that differs by noise of one level (lower is better)."""
    noise = np.random.default_rng(0).normal(size=given.shape)
    next_frame = np.clip(np.rint(given + noise), 0, 255).astype(np.uint8)
    return {
        "half dB": psnr(method(half_size(given)), half_size(found)),
        "crop dB": psnr(method(middle(given)), middle(found)),
        "flicker": abs(float(method(next_frame).mean()) - float(found.mean())),
    }


def half_size(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    return cv2.resize(image, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)


def middle(image: np.ndarray) -> np.ndarray:
    """Three quarters of either side, contiguous."""
    top, left = image.shape[0] // 8, image.shape[1] // 8
    return np.ascontiguousarray(image[top : image.shape[0] - top, left : image.shape[1] - left])


def luma(image: np.ndarray) -> np.ndarray:
    """(H, W) float32 in 0..255, BT.601 in full range."""
    return cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY)


def lab(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32 CIE Lab of sRGB in 0..255."""
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
