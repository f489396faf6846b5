"""People as they are drawn on building sites: clothes, a pose, and a head with or without a helmet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

CLASSES = ("helmet", "bare head")
HELMETS = ((248, 200, 20), (240, 240, 238), (206, 38, 36), (28, 92, 184))
SKINS = ((244, 208, 178), (224, 172, 134), (186, 128, 92), (128, 84, 58), (88, 58, 42))
HAIRS = ((36, 28, 24), (84, 54, 32), (150, 104, 54), (214, 180, 110), (150, 150, 152))
VESTS = ((250, 120, 20), (205, 230, 40), (60, 80, 110), (180, 60, 50), (120, 125, 130))
CLOTHS = ((50, 66, 100), (88, 84, 76), (120, 104, 74), (60, 62, 66), (160, 158, 150))

Color = tuple[int, int, int]
Point = tuple[float, float]


def mixed(first: Color, second: Color, share: float) -> Color:
    """A colour on the way from one to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


class Pen:
    """Draws in a unit of its own, from an origin; y goes down. Remembers how far shapes have reached.

    Args:
        origin, unit: In pixels of the sheet.
        turn: Radians, clockwise, around the origin.
        side: -1 draws mirrored.
    """

    def __init__(self, sheet: Image.Image, origin: Point, unit: float, turn: float = 0.0, side: int = 1):
        self.sheet, self.origin, self.unit, self.turn, self.side = sheet, origin, unit, turn, side
        self.reached: list[Point] = []
        self._draw = ImageDraw.Draw(sheet)

    def at(self, x: float, y: float) -> Point:
        """Pixels of a point."""
        x, c, s = x * self.side, np.cos(self.turn), np.sin(self.turn)
        return (self.origin[0] + self.unit * (c * x - s * y), self.origin[1] + self.unit * (s * x + c * y))

    def moved(self, x: float, y: float, turn: float, side: int) -> Pen:
        """Another pen with its origin there."""
        return Pen(self.sheet, self.at(x, y), self.unit, turn, side)

    def shape(self, points: Sequence[Point], color: Color) -> None:
        pixels = [self.at(*point) for point in points]
        self.reached += pixels
        self._draw.polygon(pixels, color)

    def box(self, sides: tuple[float, float, float, float], color: Color) -> None:
        left, top, right, bottom = sides
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], color)

    def oval(
        self, centre: Point, radii: Point, color: Color, start: float = 0.0, end: float = 2 * np.pi
    ) -> None:
        """A whole one, or the part between two angles, clockwise from the right."""
        angles = np.linspace(start, end, 32)
        x, y = centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)
        self.shape(list(zip(x.tolist(), y.tolist(), strict=True)), color)

    def line(self, points: Sequence[Point], width: float, color: Color) -> None:
        """With round ends where it is thick."""
        pixels = [self.at(*point) for point in points]
        thick = max(1, round(width * self.unit))
        self._draw.line(pixels, color, thick, "curve")
        if thick > 5:
            for x, y in pixels:
                r = thick / 2
                self._draw.ellipse((x - r, y - r, x + r, y + r), color)


def draw_worker(pen: Pen, rng: np.random.Generator, label: int) -> tuple[float, float, float, float]:
    """Somebody seven heads tall, the feet at the pen's origin; the box of the head in pixels of the sheet."""
    skin, cloth, shirt, vest, hair = (
        mixed(colors[rng.integers(len(colors))], (128, 128, 128), rng.uniform(0, 0.15))
        for colors in (SKINS, CLOTHS, CLOTHS, VESTS, HAIRS)
    )
    facing = float(rng.uniform(-1, 1))  # where the nose points; 2 is away
    if rng.random() < 0.2:
        facing = 2.0
    pen.oval((0.3, 0), (1.5, 0.22), (72, 64, 54))
    lean, step = rng.uniform(-0.15, 0.15), rng.uniform(0.25, 0.7)
    for side in (-1, 1):  # legs and boots
        foot = side * step
        pen.line([(side * 0.32, -3.3), (side * 0.38 + 0.3 * foot, -1.7), (foot, -0.25)], 0.62, cloth)
        pen.oval((foot + 0.12, -0.14), (0.42, 0.2), (58, 44, 34))
    _arms(pen, rng, shirt, skin, lean)
    if rng.random() < 0.3:  # long hair
        pen.shape([(lean - 0.44, -6.5), (lean + 0.44, -6.5), (lean + 0.56, -5.2), (lean - 0.56, -5.2)], hair)
    pen.line([(lean, -5.7), (lean, -6.2)], 0.42, mixed(skin, (60, 40, 30), 0.25))
    pen.shape(
        [
            (lean - 0.95, -5.55),
            (lean - 0.5, -5.85),
            (lean + 0.5, -5.85),
            (lean + 0.95, -5.55),
            (0.68, -3.1),
            (-0.68, -3.1),
        ],
        vest,
    )
    if rng.random() < 0.7:
        _stripes(pen, lean)
    head = pen.moved(lean, -6.05, rng.uniform(-0.22, 0.22), 1 if facing > 0 else -1)
    _face(head, skin, hair, abs(facing))
    if label == 0:
        _helmet(head, rng, abs(facing))
    else:
        _hair(head, rng, hair, skin, abs(facing))
    x, y = np.array(head.reached).T
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _arms(pen: Pen, rng: np.random.Generator, shirt: Color, skin: Color, lean: float) -> None:
    for side in (-1, 1):
        reach, rise = rng.uniform(0.1, 1.3), rng.uniform(-1.2, 1.9) if rng.random() < 0.4 else 1.6
        shoulder, elbow = (lean + side * 0.82, -5.4), (side * (1.0 + 0.45 * reach), -4.5)
        hand = (elbow[0] + side * (0.5 * reach - 0.2), elbow[1] + 0.75 * rise)
        pen.line([shoulder, elbow, hand], 0.46, shirt)
        pen.oval(hand, (0.24, 0.24), skin)
        tool = rng.random()
        if tool < 0.12:  # a shovel
            pen.line([(hand[0], hand[1] - 1.2), (hand[0] + 0.2, hand[1] + 2.4)], 0.12, (120, 84, 50))
        elif tool < 0.2:  # a plank
            pen.line([(hand[0] - 2.6, hand[1] - 0.3), (hand[0] + 2.6, hand[1] + 0.1)], 0.3, (196, 156, 104))
        elif tool < 0.28:  # a plan
            pen.box((hand[0] - 0.6, hand[1] - 0.5, hand[0] + 0.7, hand[1] + 0.4), (236, 240, 244))


