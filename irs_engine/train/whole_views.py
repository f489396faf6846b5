"""Whole photos, small, as they are and on displays and paper: what gives a recapture away but its texture.

The rim of a phone, the bar of a browser, the white border of a print, glass that reflects: the crops of
`recapture_simulator` are too small to show them.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from irs_engine.train.recapture_simulator import jpeg, photos_in
from irs_engine.vision.nets.recapture_net import CLASSES

LONGER = 400  # pixels on the longer side
SHAPES = (1.0, 1.0, 1.0, 4 / 3, 3 / 4, 16 / 9, 9 / 16)  # width / height of photos
SHARES = (0.5, 0.38, 0.12)  # of CLASSES
PANEL_SHARE = 0.25  # of originals: those with something in them that has straight rims, but shows no picture
TRIES = 500  # files in a row that are no photos, before it is no accident


class WholeViews:
    """Photos of folders, at random, in the role of originals, of what displays show, of what is printed."""

    def __init__(self, folders: list[Path]):
        self.files = photos_in(folders)

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """A view of one of SHAPES, (h, w, 3) RGB uint8, and its class.

        Raises:
            ValueError: None of TRIES files in a row is a photo.
        """
        label = int(rng.choice(len(CLASSES), p=SHARES))
        return jpeg(_to_bytes(self._view(CLASSES[label], rng)), int(rng.integers(60, 96))), label

    def _view(self, name: str, rng: np.random.Generator) -> np.ndarray:
        photo = self._photo(rng)
        if name == "original":
            return with_panel(photo, rng) if rng.random() < PANEL_SHARE else photo
        return (on_display if name == "screen" else on_paper)(photo, self._photo(rng), rng)

    def _photo(self, rng: np.random.Generator) -> np.ndarray:
        """(h, w, 3) RGB float32 in 0..1, of one of SHAPES, LONGER on its longer side."""
        for _ in range(TRIES if self.files else 0):
            photo = cv2.imread(str(self.files[rng.integers(len(self.files))]), cv2.IMREAD_COLOR_RGB)
            if photo is not None and min(photo.shape[:2]) >= LONGER // 2:
                return _shaped(photo, SHAPES[rng.integers(len(SHAPES))], rng).astype(np.float32) / 255
        raise ValueError(f"no photos among {len(self.files)} files")


def on_display(photo: np.ndarray, around: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A phone, a tablet, a monitor that shows the photo, in front of what is around it."""
    page, aspect = _page(photo, rng)
    light = np.float32(np.exp(rng.uniform(-0.3, 0.5))) * page ** np.float32(rng.uniform(0.8, 1.5))
    light *= np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)  # its white is not that of the room
    light *= _gradient(light.shape, 0.35, rng)  # it is darker from aside
    rim = 0.12 if rng.random() < 0.8 else rng.uniform(0.3, 0.9)
    rims = rng.uniform(0.01, 0.06, 4)
    if aspect > 1.3 and rng.random() < 0.3:
        rims[2] = rng.uniform(0.08, 0.4)  # below a laptop's display lies its keyboard
    body = _rimmed(light, rims, np.full(3, rng.uniform(0.01, rim)))
    seen = _placed(body, _dimmed(around, rng, 0.15, 1.0), rng, round_corners=aspect < 0.7)
    haze = rng.uniform(0, 0.12) if rng.random() < 0.5 else 0.0
    return _reflecting(seen + np.float32(haze), rng)


