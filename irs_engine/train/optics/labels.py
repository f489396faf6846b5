"""Product and shipping labels with barcodes, as their own printers make them, lying in front of a photo.

A label is a print already when it is photographed the first time: its bars have dots or ragged edges, its
pictures may have a rosette. What it never has is a screen inside its bars or over its quiet zone.
"""

from __future__ import annotations

import math
import string

import cv2
import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

CODES = (
    "EAN13",
    "EAN13",
    "EAN8",
    "UPCA",
    "Code128",
    "Code128",
    "Code39",
    "ITF",
    "QRCode",
    "DataMatrix",
    "PDF417",
)
WORDS = (
    "MODEL",
    "S/N",
    "IMEI",
    "QTY",
    "COLOR",
    "Made in",
    "NET WT",
    "LOT",
    "EXP",
    "Type",
    "Input",
    "5V 2A",
    "Black",
    "Premium",
    "FRAGILE",
    "No.",
    "Ref",
    "DATE",
    "250 g",
    "Size M",
    "100% cotton",
    "SHIP TO",
    "Warning:",
    "EAC",
)
BACKS = (
    (255, 255, 255),
    (250, 250, 245),
    (255, 255, 255),
    (205, 170, 125),
    (255, 221, 60),
    (225, 228, 232),
    (30, 30, 34),
    (230, 80, 60),
    (90, 140, 210),
)


def label_scene(photo: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side, 3) RGB uint8: a label that covers most of a photo's middle."""
    scene = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    label = draw_label(photo, int(side * rng.uniform(0.7, 1.15)), rng)
    height, width = label.shape[:2]
    turn = math.radians(rng.normal(0, 8) + 90 * rng.integers(4) * (rng.random() < 0.3))
    corners = (
        np.array([[-width, -height], [width, -height], [width, height], [-width, height]], np.float32) / 2
    )
    turned = corners @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    turned = turned * rng.uniform(0.92, 1.08, (4, 1)) + side / 2 + rng.uniform(-0.1, 0.1, 2) * side
    warp = cv2.getPerspectiveTransform(
        (corners + np.array([width / 2, height / 2])).astype(np.float32), turned.astype(np.float32)
    )
    over = cv2.warpPerspective(
        label, warp, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), warp, (side, side))[..., None] / 255.0
    return (scene * (1 - mask) + over * mask).astype(np.uint8)


def draw_label(photo: np.ndarray, width: int, rng: np.random.Generator) -> np.ndarray:
    """(height, width, 3) RGB uint8: codes, words, lines, perhaps a picture, as printers of labels do."""
    height = int(width * rng.uniform(0.5, 1.1))
    back = np.array(BACKS[rng.integers(len(BACKS))], np.float64) * rng.uniform(0.92, 1)
    sheet = Image.new("RGB", (width, height), tuple(back.astype(int).tolist()))
    pen = ImageDraw.Draw(sheet)
    dark = back.mean() < 100
    ink = (240, 240, 240) if dark else tuple(int(v) for v in rng.integers(0, 50, 3) * (rng.random() < 0.4))
    if rng.random() < 0.35:
        _add_picture(sheet, photo, rng)
    for _ in range(rng.integers(3, 14)):
        _add_words(pen, width, height, ink, rng)
    for _ in range(rng.integers(0, 5)):
        _add_line(pen, width, height, ink, rng)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        _add_code(sheet, rng)
    return _printed(np.asarray(sheet), rng)


def draw_code(rng: np.random.Generator) -> np.ndarray:
    """(h, w) uint8, one pixel a module, of a random code in a random symbology."""
    kind = CODES[rng.integers(len(CODES))]
    digits = "".join(rng.choice(list(string.digits), 14))
    text = "".join(rng.choice(list(string.ascii_uppercase + string.digits), rng.integers(6, 14)))
    content = {"EAN13": digits[:12], "EAN8": digits[:7], "UPCA": digits[:11], "ITF": digits}.get(kind, text)
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    return np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=True))


