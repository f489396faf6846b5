"""What the console is served as: its own files, under a policy that lets nothing else in."""

import re

import pytest

pytest.importorskip("starlette", reason="needs irs-engine[server]")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from irs_engine.server import console
from irs_engine.server.console.pages import STATIC

MODULES = sorted(STATIC.glob("*.js"))


@pytest.fixture(scope="module")
def client():
    with TestClient(Starlette(routes=console.routes)) as client:
        yield client


def policy(answer):
    parts = (part.split() for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", ["/", *(f"/console/{file.name}" for file in STATIC.iterdir())])
def test_every_file_comes_under_the_policy(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    allowed = policy(answer)
    assert allowed["default-src"] == ["'none'"] and allowed["frame-ancestors"] == ["'none'"]
    assert allowed["script-src"] == allowed["style-src"] == allowed["connect-src"] == ["'self'"]
    assert not any("unsafe" in value for values in allowed.values() for value in values)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"


def test_files_that_have_not_changed_are_not_sent_again(client):
    path = "/console/main.js"
    known = {"If-None-Match": client.get(path).headers["ETag"]}
    assert client.get(path, headers=known).status_code == 304


@pytest.mark.parametrize(
    "path", ["/console/../pages.py", "/console/%2e%2e/pages.py", "/console/none.js", "/console/"]
)
def test_nothing_else_is_served(client, path):
    assert client.get(path).status_code == 404


def test_the_page_has_no_script_or_style_inside():
    page = (STATIC / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == [] and "<style" not in page
    assert re.findall(r"\s(?:style|on\w+)=", page) == []


@pytest.mark.parametrize(
    "file", [f for f in STATIC.iterdir() if f.suffix != ".jpg"], ids=lambda file: file.name
)
def test_no_file_names_another_server(file):
    """But the namespace of SVG, which is a name and no address."""
    found = re.findall(r"""(?:https?:)?//[\w-]+\.[\w.-]+[^\s"']*""", file.read_text().replace("// ", ""))
    assert [url for url in found if url != "http://www.w3.org/2000/svg"] == []


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_what_is_imported_is_exported(file):
    for names, source in re.findall(r'import \{([^}]*)\} from "\./([\w.]+)"', file.read_text()):
        exported = re.findall(
            r"export (?:async )?(?:function|const|class|let) (\w+)", (STATIC / source).read_text()
        )
        assert {name.strip() for name in names.split(",")} <= set(exported)


def test_every_module_is_used():
    imported = set(re.findall(r'from "\./([\w.]+)"', "".join(file.read_text() for file in MODULES)))
    assert {file.name for file in MODULES} == imported | {"main.js"}
