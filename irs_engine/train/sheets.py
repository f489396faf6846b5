"""Sheets of small photos with what was found in them: what a training shows beside its figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from irs_engine.draw import font_for  # Chinese too, where a font for it is installed
from irs_engine.train.own_files import part_of, put_in_place

ACROSS, DOWN = 4, 3  # photos on a sheet
MOST = ACROSS * DOWN
WIDTH, HEIGHT = 320, 240  # of a tile, in pixels
TEXT = 13
TRUTH, RIGHT, WRONG = "#a8a8ac", "#12a977", "#e5484d"


class Tile:
    """A photo, (h, w, 3) uint8, made to fit."""

    def __init__(self, pixels: np.ndarray):
        photo = Image.fromarray(pixels)
        self.scale = min(WIDTH / photo.width, HEIGHT / photo.height)
        width, height = (max(1, round(side * self.scale)) for side in photo.size)
        self.shift = (WIDTH - width) // 2
        self.picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
        small = photo.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        self.picture.paste(small, (self.shift, 0))

    def frame(self, box: Sequence[float], color: str, text: str = "") -> None:
        """Around left, top, right, bottom in pixels of the photo; the text above, or inside at the edge."""
        left, top, right, bottom = (value * self.scale for value in box)
        left, right = left + self.shift, right + self.shift
        ImageDraw.Draw(self.picture).rectangle((left, top, right, bottom), outline=color, width=2)
        if text:
            self._chip(left, top - TEXT - 4 if top >= TEXT + 4 else top, text, color)

    def caption(self, text: str, color: str) -> None:
        """What the whole photo is said to be."""
        ImageDraw.Draw(self.picture).rectangle((0, 0, WIDTH - 1, HEIGHT - 1), outline=color, width=4)
        self._chip(4, 4, text, color)

    def _chip(self, left: float, top: float, text: str, color: str) -> None:
        draw, font = ImageDraw.Draw(self.picture), font_for(text, TEXT)
        width = font.getlength(text) + 6
        left = max(0, min(left, WIDTH - width))
        draw.rectangle((left, top, left + width, top + TEXT + 4), fill=color)
        draw.text((left + 3, top), text, "white", font)


def write_sheet(tiles: Sequence[Tile], path: Path) -> Path:
    """Up to MOST of them as one picture."""
    rows = -(-min(len(tiles), MOST) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * WIDTH, rows * HEIGHT), "white")
    for number, tile in enumerate(tiles[:MOST]):
        sheet.paste(tile.picture, (number % ACROSS * WIDTH, number // ACROSS * HEIGHT))
    sheet.save(part_of(path))
    put_in_place(path)
    return path