def _add_code(sheet: Image.Image, rng: np.random.Generator) -> None:
    modules = draw_code(rng)
    width, height = sheet.size
    scale = max(1.0, rng.uniform(0.3, 0.75) * width / modules.shape[1])
    if modules.shape[0] > 0.4 * modules.shape[1]:  # two-dimensional, or nearly
        scale = max(1.0, min(scale, 0.6 * height / modules.shape[0]))
        shape = int(modules.shape[1] * scale), int(modules.shape[0] * scale)
    else:
        shape = int(modules.shape[1] * scale), int(height * rng.uniform(0.12, 0.4))
    image = Image.fromarray(modules).resize(shape, Image.Resampling.NEAREST).convert("RGB")
    if rng.random() < 0.15:
        image = image.rotate(90, expand=True)
    sheet.paste(image, _somewhere(width - image.width, height - image.height, rng))


def _add_words(
    pen: ImageDraw.ImageDraw, width: int, height: int, ink: tuple, rng: np.random.Generator
) -> None:
    size = max(9, int(height * np.exp(rng.uniform(np.log(0.02), np.log(0.12)))))
    words = [str(rng.choice(WORDS)) for _ in range(rng.integers(1, 4))] + [str(rng.integers(10**6))]
    pen.text(
        _somewhere(int(width * 0.8), height - size, rng), " ".join(words), ink, ImageFont.load_default(size)
    )


def _add_line(
    pen: ImageDraw.ImageDraw, width: int, height: int, ink: tuple, rng: np.random.Generator
) -> None:
    x, y = _somewhere(width // 2, height, rng)
    if rng.random() < 0.5:
        pen.line([x, y, x + width * rng.uniform(0.2, 1), y], ink, int(rng.integers(1, 6)))
    else:
        pen.rectangle(
            [x, y, x + width * rng.uniform(0.1, 0.6), y + height * rng.uniform(0.05, 0.4)], None, ink, 3
        )


def _add_picture(sheet: Image.Image, photo: np.ndarray, rng: np.random.Generator) -> None:
    """Offset print: clustered dots at four angles, where the picture is and nowhere else."""
    width, height = (int(side * rng.uniform(0.3, 0.9)) for side in sheet.size)
    art = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    if rng.random() < 0.7:
        y, x = np.mgrid[:height, :width].astype(np.float32) * (2 * math.pi / rng.uniform(3, 7))
        for colour, angle in enumerate((0.26, 1.31, 0.0)):
            spot = np.cos(math.cos(angle) * x + math.sin(angle) * y) + np.cos(
                math.cos(angle) * y - math.sin(angle) * x
            )
            art[..., colour] = np.clip((art[..., colour] - 0.5 + spot / 4) * 2 + 0.5, 0, 1)
    sheet.paste(
        Image.fromarray((art * 255).astype(np.uint8)),
        _somewhere(sheet.width - width, sheet.height - height, rng),
    )


def _somewhere(width: int, height: int, rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.uniform(0, max(1, width))), int(rng.uniform(0, max(1, height)))


def _printed(sheet: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink that spreads, or the square dots of a thermal head with dots that are missing."""
    way = rng.random()
    if way < 0.35:
        dot = int(rng.integers(2, 5))
        small = cv2.resize(sheet, None, fx=1 / dot, fy=1 / dot, interpolation=cv2.INTER_NEAREST)
        small[:, rng.random(small.shape[1]) < 0.003] = 255
        return cv2.resize(small, sheet.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    if way < 0.7:
        spread = cv2.erode(sheet, np.ones((3, 3), np.uint8)) if rng.random() < 0.5 else sheet
        ragged = cv2.GaussianBlur(spread, (0, 0), rng.uniform(0.5, 1.5)).astype(np.float32)
        ragged += cv2.GaussianBlur(rng.normal(0, 60, sheet.shape[:2]).astype(np.float32), (0, 0), 1.2)[
            ..., None
        ]
        return np.clip((ragged - 128) * 2.5 + 128, 0, 255).astype(np.uint8)
    return sheet
