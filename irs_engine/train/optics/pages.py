"""Pages of text and pictures: documents on paper, and what displays show all day."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPERS = ((255, 255, 255), (255, 255, 255), (248, 246, 240), (32, 33, 36), (18, 18, 18), (240, 244, 250))
ACCENTS = ((26, 115, 232), (52, 168, 83), (234, 67, 53), (255, 193, 7), (120, 80, 200))
LETTERS = "aaabcdeeeefghiiijklmnooopqrrssstttuuvwxyz"


def page_scene(photo: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side, 3) RGB uint8: columns of text with headings, rules, buttons and small photos."""
    paper = PAPERS[rng.integers(len(PAPERS))]
    ink = (225, 225, 225) if sum(paper) < 200 else (30, 30, 30)
    page = Image.new("RGB", (side, side), paper)
    pen = ImageDraw.Draw(page)
    size = int(np.exp(rng.uniform(np.log(11), np.log(40))))
    columns = int(rng.integers(1, 4))
    width = side // columns
    for column in range(columns):
        left, y = column * width + size, int(rng.uniform(0, 2 * size))
        while y < side:
            y += _add(page, pen, photo, (left, y, width - 2 * size), size, ink, rng)
    return np.asarray(page)


def _add(
    page: Image.Image,
    pen: ImageDraw.ImageDraw,
    photo: np.ndarray,
    place: tuple[int, int, int],
    size: int,
    ink: tuple[int, int, int],
    rng: np.random.Generator,
) -> int:
    """One thing at (left, top, width); the height that it took."""
    left, top, width = place
    accent = ACCENTS[rng.integers(len(ACCENTS))]
    kind = rng.random()
    if kind < 0.12:
        height = int(width * rng.uniform(0.3, 0.8))
        page.paste(Image.fromarray(photo).resize((max(1, width), max(1, height))), (left, top))
        return height + size
    if kind < 0.2:
        pen.rounded_rectangle(
            [left, top, left + width * rng.uniform(0.2, 0.6), top + 2 * size], size // 2, accent
        )
        return 3 * size
    if kind < 0.3:
        pen.line([left, top, left + width, top], ink, int(rng.integers(1, 4)))
        return size
    heading = kind < 0.42
    font = ImageFont.load_default(size * 2 if heading else size)
    for line in range(1 if heading else int(rng.integers(2, 9))):
        text = _words(rng)
        while font.getlength(text) < width * rng.uniform(0.6, 1):
            text += " " + _words(rng)
        pen.text((left, top + int(1.5 * size * line)), text, accent if heading else ink, font)
    return (4 if heading else int(1.5 * (line + 2))) * size


def _words(rng: np.random.Generator) -> str:
    letters = rng.choice(list(LETTERS), rng.integers(2, 10))
    word = "".join(letters)
    return word.capitalize() if rng.random() < 0.2 else word