def _stripes(pen: Pen, lean: float) -> None:
    for y in (-4.5, -3.8):
        pen.line([(-0.68 + 0.4 * lean, y), (0.68 + 0.4 * lean, y)], 0.2, (226, 228, 222))
    for side in (-0.45, 0.45):
        pen.line([(lean + side, -5.6), (0.5 * lean + side, -4.5)], 0.18, (226, 228, 222))


# Heads: the chin at the pen's origin, the crown one unit above; the nose to the right.


def _face(pen: Pen, skin: Color, hair: Color, facing: float) -> None:
    away = facing > 1
    pen.oval((0, -0.5), (0.4, 0.5), hair if away else skin)
    if away:
        pen.oval((0, -0.08), (0.26, 0.12), skin)
        return
    pen.oval((-0.14, -0.46), (0.26, 0.42), mixed(skin, (70, 40, 30), 0.12))  # the shaded cheek
    pen.oval((0.04, -0.48), (0.34, 0.44), skin)
    pen.oval((0.1 - 0.46 * (1 - 0.4 * facing), -0.46), (0.07, 0.12), mixed(skin, (120, 50, 40), 0.25))
    dark, turn = (40, 30, 28), 0.22 * facing
    for eye in (-0.15, 0.15):
        pen.oval((turn + eye, -0.54), (0.075, 0.045), (245, 245, 240))
        pen.oval((turn + eye + 0.02 * facing, -0.54), (0.036, 0.042), dark)
        pen.line([(turn + eye - 0.08, -0.64), (turn + eye + 0.08, -0.64)], 0.04, mixed(hair, dark, 0.4))
    pen.shape(
        [(turn, -0.52), (turn + 0.05 + 0.1 * facing, -0.34), (turn - 0.04, -0.33)],
        mixed(skin, (120, 60, 45), 0.3),
    )
    pen.line([(turn - 0.1, -0.2), (turn + 0.02, -0.17), (turn + 0.12, -0.21)], 0.04, (140, 60, 56))


def _helmet(pen: Pen, rng: np.random.Generator, facing: float) -> None:
    color = mixed(HELMETS[rng.integers(len(HELMETS))], (128, 128, 128), rng.uniform(0, 0.12))
    dark, bright = mixed(color, (20, 20, 25), 0.3), mixed(color, (255, 255, 255), 0.6)
    profile = min(facing, 1)
    if rng.random() < 0.3:
        pen.line([(-0.34, -0.7), (-0.1, -0.04), (0.25 * profile + 0.1, -0.02)], 0.035, (50, 50, 50))
    pen.oval((0, -0.7), (0.5, 0.52), color, np.pi, 2 * np.pi)
    pen.oval((-0.16, -0.7), (0.34, 0.46), mixed(color, dark, 0.35), np.pi, 1.5 * np.pi)
    ridge = 0.16 * profile
    pen.oval((ridge, -0.72), (0.1, 0.5), mixed(color, bright, 0.45), np.pi, 2 * np.pi)
    pen.oval((0.2, -0.98), (0.09, 0.11), bright)
    front = 0.2 * profile if facing <= 1 else 0.0
    pen.oval((0.5 * front, -0.69), (0.53 + 0.6 * front, 0.085), dark)
    pen.oval((0.5 * front, -0.715), (0.53 + 0.6 * front, 0.07), color)
    if rng.random() < 0.2:  # ear protection
        pen.oval((-0.38 + 0.2 * profile, -0.48), (0.13, 0.18), (40, 44, 50))


def _hair(pen: Pen, rng: np.random.Generator, hair: Color, skin: Color, facing: float) -> None:
    if facing > 1:
        pen.oval((0, -0.6), (0.43, 0.45), hair)
        pen.oval((0.1, -0.8), (0.16, 0.12), mixed(hair, (255, 255, 255), 0.15))
        return
    style = rng.random()
    if style < 0.15:  # bald
        pen.oval((0.12, -0.86), (0.12, 0.08), mixed(skin, (255, 255, 255), 0.4))
        return
    line = -0.7 - 0.1 * rng.random()
    pen.shape(
        [
            (-0.44, -0.45),
            *[(0.44 * np.cos(a), -0.6 + 0.47 * np.sin(a)) for a in np.linspace(np.pi, 2 * np.pi, 20)],
            (0.4, line),
            (0.15, line - 0.08),
            (-0.2 + 0.2 * facing, line + 0.02),
            (-0.3, -0.5),
        ],
        hair,
    )
    pen.oval((0.08, -0.94), (0.18, 0.07), mixed(hair, (255, 255, 255), 0.18))
    if style > 0.8:  # a beard
        pen.oval((0.08, -0.14), (0.27, 0.16), mixed(hair, skin, 0.15), 0.0, np.pi)
