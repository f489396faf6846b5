"""The gallery in a real browser, from disk and without a network; skipped where there is none."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from chromium import chromium
from drawn_photos import draw

from irs_engine.album.gallery import SHEET
from irs_engine.errors import AlbumError

PATIENCE = 60_000  # ms, on a busy machine
HOSTILE = "</script><img src=x onerror=alert(1)> \" & '猫.jpg"


@pytest.fixture(scope="module")
def browser():
    yield from chromium()


@pytest.fixture
def photos(album, put, tmp_path):
    shots = tmp_path / "shots"
    for number, (name, tags, taken) in enumerate(
        [
            ("dog.jpg", {"dog": 97, "animal": 98, "person": 90}, 1_720_000_000.0),
            ("both.jpg", {"dog": 60, "cat": 95, "animal": 97}, None),
            (HOSTILE.replace("/", "_"), {"traffic light": 88}, 1_690_000_000.0),
        ]
    ):
        put(draw(shots / name, number, (160, 120), format="JPEG"), tags, taken=taken)
    put(shots / "gone.jpg", {"cat": 70, "animal": 72})
    return album


@pytest.fixture
def page(browser, photos, tmp_path):
    report = photos.gallery(tmp_path / "gallery.html", title=HOSTILE)
    assert report.photos == 4 and [failure.path for failure in report.failed] == [
        str(tmp_path / "shots" / "gone.jpg")
    ]
    context = browser.new_context(viewport={"width": 900, "height": 700}, offline=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors, elsewhere = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: request.url[:5] in ("file:", "data:") or elsewhere.append(request.url))
    page.goto((tmp_path / "gallery.html").as_uri())
    page.locator("main button").first.wait_for()
    yield page
    context.close()
    assert errors == [] and elsewhere == []


def shown(page):
    """The names of the photos on the page, in order."""
    return page.evaluate("[...document.querySelectorAll('main button')].map((cell) => cell.photo.name)")


def asked(page, query):
    page.fill("#query", query)
    return shown(page)


def test_search(page):
    odd = HOSTILE.replace("/", "_")
    assert shown(page) == ["dog.jpg", "both.jpg", odd, "gone.jpg"]
    for query, expected in {
        "dog": ["dog.jpg", "both.jpg"],
        "Dogs": ["dog.jpg", "both.jpg"],
        "狗": ["dog.jpg", "both.jpg"],
        "animal -person": ["both.jpg", "gone.jpg"],
        "dog:80": ["dog.jpg"],
        "cat OR person": ["both.jpg", "dog.jpg", "gone.jpg"],
        "(cat OR person) dog": ["dog.jpg", "both.jpg"],
        "traffic light": [odd],
        '"traffic light" 2023-07': [odd],
        "2024": ["dog.jpg"],
        "2023..2024": ["dog.jpg", odd],
        "2019..2022": [],
        "NOT animal": [odd],
        "traff": [odd],  # while it is typed
        "": ["dog.jpg", "both.jpg", odd, "gone.jpg"],
    }.items():
        assert asked(page, query) == expected, query
    assert asked(page, "xylophone") == [] and "xylophone" in page.inner_text("#hint")
    for half in ('"', "(", ")", "-", "()", "OR", '-"', "dog:", "((dog", "dog))"):
        asked(page, half)
    assert page.title() == page.inner_text("h1") == HOSTILE


def test_languages_facets_and_the_address(page):
    page.locator("#facets button", has_text="dog").click()
    assert page.input_value("#query") == "dog" and shown(page) == ["dog.jpg", "both.jpg"]
    assert page.locator("#facets button", has_text="dog").get_attribute("aria-pressed") == "true"
    page.click("#language")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert "2 / 4 张照片" in page.inner_text("#count") and page.input_value("#query") == "dog"
    page.locator("#facets button", has_text="狗").first.click()
    assert page.input_value("#query") == "" and len(shown(page)) == 4
    asked(page, "猫")
    page.reload()
    assert page.input_value("#query") == "猫" and shown(page) == ["both.jpg", "gone.jpg"]


def test_keyboard(page):
    page.locator("body").press("/")
    page.keyboard.type("animal")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator("dialog[open]").wait_for()
    assert page.inner_text("#name") == "both.jpg"
    # The photo itself takes the place of its thumbnail: it lies beside the page.
    page.wait_for_function("() => document.getElementById('picture').naturalWidth === 160")
    assert page.evaluate("document.getElementById('picture').src").startswith("file:")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#name") == "gone.jpg"
    page.keyboard.press("ArrowRight")  # the last one
    page.keyboard.press("Escape")
    # The browser first gives the focus back to what opened the dialog, and tells of the closing later.
    page.wait_for_function("() => document.activeElement.photo?.name === 'gone.jpg'")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "query"


class _Scripts(HTMLParser):
    """Attributes and text of every script of a page, as a browser takes it apart."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._inside = tag == "script"
        if self._inside:
            self.found.append([dict(attributes), ""])

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.found[-1][1] += data


def test_nothing_of_folders_without_links(photos, tmp_path):
    photos.gallery(tmp_path / "gallery.html", links=False, query="dog", height=40)
    text = (tmp_path / "gallery.html").read_text("utf-8")
    assert "shots" not in text and str(tmp_path) not in text
    scripts = _Scripts(text).found
    about = json.loads(next(text for attributes, text in scripts if attributes.get("id") == "album"))
    assert [(name, link) for name, link, *_ in about["photos"]] == [("dog.jpg", None), ("both.jpg", None)]
    thumbnails = next(text for attributes, text in scripts if attributes.get("class") == "pictures").split(
        "\n"
    )
    assert len(thumbnails) == 2 and all(data.startswith("UklGR") for data in thumbnails)  # RIFF
    assert not re.search(r"https?://", text)


def test_many_photos_are_in_sheets_and_limited(album, put, tmp_path):
    path = draw(tmp_path / "a.jpg", 1)
    for number in range(SHEET + 7):
        put(path.with_name(f"{number}.jpg").as_posix(), {"dog": 90})
        shutil.copy(path, path.with_name(f"{number}.jpg"))
    assert album.gallery(tmp_path / "all.html").photos == SHEET + 7
    scripts = _Scripts((tmp_path / "all.html").read_text("utf-8")).found
    sheets = [text.split("\n") for attributes, text in scripts if attributes.get("class") == "pictures"]
    assert [len(sheet) for sheet in sheets] == [SHEET, 7]
    assert album.gallery(tmp_path / "all.html", limit=3).photos == 3
    with pytest.raises(AlbumError, match="cannot be written"):
        album.gallery(tmp_path / "no" / "all.html")
