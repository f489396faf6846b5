"""Trying every capability in a browser."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

CAT = Path(__file__).parents[2] / "data" / "cat.jpg"
TAGGING = "/image/tagging"


def names(page):
    return page.locator(".tag-name").all_text_contents()


def sample(page, capability):
    page.get_by_role("radio", name=capability, exact=True).check()
    page.get_by_role("button", name="Sample picture").click()
    page.locator("#outcome").wait_for()


def set_slider(page, label, value):
    page.get_by_label(label).evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }",
        str(value),
    )


def test_tags_are_those_of_the_api(cat, api, server):
    path = f"/v2/{server.secrets['project_id']}/image/tagging"
    image = base64.b64encode(CAT.read_bytes()).decode()
    tags = api.post(path, json={"image": image, "language": "en"}).json()["result"]["tags"]
    assert names(cat) == [tag["tag"] for tag in tags] and "cat" in names(cat)
    percent = cat.locator(".tag-percent").all_text_contents()
    assert percent == [f"{float(tag['confidence']):.1f} %" for tag in tags]
    assert "animal" in cat.locator("#announce").text_content()  # to those who do not see them


def test_boxes_lie_where_things_are(cat, api, server):
    path = f"/v2/{server.secrets['project_id']}/image/tagging"
    image = base64.b64encode(CAT.read_bytes()).decode()
    tags = api.post(path, json={"image": image, "language": "en"}).json()["result"]["tags"]
    (tag,) = [tag for tag in tags if tag["tag"] == "cat"]
    box = tag["instances"][0]["bounding_box"]
    shown = cat.locator(".still img").bounding_box()
    drawn = cat.locator(".box:visible").first.bounding_box()
    scale = shown["width"] / Image.open(CAT).width
    assert drawn["x"] - shown["x"] == pytest.approx(scale * box["top_left_x"], abs=2)
    assert drawn["y"] - shown["y"] == pytest.approx(scale * box["top_left_y"], abs=2)
    assert drawn["width"] == pytest.approx(scale * box["width"], abs=2)
    assert drawn["height"] == pytest.approx(scale * box["height"], abs=2)


@pytest.mark.parametrize("how", ["hover", "focus"])
def test_a_tag_points_at_its_boxes(cat, how):
    box, row = cat.locator(".box:visible").first, cat.get_by_role("button", name="cat")
    assert "pointed" not in box.get_attribute("class")
    getattr(row, how)()
    assert "pointed" in box.get_attribute("class")
    row.press("Enter")
    assert row.get_attribute("aria-pressed") == "true" and "pinned" in box.get_attribute("class")
    assert "% from the left" in cat.locator("#announce").text_content()


def test_a_box_points_at_its_tag(cat):
    cat.locator(".box:visible").first.hover()
    assert cat.locator("li.pointed .tag-name").text_content() == "cat"


def test_language_threshold_and_limit_need_no_new_call(cat):
    before = names(cat)
    cat.get_by_role("radio", name="中文").check()
    chinese = names(cat)
    assert "猫" in chinese and len(chinese) == len(before)
    assert cat.locator(".tag-second").first.text_content() == before[0]
    assert cat.locator(".tag-name").first.get_attribute("lang") == "zh"
    assert "猫" in cat.locator(".box:visible").first.text_content()
    set_slider(cat, "Least confidence", 1)
    many = names(cat)
    assert len(many) > len(before) and many[: len(chinese)] == chinese
    set_slider(cat, "Most tags", 2)
    assert names(cat) == chinese[:2]
    assert cat.locator(".box:visible").count() == 0  # of tags that are not shown
    set_slider(cat, "Most tags", 50)
    set_slider(cat, "Least confidence", 100)
    assert cat.get_by_text("No tag is that certain").is_visible() or names(cat)
    assert len(cat.watched.calls(TAGGING)) == 1


def test_results_are_saved(cat):
    with cat.expect_download() as saved:
        cat.get_by_role("button", name="Save JSON").click()
    found = json.loads(open(saved.value.path(), encoding="utf-8").read())
    assert [tag["tag"] for tag in found["result"]["tags"]] == names(cat)
    with cat.expect_download() as saved:
        cat.get_by_role("button", name="Save picture").click()
    drawn = Image.open(saved.value.path()).convert("RGB")
    assert saved.value.suggested_filename == "cat_tags.png" and drawn.size == Image.open(CAT).size
    assert (255, 179, 25) in {color for _, color in drawn.getcolors(2**20)}  # that of the first box


def test_time_is_told_by_phase(cat):
    phases = cat.locator("#timing dt").all_text_contents()
    assert phases == ["Read", "Send", "Look", "Service", "Show", "In all"]
    times = cat.locator("#timing dd").all_text_contents()
    assert all(time.endswith(" ms") for time in times) and float(times[2].removesuffix(" ms")) > 0


@pytest.mark.parametrize("capability", ["Dark enhance", "Defog", "Super resolution"])
def test_before_and_after(page, capability):
    sample(page, capability)
    handle, frame = page.get_by_role("slider", name="Edge between"), page.locator(".compare")
    assert handle.get_attribute("aria-valuenow") == "50"
    handle.focus()
    for key, value in (("ArrowLeft", 48), ("PageUp", 58), ("Home", 0), ("End", 100), ("PageDown", 90)):
        page.keyboard.press(key)
        assert handle.get_attribute("aria-valuenow") == str(value)
    clip = page.locator(".upper").evaluate("upper => getComputedStyle(upper).clipPath")
    assert clip == "inset(0px 0px 0px 90%)"
    place = frame.bounding_box()
    page.mouse.move(place["x"] + 0.9 * place["width"], place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + 0.25 * place["width"], place["y"] + place["height"] / 2)
    page.mouse.up()
    assert int(handle.get_attribute("aria-valuenow")) == pytest.approx(25, abs=1)


def test_both_pictures_zoom_together(page):
    sample(page, "Defog")
    page.get_by_role("button", name="Zoom in").click()
    frame = page.locator(".compare")
    frame.press("+")
    frame.press("ArrowRight")
    transforms = page.locator(".compare img").evaluate_all(
        "images => images.map(image => getComputedStyle(image).transform)"
    )
    assert len(set(transforms)) == 1 and transforms[0].startswith("matrix(2.25")
    assert float(transforms[0].split(",")[4]) < 0  # moved
    page.get_by_role("button", name="Whole picture").click()
    assert "zoomed" not in frame.get_attribute("class")


def test_an_enlarged_picture_is_saved_in_its_format(page):
    page.get_by_role("radio", name="Super resolution").check()
    page.get_by_role("radio", name="4", exact=True).check()
    small = io.BytesIO()
    Image.open(CAT).resize((60, 40)).save(small, "PNG")
    page.set_input_files("#file", {"name": "small.png", "mimeType": "image/png", "buffer": small.getvalue()})
    page.get_by_text("240 × 160 pixels").wait_for()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save picture").click()
    found = Image.open(saved.value.path())
    assert (found.format, found.size) == ("PNG", (240, 160))
    assert saved.value.suggested_filename == "small_super-resolution.png"


def test_parameters_are_sent(page, api):
    page.get_by_role("radio", name="Dark enhance").check()
    set_slider(page, "Brightness", 0.25)
    page.set_input_files("#file", CAT)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save picture").click()
    files, data = {"file": CAT.read_bytes()}, {"brightness": "0.25"}
    expected = api.post("/v1.0/vision/dark-enhance", files=files, data=data).content
    assert Path(saved.value.path()).read_bytes() == expected


def test_the_verdict_on_a_photo_of_a_screen(page):
    sample(page, "Recapture")
    assert page.locator(".verdict").is_visible()
    title, score = (page.locator(f".verdict-{part}").text_content() for part in ("title", "score"))
    assert title in ("A recaptured photo", "Not certain") and "%" in score
    shares = [float(text.removesuffix(" %")) for text in page.locator(".shares dd").all_text_contents()]
    assert sum(shares) == pytest.approx(100, abs=0.3) and shares[1] > shares[0]


@pytest.mark.slow
def test_a_picture_that_is_too_large_has_a_copy_that_fits(page):
    large = io.BytesIO()
    Image.new("RGB", (5000, 300), "teal").save(large, "PNG")
    page.set_input_files("#file", {"name": "wide.png", "mimeType": "image/png", "buffer": large.getvalue()})
    page.get_by_text("up to 4096 pixels a side are taken").wait_for()
    assert page.locator("#run").is_disabled() and page.watched.calls(TAGGING) == []
    page.get_by_role("button", name="Use a copy that fits").click()
    page.locator("#outcome").wait_for()
    assert "wide_copy.jpg  ·  4096 × 245" in page.locator("#facts").text_content()
    assert len(page.watched.calls(TAGGING)) == 1


def test_what_is_no_picture_is_said_so(page):
    page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"})
    page.get_by_role("alert").get_by_text("notes.txt is no picture").wait_for()
    assert page.watched.calls(TAGGING) == []


CARRY = """async ([kind, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "carried.jpg", { type: "image/jpeg" }));
  const given = { bubbles: true, cancelable: true, dataTransfer: carried, clipboardData: carried };
  const event = kind === "paste" ? new ClipboardEvent(kind, given) : new DragEvent(kind, given);
  document.body.dispatchEvent(event);
}"""


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_pictures_are_dropped_and_pasted(page, how):
    page.evaluate(CARRY, [how, base64.b64encode(CAT.read_bytes()).decode()])
    page.locator("#outcome .tag").first.wait_for()
    assert "carried.jpg" in page.locator("#facts").text_content()


def test_the_camera_takes_a_picture(page):
    page.get_by_role("button", name="Camera").click()
    page.get_by_role("button", name="Take the picture").click()
    page.locator("#outcome").wait_for()
    assert "camera.jpg" in page.locator("#facts").text_content()
    assert page.locator("dialog").count() == 0


def code(page, which):
    page.locator("#copy summary").click()
    page.get_by_role("radio", name=which).check()
    return page.locator("#snippets code").first.text_content()


def environment(server):
    who = server.secrets
    keys = {"HUAWEICLOUD_SDK_AK": who["ak"], "HUAWEICLOUD_SDK_SK": who["sk"], "TOKEN": server.token()}
    return os.environ | keys


@pytest.mark.parametrize("capability", ["Tags", "Recapture", "Defog"])
def test_the_line_for_curl_runs(page, server, tmp_path, capability):
    page.get_by_role("radio", name=capability, exact=True).check()
    page.set_input_files("#file", CAT)
    page.locator("#outcome").wait_for()
    (tmp_path / "cat.jpg").write_bytes(CAT.read_bytes())
    command = ["bash", "-c", code(page, "curl")]
    run = subprocess.run(command, cwd=tmp_path, env=environment(server), capture_output=True, check=True)
    if capability == "Defog":
        assert Image.open(tmp_path / "result.jpg").size == Image.open(CAT).size
    else:
        assert json.loads(run.stdout)["result"]


@pytest.mark.parametrize("capability", ["Tags", "Recapture", "Super resolution"])
def test_the_program_in_python_runs(page, server, tmp_path, capability):
    pytest.importorskip("huaweicloudsdkimage", reason="needs irs-engine[test]")
    page.get_by_role("radio", name=capability, exact=True).check()
    page.set_input_files("#file", CAT)
    page.locator("#outcome").wait_for()
    (tmp_path / "cat.jpg").write_bytes(CAT.read_bytes())
    (tmp_path / "program.py").write_text(code(page, "Python SDK"))
    command = [sys.executable, "program.py"]
    run = subprocess.run(command, cwd=tmp_path, env=environment(server), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    if capability == "Super resolution":
        assert Image.open(tmp_path / "result.jpg").width == 3 * Image.open(CAT).width
    else:
        assert "confidence" in run.stdout


def test_the_body_is_what_is_sent(cat):
    set_slider(cat, "Least confidence", 33)
    head, _, body = code(cat, "REST body").partition("\n\n")
    assert head.startswith("POST /v2/") and "Content-Type: application/json" in head
    assert json.loads(body) == {
        "image": "(the picture in base64)",
        "language": "en",
        "threshold": 33,
        "limit": 50,
    }


def test_errors_of_the_service_are_shown(page):
    """Here a connection that is cut on the way."""
    page.route("**/image/tagging", lambda route: route.abort())
    page.set_input_files("#file", CAT)
    page.get_by_role("alert").get_by_text("The server does not answer").wait_for()
    page.watched.errors.clear()  # the browser logs the failed request