def on_paper(photo: np.ndarray, around: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A print of the photo that lies or hangs somewhere, in uneven light."""
    white = rng.uniform(0.75, 0.95) * np.exp(rng.normal(0, 0.05, 3))
    darkest = rng.uniform(0.04, 0.15)
    ink = darkest + photo * (white.astype(np.float32) - np.float32(darkest))
    rims = np.full(4, rng.uniform(0.02, 0.12)) if rng.random() < 0.7 else rng.uniform(0.03, 0.5, 4)
    sheet = _rimmed(ink, rims, white)
    seen = _placed(sheet, _dimmed(around, rng, 0.4, 1.0), rng)
    return seen * _gradient(seen.shape, 0.4, rng)


def with_panel(photo: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A door, a box, a tile, a dark pane: as straight as a display, and no picture on it."""
    height, width = (int(LONGER * rng.uniform(0.4, 1)) for _ in range(2))
    colour = np.clip(rng.uniform(0, 0.9) + rng.normal(0, 0.08, 3), 0, 1)
    panel = np.broadcast_to(colour.astype(np.float32), (height, width, 3))
    panel = panel * _gradient(panel.shape, 0.5, rng)
    if rng.random() < 0.5:
        panel = _rimmed(panel, np.full(4, rng.uniform(0.01, 0.06)), np.full(3, rng.uniform(0, 0.9)))
    return _placed(panel, photo, rng)


def _page(photo: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """What the display shows, and its width / height: the photo, alone or in the page of a program."""
    kind = rng.random()
    aspect = rng.uniform(0.45, 0.58) if kind < 0.4 else rng.uniform(1.4, 1.8) if kind < 0.85 else 0.75
    width, height = (LONGER, int(LONGER / aspect)) if aspect > 1 else (int(LONGER * aspect), LONGER)
    dark = rng.random() < 0.55
    shade = rng.uniform(0, 0.12) if dark else rng.uniform(0.85, 1)
    page: np.ndarray = np.full((height, width, 3), shade, np.float32)
    bars = int(height * rng.uniform(0.03, 0.12)) if rng.random() < 0.6 else 0
    room = height - 2 * bars
    fill = (max if rng.random() < 0.6 else min)(width / photo.shape[1], room / photo.shape[0])
    if rng.random() < 0.3:
        fill *= rng.uniform(0.5, 0.95)
    shown = cv2.resize(photo, None, fx=fill, fy=fill, interpolation=cv2.INTER_AREA)[:room, :width]
    top, left = bars + (room - shown.shape[0]) // 2, (width - shown.shape[1]) // 2
    page[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    if bars:
        _write(page[:bars], 1 - shade, rng)
        _write(page[-bars:], 1 - shade, rng)
    if top - bars > 20 and rng.random() < 0.5:
        _write(page[top + shown.shape[0] : height - bars], 1 - shade, rng)
    return page, aspect


def _write(area: np.ndarray, shade: float, rng: np.random.Generator) -> None:
    """Words and icons, as far as they can be told from so far away."""
    height, width = area.shape[:2]
    for _ in range(rng.integers(1, 8)):
        tall = int(min(height, rng.integers(2, 7)))
        long = int(rng.integers(3, max(4, width // 3)))
        top, left = (int(rng.integers(max(1, room))) for room in (height - tall, width - long))
        colour = np.full(3, shade) if rng.random() < 0.8 else rng.random(3)
        area[top : top + tall, left : left + long] = colour


def _rimmed(picture: np.ndarray, rims: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """With borders left, above, below and right: `rims`, in this order, as shares of the longer side."""
    left, above, below, right = (round(share * max(picture.shape[:2])) for share in rims)
    return cv2.copyMakeBorder(
        picture, above, below, left, right, cv2.BORDER_CONSTANT, value=[float(c) for c in colour]
    )


def _placed(
    body: np.ndarray, behind: np.ndarray, rng: np.random.Generator, round_corners: bool = False
) -> np.ndarray:
    """The body in front of what is behind it, turned and tilted, mostly so near that few rims are seen."""
    height, width = body.shape[:2]
    rows, columns = behind.shape[:2]
    if rng.random() < 0.15:  # a phone held across
        body = np.rot90(body)
        height, width = width, height
    fits = min(columns / width, rows / height)
    covers = max(columns / width, rows / height)
    farthest, nearest = math.log(0.75 * fits), math.log(1.15 * covers)
    scale = math.exp(farthest + (nearest - farthest) * math.sqrt(rng.random()))
    turn = math.radians(rng.normal(0, 4))
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    corners = scale * (source - [width / 2, height / 2]) @ spin.T * (1 + rng.normal(0, 0.03, (4, 1)))
    room = np.abs([columns - scale * width, rows - scale * height]) / 2 + 0.03 * LONGER
    corners += [columns / 2, rows / 2] + rng.uniform(-1, 1, 2) * np.minimum(room, 0.3 * LONGER)
    view = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    mask = _rounded(height, width, int(0.06 * min(height, width)) if round_corners else 0)
    inside = cv2.warpPerspective(mask, view, (columns, rows), flags=cv2.INTER_LINEAR)[..., None]
    seen = cv2.warpPerspective(np.ascontiguousarray(body), view, (columns, rows), flags=cv2.INTER_LINEAR)
    return behind * (1 - inside) + seen * inside


def _rounded(height: int, width: int, radius: int) -> np.ndarray:
    """(height, width) 1 inside a rectangle with round corners, 0 beyond them."""
    mask = np.zeros((height, width), np.float32)
    cv2.rectangle(mask, (radius, 0), (width - radius, height), 1, -1)
    cv2.rectangle(mask, (0, radius), (width, height - radius), 1, -1)
    for x in (radius, width - radius):
        for y in (radius, height - radius):
            cv2.circle(mask, (x, y), radius, 1, -1)
    return mask


def _dimmed(around: np.ndarray, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Out of focus, and darker or not, beside what is photographed."""
    blurred = cv2.GaussianBlur(around, (0, 0), rng.uniform(0.5, 8))
    return blurred * np.float32(np.exp(rng.uniform(math.log(low), math.log(high))))


def _gradient(shape: tuple[int, ...], most: float, rng: np.random.Generator) -> np.ndarray:
    """(h, w, 1) factors of light that falls off to one side by up to `most`."""
    angle, fall = rng.uniform(0, 2 * math.pi), rng.uniform(0, most)
    y = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None]
    slope = x * math.cos(angle) + y * math.sin(angle)
    return (1 - fall * (slope + 0.5))[..., None].astype(np.float32)


def _reflecting(seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """At times with the soft spot of a lamp or a window in its glass."""
    if rng.random() > 0.3:
        return seen
    rows, columns = seen.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    size = rng.uniform(0.03, 0.2, 2) * LONGER
    centre = rng.random(2) * (rows, columns)
    spot = np.exp(-(((y - centre[0]) / size[0]) ** 2) - ((x - centre[1]) / size[1]) ** 2)
    return seen + (spot * rng.uniform(0.05, 0.6))[..., None].astype(np.float32)


def _shaped(photo: np.ndarray, aspect: float, rng: np.random.Generator) -> np.ndarray:
    """The largest part of that width / height at random, LONGER on its longer side."""
    rows, columns = photo.shape[:2]
    width, height = min(columns, int(rows * aspect)), min(rows, int(columns / aspect))
    top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
    size = (LONGER, int(LONGER / aspect)) if aspect >= 1 else (int(LONGER * aspect), LONGER)
    part = photo[top : top + height, left : left + width]
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA)


def _to_bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
