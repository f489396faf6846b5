"""irs-engine serve: from its flags to settings, and what it says when it cannot start."""

import sys

import pytest

pytest.importorskip("starlette")


@pytest.fixture
def served(monkeypatch):
    """The settings that the server was started with."""
    from irs_engine.server import serving

    found = []
    monkeypatch.setattr(serving, "serve", found.append)
    return found


def test_flags(run, served, tmp_path):
    flags = ["--host", "::1", "--port", 0, "--tls-port", 9443, "--auth", "off", "--data", tmp_path]
    flags += ["--device", "cpu", "--precision", "fp32", "--threads", 3, "--log", "json"]
    assert run("serve", *flags) == (0, "", "")
    (settings,) = served
    assert (settings.host, settings.port, settings.tls_port, settings.auth) == ("::1", 0, 9443, "off")
    assert (settings.device, settings.precision, settings.threads) == ("cpu", "fp32", 3)
    assert (settings.data, settings.log) == (tmp_path, "json")


def test_a_flag_wins_over_a_variable_and_that_over_the_file(run, served, tmp_path, monkeypatch):
    file = tmp_path / "irs.toml"
    file.write_text('port = 1\nregion = "x"\nlog = "json"\n[load]\nqueue = 7\n')
    monkeypatch.setenv("IRS_SERVER_PORT", "2")
    monkeypatch.setenv("IRS_SERVER_REGION", "y")
    assert run("serve", "--config", file, "--port", 3)[0] == 0
    (settings,) = served
    assert (settings.port, settings.region, settings.log, settings.load.queue) == (3, "y", "json", 7)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("port = 99999", "port"),
        ("colour = 1", "colour"),
        ("[load]\nqueue = -1", "load.queue"),
        ("port =", "settings"),
        ('auth = "off"\nhost = "0.0.0.0"', "only a loopback address"),
    ],
)
def test_bad_settings_are_one_line(run, served, tmp_path, content, words):
    file = tmp_path / "irs.toml"
    file.write_text(content)
    code, out, err = run("serve", "--config", file)
    assert (code, out) == (1, "") and len(err.splitlines()) == 1 and words in err and not served


def test_values_are_not_repeated(run, served, monkeypatch):
    """They may be secrets."""
    monkeypatch.setenv("IRS_SERVER_LOAD__QUEUE", "hunter2")
    code, _, err = run("serve")
    assert code == 1 and "load.queue" in err and "hunter2" not in err


def test_a_missing_file_and_flags_that_make_no_sense(run, served, tmp_path):
    code, _, err = run("serve", "--config", tmp_path / "gone.toml")
    assert code == 1 and "gone.toml: no such file" in err
    assert run("serve", "--auth", "maybe")[0] == 2 and run("serve", "--port", 65536)[0] == 2 and not served


def test_without_the_extra_it_says_what_to_install(run, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("irs_engine.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    code, out, err = run("serve")
    assert (code, out) == (1, "") and "pip install 'irs-engine[server]'" in err and "Traceback" not in err
