"""A server that is open to its own machine, sells packages and speaks https too."""

import json
from pathlib import Path

import pytest
from live_server import running

CAT = Path(__file__).parents[2] / "data" / "cat.jpg"
OFFER = {"api": "image-tagging", "calls": 1000, "months": 12, "price": "9.50"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    sold = {"IRS_SERVER_BILLING__PACKAGES": json.dumps({"tags": OFFER})}
    prices = {"IRS_SERVER_BILLING__PRICES": json.dumps({"default": [{"per_thousand": 1.5}]})}
    folder = tmp_path_factory.mktemp("open") / "data"
    with running(folder, "--auth", "off", "--tls-port", "0", **sold, **prices) as live:
        yield live


@pytest.fixture
def session():
    return ()  # nobody has to sign in


def test_nobody_signs_in(new_page):
    page = new_page(signed_in=False)
    page.get_by_role("button", name="Choose a file").wait_for()
    page.set_input_files("#file", CAT)
    page.locator("#outcome .tag").first.wait_for()
    assert page.get_by_text("open to everybody on this machine").is_visible()
    assert page.get_by_role("link", name="Services").is_visible()
    assert page.get_by_role("link", name="Album").count() == 0  # there is none here
    page.locator("#copy summary").click()
    assert "X-Auth-Token" not in page.locator("#snippets code").text_content()


def test_a_package_is_bought_and_used(new_page, server):
    page = new_page("/#services", signed_in=False)
    card = page.get_by_role("region", name="Balance, packages, bills")
    card.get_by_role("button", name="Buy tags").click()
    dialog = page.get_by_role("dialog", name="Buy tags?")
    assert "1,000 calls for 12 months cost 9.5 USD" in dialog.text_content()
    dialog.get_by_role("button", name="Buy").click()
    dialog.get_by_role("alert").wait_for()  # nothing is on the balance yet
    paid = page.request.post(f"{server.url}/irs/v1/balance", data={"amount": "10"})
    assert paid.status == 200, paid.text()
    dialog.get_by_role("button", name="Buy").click()
    card.get_by_text("1,000 of 1,000").wait_for()
    assert card.get_by_text("0.5 USD").is_visible()
    card.get_by_role("switch", name="Renew tags by itself").check()
    (package,) = page.request.get(f"{server.url}/irs/v1/packages").json()["packages"]
    assert package["auto_renew"]
    page.watched.errors.clear()  # the browser logs that the balance did not suffice


def test_the_certificate_to_trust(new_page):
    page = new_page("/#access", signed_in=False)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Certificate to trust").click()
    assert Path(saved.value.path()).read_text().startswith("-----BEGIN CERTIFICATE-----")
