"""Services, statistics, access and health in a browser."""

import base64
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

CAT = Path(__file__).parents[2] / "data" / "cat.jpg"


def tag_the_cat(api, server):
    image = base64.b64encode(CAT.read_bytes()).decode()
    return api.post(f"/v2/{server.secrets['project_id']}/image/tagging", json={"image": image})


def subscribed(api, name):
    return {s["name"]: s["subscribed"] for s in api.get("/irs/v1/services").json()["services"]}[name]


def test_a_switch_subscribes_and_unsubscribes(new_page, api, server):
    page = new_page("/#services")
    card = page.get_by_role("region", name="Image Tagging")
    switch = card.get_by_role("switch")
    assert switch.is_checked() and card.get_by_text("Subscribed").is_visible()
    switch.focus()
    page.keyboard.press("Space")
    card.get_by_text("Not subscribed").wait_for()
    assert not subscribed(api, "image-tagging")
    assert tag_the_cat(api, server).json()["error_code"] == "ModelArts.4204"

    page.goto(server.url + "/#try")  # the reason is shown where it is tried
    page.set_input_files("#file", CAT)
    page.get_by_role("alert").get_by_text("ModelArts.4204").wait_for()
    page.watched.errors.clear()  # the browser logs the refused call

    page.goto(server.url + "/#services")
    card.get_by_role("switch").check()
    card.get_by_text("Subscribed", exact=True).wait_for()
    assert subscribed(api, "image-tagging")
    assert "subscribed" in page.locator("#announce").text_content()


def test_a_switch_that_is_refused_goes_back(new_page):
    page = new_page("/#services")
    refusal = {"error_code": "AIS.0027", "error_msg": "The account has been frozen."}
    page.route("**/unsubscribe", lambda route: route.fulfill(status=400, json=refusal))
    switch = page.get_by_role("region", name="Defog").get_by_role("switch")
    switch.click()
    page.get_by_role("region", name="Defog").get_by_role("alert").get_by_text("AIS.0027").wait_for()
    assert switch.is_checked()
    page.watched.errors.clear()


def test_services_tell_of_their_models(new_page):
    page = new_page("/#services")
    card = page.get_by_role("region", name="Recapture Detection")
    assert card.get_by_text("one call").is_visible()  # at once
    card.get_by_text("Its model").click()
    assert re.search(r"recapture_s.*RecaptureNet.*Apache-2\.0", card.locator("li").text_content())
    music = page.get_by_role("region", name="Background Music Recognition")
    assert music.get_by_text("Not installed here").is_visible()
    assert music.get_by_text("irs-engine music add makes one").is_visible()


def test_charts_show_the_calls(new_page, api, server):
    assert tag_the_cat(api, server).status_code == 200
    assert api.post("/v1.0/image/tagging", json={}).status_code == 400
    page = new_page("/#statistics")
    card = page.get_by_role("region", name="Calls")
    rows = api.get("/irs/v1/usage").json()["apis"]
    totals = [sum(row[name] for row in rows) for name in ("successful", "failed")]
    # All calls of this server are of the last hour.
    said = f"{totals[0]} successful, {totals[1]} failed; each bar is a minute."
    card.get_by_text(said, exact=True).wait_for()
    for kind in ("ok", "failed"):
        assert card.locator(f"rect.bar-{kind}").count() >= 1
    tops = {kind: card.locator(f"rect.bar-{kind}").last.bounding_box() for kind in ("ok", "failed")}
    assert tops["failed"]["y"] < tops["ok"]["y"] + tops["ok"]["height"]  # stacked on the others

    chart = card.get_by_role("img")
    chart.focus()
    page.keyboard.press("End")
    last = card.locator(".readout").text_content()
    page.keyboard.press("ArrowLeft")
    assert card.locator(".readout").text_content() != last
    assert re.fullmatch(r"\d\d:\d\d: \d+ successful, \d+ failed", last)

    page.get_by_role("combobox", name="API").select_option("defog")
    page.get_by_role("radio", name="Week").check()
    card.locator(".readout").get_by_text("each bar is 4 hours").wait_for()
    assert f"{totals[0]} successful" not in card.locator(".readout").text_content()


def test_months_are_shown_and_downloaded(new_page, api, server):
    assert tag_the_cat(api, server).status_code == 200
    page = new_page("/#statistics")
    card = page.get_by_role("region", name="Months")
    card.get_by_role("table").wait_for()
    row = card.get_by_role("row").filter(has_text="Image Tagging").filter(has_not_text="V1")
    (expected,) = [a for a in api.get("/irs/v1/usage").json()["apis"] if a["api"] == "image-tagging"]
    assert row.get_by_role("cell").nth(1).text_content() == str(expected["successful"])
    assert card.locator("rect.bar-ok").count() == 1
    with page.expect_download() as saved:
        card.get_by_role("link", name="as CSV").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert lines[0].startswith("month,api,user_id") and any(",image-tagging," in line for line in lines)


