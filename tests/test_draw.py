import numpy as np
import pytest
from PIL import Image, ImageChops

from irs_engine import draw
from irs_engine.draw import HUES, PAPER, draw_objects, draw_tags
from irs_engine.results import Box, Category, DetectedObject, DetectionResult, Instance, Tag, TaggingResult

ANIMAL = Category("animal", "animal", "动物")


def tag(en="cat", zh="猫", confidence=90.0, kind="object", language="en", instances=()):
    return Tag(f"x:{en}", zh if language == "zh" else en, en, zh, kind, ANIMAL, confidence, tuple(instances))


def result(size, *tags):
    return TaggingResult(tags, size)


def photo(width, height):
    return Image.new("RGB", (width, height), (200, 30, 30))


def inked(image, box):
    """Whether anything is drawn in a part of the sheet."""
    part = image.crop(box)
    return ImageChops.difference(part, Image.new("RGB", part.size, PAPER)).getbbox() is not None


@pytest.mark.parametrize(
    "size", [(1, 1), (15, 15), (451, 300), (300, 451), (4000, 3000), (4000, 40), (40, 4000)]
)
@pytest.mark.parametrize("count", [0, 1, 40])
def test_every_shape_fits(size, count):
    drawn = draw_tags(
        photo(*size), result(size, *[tag(f"tag number {i}", confidence=100 - i) for i in range(count)])
    )
    assert drawn.mode == "RGB" and max(drawn.size) < 2000
    for edge in (
        (0, 0, drawn.width, 20),
        (0, drawn.height - 20, drawn.width, drawn.height),
        (drawn.width - 20, 0, *drawn.size),
    ):
        assert not inked(drawn, edge)


def test_longer_bar_for_more_confidence():
    def blue(confidence):
        drawn = draw_tags(photo(400, 300), result((400, 300), tag(confidence=confidence)))
        return (np.asarray(drawn) == (0x2F, 0x7C, 0xF6)).all(2).sum()

    assert blue(20) < blue(50) < blue(100)


def test_boxes_are_where_they_should_be():
    box = Box(100, 50, 200, 150)
    with_box = draw_tags(photo(400, 300), result((400, 300), tag(instances=[Instance(box, 90)])))
    without = draw_tags(photo(400, 300), result((400, 300), tag()))
    left, top, right, bottom = ImageChops.difference(with_box, without).getbbox()
    scale = 720 / 300
    assert (left, right) == pytest.approx((40 + 100 * scale, 40 + 300 * scale), abs=3)
    assert bottom == pytest.approx(40 + 200 * scale, abs=3)
    assert top == pytest.approx(40 + 50 * scale - 24, abs=3)  # the name sits on the box


def test_very_long_names_are_shortened():
    draw_tags(photo(400, 300), result((400, 300), tag("w" * 500)))


def test_without_a_chinese_font_names_are_english(monkeypatch):
    monkeypatch.setattr(draw, "_cjk_font", lambda size: None)
    chinese = draw_tags(photo(400, 300), result((400, 300), tag(language="zh")))
    english = draw_tags(photo(400, 300), result((400, 300), tag()))
    assert chinese.tobytes() == english.tobytes()


def test_with_a_chinese_font_names_are_chinese():
    if not draw._cjk_font(22):
        pytest.skip("no Chinese font on this system")
    chinese = draw_tags(photo(400, 300), result((400, 300), tag(language="zh")))
    assert chinese.tobytes() != draw_tags(photo(400, 300), result((400, 300), tag())).tobytes()


def test_the_picture_is_left_alone():
    image = photo(451, 300)
    before = image.tobytes()
    result((451, 300), tag(instances=[Instance(Box(0, 0, 400, 300), 9)])).draw(image)
    assert image.tobytes() == before


def test_each_kind_of_thing_has_its_colour():
    things = [
        DetectedObject(f"x:{en}", en, en, ANIMAL, Box(left, 80, 60, 60), 90.0)
        for en, left in (("cat", 20), ("cat", 110), ("dog", 200))
    ]
    drawn = np.asarray(draw_objects(photo(300, 200), DetectionResult(tuple(things), (300, 200))))
    assert drawn.shape == (640, 960, 3)
    colors = [tuple(int(hue[i : i + 2], 16) for i in (1, 3, 5)) for hue in HUES]
    parts = [drawn[:, :330], drawn[:, 330:600], drawn[:, 600:]]
    seen = [{i for i, color in enumerate(colors) if (part == color).all(2).sum() > 500} for part in parts]
    assert seen == [{0}, {0}, {1}]
