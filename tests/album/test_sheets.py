import numpy as np
import pytest
from drawn_photos import draw
from PIL import Image

from irs_engine.album.sheets import CELL, GAP, HIGH, MARGIN, TITLE
from irs_engine.errors import AlbumError


@pytest.fixture
def photos(album, put, tmp_path):
    for number in range(7):
        path = tmp_path / "shots" / f"{number}.png"
        draw(path, number, (120, 200) if number == 1 else (320, 240))
        put(path, {"dog": 90 - number, "animal": 95}, taken=1_720_000_000.0)
    (tmp_path / "shots" / "2.png").unlink()
    return album


def cells(sheet):
    """The part of the sheet where each photo of 3 columns lies, from the first row on."""
    pixels = np.asarray(sheet)
    for column in range(3):
        left, top = MARGIN + column * (CELL + GAP), MARGIN + TITLE
        yield pixels[top : top + HIGH, left : left + CELL].astype(int)


def test_photos_lie_in_rows(photos, tmp_path):
    report = photos.sheet(tmp_path / "sheet.png", columns=3, rows=2, language="zh")
    assert report.pages == (str(tmp_path / "sheet.png"), str(tmp_path / "sheet-2.png"))
    assert report.photos == 7 and [failure.path[-5:] for failure in report.failed] == ["2.png"]
    first, second = map(Image.open, report.pages)
    assert first.width == second.width and first.height > second.height
    wide, high, gone = cells(first)
    photo = np.asarray(Image.open(tmp_path / "shots" / "0.png")).astype(int)
    assert abs(wide - photo).mean() < 3
    assert (high[:, :40] == 255).all() and (high[:, -40:] == 255).all()  # upright ones lie in the middle
    assert high[:, CELL // 2].std() > 5
    assert gone.std() < 5  # an empty place


def test_a_query_chooses(photos, tmp_path):
    report = photos.sheet(tmp_path / "sheet.jpg", query="dog:88", limit=2)
    assert report.photos == 2 and Image.open(report.pages[0]).format == "JPEG"
    assert photos.sheet(tmp_path / "none.jpg", query="dog 2019").pages == ()


@pytest.mark.parametrize("name", ["no/sheet.jpg", "sheet.txt", "sheet"])
def test_files_that_cannot_be(photos, tmp_path, name):
    with pytest.raises(AlbumError, match="cannot be written"):
        photos.sheet(tmp_path / name)
