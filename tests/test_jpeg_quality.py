import io

import numpy as np
import pytest
from image_files import saved
from PIL import Image

from irs_engine.image import read_picture
from irs_engine.image.jpeg_quality import quality_of, read_tables


@pytest.mark.parametrize("quality", [25, 50, 75, 90, 99, 100])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_the_quality_is_the_one_it_was_saved_with(photo, quality, options):
    data = saved(photo, "JPEG", quality=quality, **options)
    assert read_picture(data).jpeg_quality == pytest.approx(quality, abs=1)
    assert read_picture(Image.open(io.BytesIO(data))).jpeg_quality == pytest.approx(quality, abs=1)


def test_of_the_lowest_qualities_it_only_says_that_they_are_low(photo):
    assert read_picture(saved(photo, "JPEG", quality=5)).jpeg_quality < 20  # its tables end at 255


def test_the_table_of_luma_counts(photo):
    tables = [[200] * 64, [10] * 64]  # of chroma, of luma? the first is luma by its place
    data = saved(photo, "JPEG", qtables=tables)
    assert read_picture(data).jpeg_quality == quality_of(tables[0])


def test_other_pictures_have_none(photo):
    assert read_picture(saved(photo, "PNG")).jpeg_quality is None
    assert read_picture(photo).jpeg_quality is None
    assert read_picture(Image.open(io.BytesIO(saved(photo, "JPEG"))).convert("L")).jpeg_quality is None


def test_coarser_tables_mean_lower_quality():
    qualities = [quality_of([step] * 64) for step in (1, 2, 5, 20, 80, 255)]
    assert qualities == sorted(qualities, reverse=True) and qualities[0] > 95 and 1 <= qualities[-1] < 15
    assert quality_of(None) is None and quality_of([0] * 64) is None


def test_tables_of_both_depths_and_broken_ones():
    narrow, wide = bytes([1, *range(64)]), bytes([0x10]) + np.arange(300, 364, dtype=">u2").tobytes()
    assert read_tables(narrow + wide) == {1: list(range(64)), 0: list(range(300, 364))}
    assert read_tables(narrow + wide[:-1]) == {1: list(range(64))}
    assert read_tables(bytes([0x20]) + bytes(128)) == {} and read_tables(b"") == {}
