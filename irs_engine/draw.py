"""Results as pictures: boxes around things, tags as bars of confidence, crops that show a recapture."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from irs_engine.image import read_rgb

if TYPE_CHECKING:
    from irs_engine.image import ImageInput
    from irs_engine.results import Box, DetectionResult, RecaptureResult, Tag, TaggingResult

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
    Rectangle = tuple[float, float, float, float]  # left, top, right, bottom

PHOTO = (960, 720)  # the photo is scaled into this; all sizes are in pixels of the drawing
MARGIN, COLUMN, ROW, BAR = 40, 400, 62, 8
PAPER, INK, FAINT, TRACK = "#ffffff", "#1d1d1f", "#86868b", "#ececf0"
COLORS = {"object": "#2f7cf6", "scene": "#12a977", "concept": "#f0932b"}
HUES = ("#2f7cf6", "#12a977", "#f0932b", "#e5484d", "#8e4ec6", "#0090a8", "#b8860b", "#d6409f")
ORIGINAL, RECAPTURED = "#12a977", "#e5484d"
CJK_FONTS = """NotoSansCJK-Regular.ttc NotoSansCJKsc-Regular.otf NotoSansSC-Regular.otf NotoSansSC[wght].ttf
    SourceHanSansSC-Regular.otf wqy-microhei.ttc wqy-zenhei.ttc DroidSansFallbackFull.ttf PingFang.ttc
    msyh.ttc simhei.ttf simsun.ttc""".split()


def draw_tags(image: ImageInput, result: TaggingResult) -> Image.Image:
    """The photo with boxes, and the panel of tags: to its right, or below it where the photo is very wide."""
    photo, scale = _scaled_photo(image, result.size)
    width, height = photo.size
    for tag in reversed(result.tags):  # the most confident on top
        for instance in reversed(tag.instances):
            name = drawable(tag.name, tag.en)
            _draw_box(photo, instance.box, scale, name, COLORS.get(tag.kind, FAINT))

    beside = width < 2 * height
    if beside:
        columns, rows = 1, max(4, (height - ROW // 2) // ROW)
        size = (width + COLUMN + 3 * MARGIN, max(height, rows * ROW + ROW // 2) + 2 * MARGIN)
        origin = (width + 2 * MARGIN, MARGIN)
    else:
        columns = max(1, (width + MARGIN) // (COLUMN * 2 // 3 + MARGIN))
        rows = min(5, max(1, math.ceil(len(result.tags) / columns)))
        size = (max(width, COLUMN) + 2 * MARGIN, height + rows * ROW + ROW // 2 + 3 * MARGIN)
        origin = (MARGIN, height + 2 * MARGIN)
    sheet = Image.new("RGB", size, PAPER)
    top = (size[1] - height) // 2 if beside else MARGIN
    sheet.paste(photo, (MARGIN, top), _rounded_mask(photo.size, 14))
    _draw_panel(sheet, result, origin, columns, rows)
    return sheet


def draw_objects(image: ImageInput, result: DetectionResult) -> Image.Image:
    """The photo with a box around each thing, its name and confidence; each kind of thing has its colour."""
    photo, scale = _scaled_photo(image, result.size)
    ids = sorted({thing.id for thing in result.objects})
    for thing in reversed(result.objects):  # the most confident on top
        color = HUES[ids.index(thing.id) % len(HUES)]
        _draw_box(photo, thing.box, scale, f"{thing.en} {thing.confidence:.0f}", color)
    return photo


def draw_recapture(image: ImageInput, result: RecaptureResult) -> Image.Image:
    """The photo with the crops that were looked at, and a line that says what was found."""
    photo, scale = _scaled_photo(image, result.size)
    for crop in result.crops:
        recaptured = crop.screen + crop.print
        color = between(ORIGINAL, RECAPTURED, recaptured)
        kind = "original" if recaptured < 0.5 else "screen" if crop.screen > crop.print else "print"
        text = f"{kind} {100 * (1 - recaptured if kind == 'original' else getattr(crop, kind)):.0f}"
        _draw_box(photo, crop.box, scale, text, color)
    words = {"true": "original", "false": "recaptured", "uncertainty": "uncertain"}[result.suggestion]
    line = f"{words}   screen {100 * result.screen:.1f}   print {100 * result.print:.1f}   {result.reason}"
    sheet = Image.new("RGB", (photo.width + 2 * MARGIN, photo.height + 2 * MARGIN + ROW // 2), PAPER)
    sheet.paste(photo, (MARGIN, MARGIN), _rounded_mask(photo.size, 14))
    write(sheet, (MARGIN, photo.height + MARGIN + 14), line, 22, INK, room=photo.width)
    return sheet


def _scaled_photo(image: ImageInput, size: tuple[int, int]) -> tuple[Image.Image, float]:
    """The photo, of that size as shown, scaled into PHOTO, and by how much."""
    photo = Image.fromarray(read_rgb(image, at_least=min(PHOTO)).pixels)
    scale = min(PHOTO[0] / size[0], PHOTO[1] / size[1], 4)
    width, height = (max(1, round(side * scale)) for side in size)
    return photo.resize((width, height), Image.Resampling.LANCZOS), scale


def between(first: str, second: str, share: float) -> str:
    """A colour on the way from one to the other, both as #rrggbb."""
    ends = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in (first, second)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*ends, strict=True))


