"""A real browser on a real server: `page` is signed in; whatever it logs as an error fails its test."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

pytest.importorskip("starlette", reason="needs irs-engine[server]")

from chromium import chromium
from live_server import running
from small_album import small_album

CAT = Path(__file__).parents[2] / "data" / "cat.jpg"
PATIENCE = 60_000  # ms, on a busy machine


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    """With an album of 76 photos."""
    folder = tmp_path_factory.mktemp("console")
    small_album(folder / "album.db", folder / "shots", more=70)
    with running(folder / "data", "--album", str(folder / "album.db")) as live:
        yield live


@pytest.fixture(scope="package")
def browser():
    yield from chromium()


sessions = {}  # by the address of the server


@pytest.fixture
def session(server):
    """Cookie and CSRF token of the owner of the first account, signed in; the same until that has ended."""
    if found := sessions.get(server.url):
        known = httpx.get(f"{server.url}/console/session", cookies={"irs_session": found[0]})
        if known.json()["signed_in"]:
            return found
    who = server.secrets
    asked = {"account": who["account"], "user": who["user"], "password": who["password"]}
    answer = httpx.post(f"{server.url}/irs/v1/session", json=asked)
    assert answer.status_code == 201, answer.text
    sessions[server.url] = answer.cookies["irs_session"], answer.json()["csrf_token"]
    return sessions[server.url]


@pytest.fixture
def api(server, session):
    """Requests in that session, beside the browser's."""
    cookie, csrf = session
    headers = {"X-CSRF-Token": csrf}
    with httpx.Client(
        base_url=server.url, headers=headers, cookies={"irs_session": cookie}, timeout=60
    ) as found:
        yield found


class Watched:
    """What a page logged, and where it asked for anything."""

    def __init__(self, page, origin):
        self.page, self.origin = page, origin
        self.errors, self.requests = [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: m.type in ("error", "warning") and self.errors.append(m.text))
        page.on("request", lambda request: self.requests.append(request))

    def calls(self, path):
        return [request for request in self.requests if path in request.url and request.method == "POST"]

    def check(self):
        assert self.errors == []
        elsewhere = [r.url for r in self.requests if not r.url.startswith((self.origin, "blob:", "data:"))]
        assert elsewhere == []


@pytest.fixture
def new_page(server, browser, session):
    """Pages of any size, signed in or not, watched until the end of the test."""
    contexts, watched = [], []

    def new_page(path="/", signed_in=True, **options):
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 860}, "locale": "en-GB", **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        if signed_in:
            place = {"domain": urlsplit(server.url).hostname, "path": "/"}
            context.add_cookies([{"name": "irs_session", "value": session[0], **place}])
        page = context.new_page()
        page.watched = Watched(page, server.url)
        watched.append(page.watched)
        page.goto(server.url + path)
        if signed_in and path != "/reference":
            page.locator(
                "main > section:not([hidden]) :is(.content .card, #capabilities span)"
            ).first.wait_for()
        return page

    yield new_page
    for context in contexts:
        context.close()
    for one in watched:
        one.check()


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture
def cat(page):
    """The page with the tags of a cat."""
    page.set_input_files("#file", CAT)
    page.locator("#outcome .tag").first.wait_for()
    return page
