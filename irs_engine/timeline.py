"""A video as a picture: a strip of its frames, and below it, on the same axis, when its tags are seen."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageOps

from irs_engine.draw import COLORS, FAINT, INK, PAPER, TRACK, between, drawable, rounded, write
from irs_engine.results import clock

if TYPE_CHECKING:
    from irs_engine.results import VideoResult, VideoTag

WIDTH, MARGIN, NAMES = 1600, 40, 300  # pixels of the drawing; the column of names
STRIP = 150  # the frames are scaled to this height
ROW, BAR = 44, 16
MOST_ROWS = 24
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)  # seconds between two ticks


def draw_timeline(result: VideoResult) -> Image.Image:
    """The darker a bar, the more confident is what is seen there; a line marks the beginning of a scene."""
    left, right = MARGIN + NAMES, WIDTH - MARGIN
    strip, axis = MARGIN, MARGIN + STRIP + 12
    rows = result.tags[:MOST_ROWS]
    top = axis + 44
    sheet = Image.new("RGB", (WIDTH, top + max(1, len(rows)) * ROW + MARGIN), PAPER)
    _draw_frames(sheet, result, (left, strip, right, strip + STRIP))
    scale = (right - left) / max(result.duration, 1e-3)
    draw = ImageDraw.Draw(sheet)
    for start in result.scenes[1:]:
        x = round(left + start * scale)
        draw.line((x, axis, x, sheet.height - MARGIN), TRACK, 2)
    _draw_axis(sheet, result.duration, (left, axis, right))
    write(sheet, (MARGIN, strip), f"{result.size[0]} x {result.size[1]}", 18, FAINT)
    write(sheet, (MARGIN, strip + 26), clock(result.duration), 18, FAINT)
    write(sheet, (MARGIN, strip + 52), f"{len(result.scenes)} scenes", 18, FAINT)
    write(sheet, (MARGIN, strip + 78), f"{len(result.frames)} frames looked at", 18, FAINT)
    for number, tag in enumerate(rows):
        _draw_row(sheet, tag, (left, top + number * ROW, right), scale)
    if not rows:
        write(sheet, (left, top), "no tag above the threshold", 18, FAINT)
    if hidden := len(result.tags) - len(rows):
        write(sheet, (left, sheet.height - MARGIN + 8), f"+ {hidden} more", 16, FAINT)
    return sheet


def _draw_frames(sheet: Image.Image, result: VideoResult, place: tuple[int, int, int, int]) -> None:
    """Side by side over the whole axis: of each slot the picture that is next in time to its middle."""
    left, top, right, bottom = place
    width = min(max(result.size[0] / result.size[1], 0.5), 1.1) * (bottom - top)  # of wide ones, the middle
    count = max(1, round((right - left) / width))
    for number in range(count if result.pictures else 0):
        begin, end = (round(left + (right - left) * n / count) for n in (number, number + 1))
        middle = (number + 0.5) / count * result.duration
        _, data = min(result.pictures, key=lambda picture: abs(picture[0] - middle))
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        slot = (end - begin, bottom - top)
        sheet.paste(ImageOps.fit(picture, slot, Image.Resampling.BICUBIC), (begin, top))


def _draw_axis(sheet: Image.Image, duration: float, place: tuple[int, int, int]) -> None:
    left, top, right = place
    step = next((step for step in STEPS if duration / step <= 12), STEPS[-1])
    draw = ImageDraw.Draw(sheet)
    for number in range(int(duration / step) + 1):
        x = left + (right - left) * number * step / max(duration, 1e-3)
        draw.line((x, top, x, top + 6), FAINT, 2)
        write(sheet, (x + 5, top + 1), clock(number * step), 15, FAINT)


def _draw_row(sheet: Image.Image, tag: VideoTag, place: tuple[int, int, int], scale: float) -> None:
    left, top, right = place
    write(sheet, (MARGIN, top), drawable(tag.name, tag.en), 20, INK, room=NAMES - 70)
    write(sheet, (left - 20, top), f"{tag.confidence:.0f}", 20, INK, anchor="ra")
    middle = top + 5
    rounded(sheet, (left, middle, right, middle + BAR), TRACK, 5)
    for interval in tag.intervals:
        begin = left + interval.start * scale
        end = max(begin + 4, left + interval.end * scale)
        color = between(TRACK, COLORS.get(tag.kind, FAINT), 0.25 + 0.75 * interval.confidence / 100)
        rounded(sheet, (begin, middle, min(end, right), middle + BAR), color, 5)
