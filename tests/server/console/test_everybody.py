"""Whatever one sees, uses and reads with: keyboard alone, narrow screens, contrast, names for readers."""

from itertools import pairwise
from pathlib import Path

import pytest

AREAS = ["try", "album", "services", "statistics", "access", "health"]


def sign_in(page, server):
    who = server.secrets
    page.get_by_label("Account").fill(who["account"])
    page.get_by_label("Password").fill(who["password"])
    page.get_by_role("button", name="Sign in").click()


def tab_to(page, locator):
    """Until it has the focus, as people do; every stop on the way is visible."""
    for _ in range(60):
        if locator.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
        outlined = page.evaluate(
            "() => { const node = document.activeElement, box = node.getBoundingClientRect();"
            " return node === document.body || (box.width > 0 && box.height > 0); }"
        )
        assert outlined
    raise AssertionError(f"{locator} cannot be reached")


def test_everything_by_keyboard(new_page, server):
    page = new_page(signed_in=False)
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate("document.activeElement.name") == "account"  # ready to type
    page.keyboard.type(server.secrets["account"])
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(server.secrets["password"])
    page.keyboard.press("Enter")
    page.locator("#capabilities span").first.wait_for()
    tab_to(page, page.get_by_role("button", name="Sample picture"))
    page.keyboard.press("Enter")
    row = page.locator("button.tag").first
    row.wait_for()
    tab_to(page, row)
    assert "pointed" in page.locator(".box:visible").first.get_attribute("class")
    page.keyboard.press("Space")
    assert row.get_attribute("aria-pressed") == "true"

    page.keyboard.press("Control+Home")
    page.get_by_role("radio", name="Tags").focus()
    page.keyboard.press("ArrowDown")  # within the choices, as in every group of radio buttons
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("radio", name="Dark enhance").is_checked()
    run = page.get_by_role("button", name="Brighten")
    tab_to(page, run)
    page.keyboard.press("Enter")
    handle = page.get_by_role("slider", name="Edge between")
    handle.wait_for()
    assert run.evaluate("node => node === document.activeElement")  # the focus stays where it was
    page.keyboard.press("Shift+Tab")
    page.get_by_role("button", name="Sample picture").focus()
    page.keyboard.press("Shift+Tab")
    handle.focus()
    page.keyboard.press("ArrowRight")
    assert handle.get_attribute("aria-valuetext") == "52 % before, 48 % after"

    link = page.get_by_role("link", name="Health")
    link.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Ready", exact=True).wait_for()
    assert page.evaluate("document.activeElement.id") == "health-title"
    assert page.title() == "Health · irs_engine"


def test_the_link_past_the_navigation(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("path", ["/", *(f"/#{area}" for area in AREAS), "/reference"])
def test_nothing_is_wider_than_320_pixels(new_page, path):
    page = new_page(path, viewport={"width": 320, "height": 640})
    if path == "/#try":
        page.get_by_role("button", name="Sample picture").click()
        page.locator("#outcome").wait_for()
        page.locator("#copy summary").click()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    cut = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, a, h1, h2")]
          .filter((node) => node.checkVisibility() && node.getBoundingClientRect().right > 320.5)
          .map((node) => node.outerHTML.slice(0, 100))"""
    )
    assert cut == []


FAINT = (Path(__file__).parent / "contrast.js").read_text()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_text_can_be_read(new_page, server, scheme):
    page = new_page(signed_in=False, color_scheme=scheme)
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate(FAINT) == []
    sign_in(page, server)
    for area in AREAS:
        page.goto(f"{server.url}/#{area}")
        page.locator(f"#{area} .card").first.wait_for()
        if area == "try":
            page.get_by_role("button", name="Sample picture").click()
            page.locator("#outcome .tag").first.wait_for()
            page.locator("#copy summary").click()
        page.wait_for_timeout(400)  # colours that change slowly
        assert page.evaluate(FAINT) == [], area
    page.goto(f"{server.url}/reference")
    assert page.evaluate(FAINT) == []


NAMED = {
    "button",
    "link",
    "checkbox",
    "switch",
    "radio",
    "slider",
    "textbox",
    "combobox",
    "img",
    "dialog",
    "table",
}


def test_everything_has_a_name_for_screen_readers(new_page, server):
    page = new_page()
    page.get_by_role("button", name="Sample picture").click()
    page.locator("#outcome .tag").first.wait_for()
    reader = page.context.new_cdp_session(page)
    for area in AREAS:
        page.goto(f"{server.url}/#{area}")
        page.locator(f"#{area} .card").first.wait_for()
        nodes = [n for n in reader.send("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]
        shown = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if "role" in n]
        nameless = [role for role, name in shown if role in NAMED and not name.strip()]
        assert nameless == [], area
        assert [role for role, _ in shown].count("main") == 1
        levels = page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3')]"
            ".filter(h => h.checkVisibility()).map(h => +h.tagName[1])"
        )
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
        assert len(ids) == len(set(ids))


def test_a_session_that_ends_starts_again(new_page, server):
    page = new_page(signed_in=False)
    page.get_by_label("Account").fill(server.secrets["account"])
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("APIG.0301").wait_for()
    sign_in(page, server)
    page.locator("#capabilities span").first.wait_for()
    page.context.clear_cookies()
    page.get_by_role("link", name="Services").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    sign_in(page, server)
    page.get_by_role("region", name="Defog").wait_for()  # where one wanted to go
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert "irs_session" not in {cookie["name"] for cookie in page.context.cookies()}
    page.watched.errors.clear()  # the browser logs what was refused


def test_the_reference_needs_no_script(new_page):
    page = new_page("/reference", signed_in=False, java_script_enabled=False)
    page.get_by_role("link", name="Recapture Detection").first.click()
    article = page.get_by_role("article", name="Recapture Detection").first
    assert article.get_by_text("/v1.0/image/recapture-detect").is_visible()
    assert "number, 0 to 1, else 0.95" in article.text_content()
