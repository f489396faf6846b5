"""Settings come from a file, the environment and the caller, and wrong ones are told."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

import irs_engine
from irs_engine.server.settings import Settings


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text(
        """
port = 9000
region = "cn-east-3"
[load]
queue = 7
[load.concurrency]
recapture-detect = 2
[billing.prices]
default = [{above = 0, per_thousand = 1.5}, {above = 1000, per_thousand = 1}]
[obs.local_map.photos]
folder = "/srv/photos"
public = true
"""
    )
    return path


def test_the_later_one_wins(file, monkeypatch):
    found = Settings.read(file)
    assert (found.port, found.load.queue, found.region) == (9000, 7, "cn-east-3")
    assert found.load.concurrency == {"recapture-detect": 2} and found.load.batch == Settings().load.batch
    assert [tier.per_thousand for tier in found.billing.prices["default"]] == [1.5, 1]
    assert found.obs.local_map["photos"].public
    monkeypatch.setenv("IRS_SERVER_PORT", "9001")
    monkeypatch.setenv("IRS_SERVER_LOAD__QUEUE", "8")
    found = Settings.read(file, region="x")
    assert (found.port, found.load.queue, found.region) == (9001, 8, "x")
    assert Settings.read().port == 9001


@pytest.mark.parametrize(
    "text", ["prot = 1", "port = 70000", "[load]\nqueue = -1", "[load]\nqueues = 1", "[billing]\nprices = 3"]
)
def test_wrong_ones_are_errors(tmp_path, text):
    path = tmp_path / "server.toml"
    path.write_text(text)
    with pytest.raises(ValidationError):
        Settings.read(path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_authentication_may_be_off_on_loopback(host):
    assert Settings(host=host, auth="off").loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_authentication_may_not_be_off_elsewhere(host):
    with pytest.raises(ValidationError, match="loopback"):
        Settings(host=host, auth="off")


def test_they_cannot_be_changed():
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_the_readme_lists_every_setting_with_its_default():
    text = (Path(irs_engine.__file__).parent / "server" / "README.md").read_text()
    listed = dict(re.findall(r"^\| `([a-z_.0-9]+)` \| (.*?) \|", text, re.MULTILINE))
    expected = {}
    for name, value in Settings():
        for setting, default in dict(value).items() if isinstance(value, BaseModel) else [("", value)]:
            expected[f"{name}.{setting}".rstrip(".")] = in_toml(default)
    assert listed == expected


def in_toml(value):
    if value in (None, (), {}):
        return ""
    if isinstance(value, dict):
        value = "{" + ", ".join(f"{name} = {inner}" for name, inner in value.items()) + "}"
    elif isinstance(value, tuple):
        value = list(value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