def test_times_since_the_start(new_page, api, server):
    assert tag_the_cat(api, server).status_code == 200
    page = new_page("/#statistics")
    table = page.get_by_role("region", name="Since the server started").get_by_role("table")
    row = table.get_by_role("row").filter(has=page.get_by_text("image-tagging", exact=True))
    assert re.fullmatch(r"(≈|over) \d+(\.\d)? ms", row.get_by_role("cell").nth(3).text_content())


PROGRAM = """
from huaweicloudsdkimage.v2 import ImageClient, ImageTaggingReq, RunImageTaggingRequest
from huaweicloudsdkimage.v2.region.image_region import ImageRegion
try:
    client = ImageClient.new_builder().with_region(ImageRegion.value_of("ap-southeast-1")).build()
    client.run_image_tagging(RunImageTaggingRequest(body=ImageTaggingReq()))
except Exception as error:
    print(error)
"""


def run_with(lines):
    variables = dict(re.findall(r"^export (\w+)=(\S+)$", lines, re.MULTILINE))
    assert len(variables) == 4
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True)
    return run.stdout


def test_a_key_works_until_it_is_deleted(new_page):
    pytest.importorskip("huaweicloudsdkimage", reason="needs irs-engine[test]")
    page = new_page("/#access")
    page.get_by_role("button", name="Create a key").click()
    dialog = page.get_by_role("dialog", name="A new access key")
    dialog.wait_for()
    ak, sk = dialog.locator("code").all_text_contents()
    dialog.get_by_role("button", name="Done").click()
    assert dialog.count() == 0 and sk not in page.locator("table").first.text_content()
    lines = page.get_by_label("Lines for the environment").text_content()
    assert f"SK={sk}" in lines
    assert "AIS.0011" in run_with(lines)  # known, and told that the picture is missing

    page.reload()
    page.get_by_role("switch", name=f"Key {ak}").wait_for()
    assert sk not in page.content()  # it was shown once
    refused = {"error_code": "AIP.0012", "error_msg": "The input parameter is incorrect.", "detail": "2 keys"}
    page.route("**/irs/v1/keys", lambda route: route.fulfill(status=400, json=refused))
    page.get_by_role("button", name="Create a key").click()
    page.get_by_role("alert").get_by_text("AIP.0012").wait_for()
    page.unroute("**/irs/v1/keys")
    page.get_by_role("button", name=f"Delete key {ak}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("switch", name=f"Key {ak}").wait_for(state="hidden")
    assert "the access key is unknown or disabled" in run_with(lines)
    page.watched.errors.clear()  # of the key that was refused


def test_a_user_is_made_and_signs_in(new_page, server):
    name, password = f"user{uuid.uuid4().hex[:8]}", "a long enough password 1"
    page = new_page("/#access")
    page.get_by_role("button", name="Create a group").click()
    page.get_by_role("dialog").get_by_label("Name").fill(f"{name}s")
    page.keyboard.press("Enter")
    page.get_by_role("switch", name=f"{name}s: Tenant Guest").check()
    page.get_by_role("button", name="Create a user").click()
    dialog = page.get_by_role("dialog", name="A new user")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Password").fill("short")
    dialog.get_by_role("checkbox", name=f"{name}s").check()
    dialog.get_by_role("button", name="Create").click()
    dialog.get_by_role("alert").wait_for()  # what is wrong is said where it was typed
    dialog.get_by_label("Password").fill(password)
    dialog.get_by_role("button", name="Create").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("switch", name=f"User {name} may"))
    assert row.get_by_role("cell").nth(1).text_content() == f"{name}s"
    page.watched.errors.clear()  # the browser logs the refused password

    theirs = new_page(signed_in=False)
    theirs.get_by_label("Account").fill(server.secrets["account"])
    theirs.get_by_label("User").fill(name)
    theirs.get_by_label("Password").fill(password)
    theirs.keyboard.press("Enter")
    theirs.get_by_role("link", name="Access").click()
    assert theirs.get_by_text("Tenant Guest").wait_for() is None
    assert theirs.get_by_role("button", name="Create a user").count() == 0
    theirs.get_by_role("link", name="Services").click()
    assert theirs.get_by_role("region", name="Defog").get_by_role("switch").is_disabled()


def test_a_token_for_a_password(new_page, server):
    page = new_page("/#access")
    page.get_by_role("button", name="Get a token").click()
    dialog = page.get_by_role("dialog", name="Get a token")
    dialog.get_by_label("Your password").fill("not this one")
    page.keyboard.press("Enter")
    dialog.get_by_role("alert").wait_for()
    page.watched.errors.clear()  # the browser logs the refused password
    dialog.get_by_label("Your password").fill(server.secrets["password"])
    page.keyboard.press("Enter")
    token = dialog.locator("code").text_content()
    asked = {"headers": {"X-Auth-Token": token}}
    assert page.request.get(f"{server.url}/v3/projects", **asked).status == 200


def test_the_self_test(new_page):
    page = new_page("/#health")
    assert page.get_by_text("Ready", exact=True).is_visible()
    page.get_by_role("button", name="Test everything").click()
    table = page.get_by_role("table", name="Results of the test")
    table.wait_for()
    assert table.get_by_text("Works").count() == 5
    assert page.get_by_role("table", name="Models").get_by_text("missing").count() == 0
