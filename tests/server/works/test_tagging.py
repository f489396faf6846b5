"""Pictures that are tagged together get what each would have got alone."""

from io import BytesIO

import pytest

pytest.importorskip("starlette")

from PIL import Image

from irs_engine.errors import ImageDataError
from irs_engine.image import read_rgb
from irs_engine.image.decode import read_header
from irs_engine.image.limits import DEFAULT_LIMITS
from irs_engine.server.works.tagging import Asked, pixels_read, read_and_tag, tag_together


@pytest.fixture(scope="module")
def tagger(engine):
    return engine.load_detecting_tagger()


def test_each_has_its_own_options(tagger, photo):
    pictures = [read_rgb(part) for part in (photo, photo[:, ::-1].copy(), photo[:200], photo[::-1].copy())]
    options = [
        {"threshold": 0.0, "limit": 30, "language": "zh"},
        {"threshold": 50.0, "limit": 5, "language": "en"},
        {"threshold": 100.0, "limit": 50, "language": "en"},
        {"threshold": 20.0, "limit": 1, "language": "zh"},
    ]
    asked = [Asked(picture, **option) for picture, option in zip(pictures, options, strict=True)]
    together = tag_together(tagger, asked)
    # Held against the same batch: numbers depend a little on what else is in it.
    for number, option in enumerate(options):
        assert together[number] == tagger.tag_batch(pictures, **option)[number]
    assert [len(result.tags) for result in together][::3] == [30, 1]
    assert together[0].tags[0].name == together[0].tags[0].zh


def test_no_limit(tagger, photo):
    picture = read_rgb(photo)
    limited, whole = tag_together(tagger, [Asked(picture, threshold=0, limit=3), Asked(picture, threshold=0)])
    assert len(limited.tags) == 3 and len(whole.tags) > 300
    assert limited.tags == whole.tags[:3]


def test_a_file_that_cannot_be_read_spoils_no_other(engine, tagger, photo, jpeg):
    file = jpeg()
    asked = [Asked(file, limit=3), Asked(file[:200], limit=3), Asked(read_rgb(photo), limit=3)]
    first, bad, last = read_and_tag(engine, asked)
    assert isinstance(bad, ImageDataError)
    together = tagger.tag_batch([engine.read_for_tagging(file), read_rgb(photo)], limit=3)
    assert [first.tags, last.tags] == [result.tags for result in together]
    (alone,) = read_and_tag(engine, asked[1:2])
    assert isinstance(alone, ImageDataError)


@pytest.mark.parametrize("size", [(30, 20), (320, 240), (1000, 700), (833, 4000), (4096, 4096), (2048, 1664)])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_no_picture_is_read_larger_than_was_counted(engine, size, format):
    file = BytesIO()
    Image.effect_noise(size, 64).convert("RGB").save(file, format, compress_level=1)
    data = file.getvalue()
    height, width, _ = engine.read_for_tagging(data).pixels.shape
    counted = pixels_read(*read_header(data, DEFAULT_LIMITS))
    assert width * height <= counted <= size[0] * size[1]
    assert format == "JPEG" or counted == size[0] * size[1]