def _draw_panel(
    sheet: Image.Image, result: TaggingResult, origin: tuple[int, int], columns: int, rows: int
) -> None:
    left, top = origin
    step = (sheet.width - left) / columns
    for i, tag in enumerate(result.tags[: columns * rows]):
        x, y = left + i // rows * step, top + i % rows * ROW
        _draw_row(sheet, tag, (x, y, x + step - MARGIN, y + ROW))
    if not result.tags:
        write(sheet, origin, "no tag above the threshold", 18, FAINT)
    hidden = len(result.tags) - columns * rows
    x, y = float(left), top + min(rows, len(result.tags)) * ROW + 6
    for kind in dict.fromkeys(tag.kind for tag in result.tags):
        rounded(sheet, (x, y + 5, x + 10, y + 15), COLORS.get(kind, FAINT))
        x = 26 + write(sheet, (x + 18, y), kind, 16, FAINT)
    if hidden > 0:
        write(sheet, (x, y), f"+ {hidden} more", 16, FAINT)


def _draw_row(sheet: Image.Image, tag: Tag, place: Rectangle) -> None:
    left, top, right, _ = place
    write(sheet, (right, top), f"{tag.confidence:.0f}", 22, INK, anchor="ra")
    end = write(sheet, (left, top), drawable(tag.name, tag.en), 22, INK, room=right - left - 50)
    category = drawable(tag.category_name, tag.category.en)
    if category != tag.name and right - end > 150:
        write(sheet, (end + 12, top + 6), category, 15, FAINT)
    bar = (left, top + 34, right, top + 34 + BAR)
    rounded(sheet, bar, TRACK)
    length = max(BAR, (right - left) * tag.confidence / 100)
    rounded(sheet, (left, bar[1], left + length, bar[3]), COLORS.get(tag.kind, FAINT))


def _draw_box(photo: Image.Image, box: Box, scale: float, text: str, color: str) -> None:
    left, top = box.left * scale, box.top * scale
    right, bottom = left + box.width * scale, top + box.height * scale
    ImageDraw.Draw(photo).rounded_rectangle((left, top, right, bottom), 8, outline=color, width=3)
    _chip(photo, (left, top - 24 if top >= 24 else top), text, color)  # above the box, or inside at the edge


def _chip(photo: Image.Image, at: tuple[float, float], text: str, color: str) -> None:
    left, top = at
    rounded(photo, (left, top, left + font_for(text, 16).getlength(text) + 16, top + 24), color, 6)
    write(photo, (left + 8, top + 2), text, 16, PAPER)


def write(
    sheet: Image.Image,
    at: tuple[float, float],
    text: str,
    size: int,
    color: str,
    *,
    anchor: str = "la",
    room: float | None = None,
) -> float:
    """Draw text, shortened to the room that it has; the x where it ends."""
    font = font_for(text, size)
    if room and font.getlength(text) > room:
        while text and font.getlength(text + "...") > room:
            text = text[:-1]
        text += "..."
    ImageDraw.Draw(sheet).text(at, text, color, font, anchor)
    return at[0] + font.getlength(text)


def rounded(sheet: Image.Image, place: Rectangle, color: str, radius: float | None = None) -> None:
    left, top, right, bottom = (round(edge) for edge in place)
    size = (max(1, right - left), max(1, bottom - top))
    sheet.paste(color, (left, top), _rounded_mask(size, min(size) / 2 if radius is None else radius))


def _rounded_mask(size: tuple[int, int], radius: float) -> Image.Image:
    """Smooth corners: PIL draws without antialiasing, so four times larger."""
    mask = Image.new("L", (size[0] * 4, size[1] * 4))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * 4, fill=255)
    return mask.reduce(4)


def drawable(text: str, english: str) -> str:
    """Chinese where a font for it is installed, English elsewhere."""
    return text if text.isascii() or _cjk_font(16) else english


def font_for(text: str, size: int) -> Font:
    """A font that has the characters of the text, if one is installed; size in pixels."""
    return (None if text.isascii() else _cjk_font(size)) or _latin_font(size)


@functools.cache
def _latin_font(size: int) -> Font:
    return ImageFont.load_default(size)


@functools.cache
def _cjk_font(size: int) -> Font | None:
    file = _cjk_file()
    return ImageFont.truetype(file, size) if file else None


@functools.cache
def _cjk_file() -> str | None:
    for name in CJK_FONTS:  # Pillow looks through the font directories of the system
        try:
            return str(ImageFont.truetype(name).path)
        except OSError:
            continue
    return None
