"""The album in a browser: searched, paged through, looked at, with the mouse and without."""

from pathlib import Path

CAT = Path(__file__).parents[2] / "data" / "cat.jpg"
FIRST = "1 to 60 of 76 photos"
# Chromium fetches what is in sight; what is not there is 0 pixels wide.
LOADED = "images => images.every(image => image.complete && image.naturalWidth > 0)"


def opened(new_page, **options):
    page = new_page("/#album", **options)
    page.locator("#album [role=status]").get_by_text(FIRST).wait_for()
    return page


def focused(page):
    return page.evaluate("document.activeElement.textContent")


def test_photos_are_found_and_looked_at(new_page):
    page = opened(new_page)
    area = page.locator("#album")
    cells, status = area.locator(".photo"), area.get_by_role("status")
    assert cells.count() == 60 and cells.first.text_content() == "cat, garden"
    page.wait_for_function(f"() => ({LOADED})([...document.querySelectorAll('.photo img')].slice(0, 6))")

    area.get_by_role("button", name="Next page").click()
    status.get_by_text("61 to 76 of 76 photos").wait_for()
    assert area.get_by_text("Page 2 of 2").is_visible() and cells.count() == 16
    assert area.get_by_role("button", name="Next page").is_disabled() and focused(page) == "mountain"

    box = area.get_by_role("searchbox", name="What the photos show")
    box.fill("catt")
    box.press("Enter")
    area.get_by_role("alert").get_by_text("no tag is called 'catt'; did you mean").wait_for()
    assert page.watched.errors.pop().startswith("Failed to load resource")  # as browsers log refusals
    assert cells.count() == 16  # what was there stays
    box.fill("猫 -sofa")
    box.press("Enter")
    status.get_by_text("2 photos").wait_for()
    assert area.get_by_role("alert").count() == 0 and area.get_by_role("navigation").count() == 0
    area.get_by_role("radio", name="中文").check()
    assert cells.all_text_contents() == ["猫, 花园", "猫"] and cells.first.locator("[lang=zh]").count() == 1

    cells.first.click()
    dialog = page.get_by_role("dialog", name="garden.jpg")
    dialog.locator(".box").wait_for()
    assert dialog.locator(".tag-name").all_text_contents() == ["猫", "花园"]
    assert "2019-07-14 12:30:00" in dialog.text_content() and "48.8600° north" in dialog.text_content()
    picture, thing = (dialog.locator(part).bounding_box() for part in (".still img", ".box"))
    assert abs(thing["x"] - (picture["x"] + picture["width"] / 4)) < 2  # 24 of 96 pixels
    assert abs(thing["width"] - picture["width"] / 2) < 2
    assert dialog.locator(".still img").evaluate_all(LOADED)
    with page.context.expect_page() as tab:
        dialog.get_by_role("link", name="Open the photo").click()
    assert tab.value.evaluate("document.images[0].naturalWidth") == 96
    tab.value.close()

    dialog.get_by_role("button", name="Similar photos").click()
    status.get_by_text("60 photos most like garden.jpg").wait_for()
    assert set(cells.all_text_contents()[:2]) == {"猫, 沙发", "猫"}
    status.get_by_role("button", name="Back to the search").click()
    status.get_by_text("2 photos", exact=True).wait_for()

    page.get_by_role("link", name="Health").click()
    page.get_by_role("link", name="Album").click()
    page.wait_for_function("() => document.activeElement.id === 'album-title'")
    area.locator(".content:not([inert])").wait_for()  # not what stands there from the last visit
    status.get_by_text("2 photos", exact=True).wait_for()  # as it was left
    assert box.input_value() == "猫 -sofa"
    area.locator("input[type=file]").set_input_files(CAT)
    area.get_by_role("alert").get_by_text("indexed with other weights").wait_for()
    page.watched.errors.clear()


def test_without_a_mouse_on_a_narrow_screen(new_page):
    page = opened(new_page, viewport={"width": 320, "height": 640})
    page.get_by_label("What the photos show").focus()
    page.keyboard.type("dog OR cat")
    page.keyboard.press("Enter")
    page.locator("#album [role=status]").get_by_text("6 photos").wait_for()
    first = page.locator(".photo").first
    for _ in range(12):
        if first.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    assert focused(page) == "cat, garden"
    page.keyboard.press("ArrowRight")
    second = focused(page)
    page.keyboard.press("ArrowDown")  # two in a row
    third = focused(page)
    page.keyboard.press("ArrowUp")
    assert focused(page) == second and len({second, third, "cat, garden"}) == 3
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.locator(".tag").first.wait_for()
    assert dialog.get_by_text("2 of 6").is_visible()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("dialog", name="garden.jpg").locator(".tag").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert dialog.evaluate("node => node.scrollWidth <= node.clientWidth")
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    # The photo that was seen last; browsers first give the focus back to where it came from.
    page.wait_for_function("() => document.activeElement.textContent === 'cat, garden'")
