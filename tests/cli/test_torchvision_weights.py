"""irs-engine weights: torchvision's official ones, from a server on this machine."""

import hashlib
import re

import pytest
import torch
from torchvision.models import get_model_weights
from torchvision_files import published, random_tensors

from irs_engine import doctor, weights
from irs_engine.vision.torchvision_weights import MODELS
from irs_engine.weights import find_weights, manifest, read_weights, weights_about

NAME = "ssdlite320_mobilenet_v3_large"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Empty folders in place of the package's, the user's and that of temporary files, which stays empty."""
    monkeypatch.delenv("IRS_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path / "package")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    yield tmp_path
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.fixture(scope="module")
def tensors():
    return random_tensors(NAME)


def installed_files(places):
    return sorted(path.name for path in (places / "home" / "irs_engine").glob("*"))


def test_install_by_name(run, places, tensors):
    with published(tensors, places, NAME):
        url = get_model_weights(NAME).DEFAULT.url
        code, out, err = run("weights", "install", NAME)
    path = places / "home" / "irs_engine" / f"{NAME}.safetensors"
    assert (code, out) == (0, f"{path}\n") and "Traceback" not in err
    assert installed_files(places) == ["manifest.json", path.name]
    assert not (places / "torch").exists()  # torchvision's own cache is left alone
    entry = manifest()[NAME]
    assert entry == {
        **MODELS[NAME],
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "source": url,
    }
    assert "BSD-3-Clause" in entry["license"] and weights_about(path) == {"architecture": NAME}
    stored = read_weights(find_weights(NAME, NAME))
    assert stored.keys() == tensors.keys() and all(torch.equal(stored[key], tensors[key]) for key in tensors)

    assert run("weights", "verify") == (0, f"{NAME}: ok\n", "")
    assert re.search(f"{NAME} .*{path}", run("weights", "list")[1])
    path.unlink()
    assert run("weights", "verify") == (0, f"{NAME}: not installed\n", "")
    (found,) = [finding for finding in doctor(fast=True).findings if finding.topic == "weights"]
    assert found.ok and found.text == f"not installed -> irs-engine weights install {NAME}"


def test_install_under_another_name(run, places, tensors, monkeypatch):
    """Such as the one that the engine looks for, in the folder that it looks in first."""
    with published(tensors, places, NAME):
        monkeypatch.setenv("IRS_WEIGHTS", str(places / "chosen"))
        assert run("weights", "install", NAME, "--name", "detector_s")[0] == 0
    path = places / "chosen" / "detector_s.safetensors"
    assert find_weights("detector_s") == path and weights_about(path) == {"architecture": NAME}


def test_list_names_all_before_they_are_installed(run):
    lines = run("weights", "list")[1].splitlines()
    for name, line in zip(MODELS, lines, strict=True):
        assert line.startswith(name) and line.endswith(
            f"not installed; run: irs-engine weights install {name}"
        )
    assert run("weights", "verify") == (0, "", "")


class Evil:
    """Whose pickle does something when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("another hash", "is not what torchvision published .*invalid hash"),
        ("not there", "cannot be fetched .*404"),
        ("cut off", "invalid hash"),
        ("objects", "is not what torchvision published .*Weights only"),
        ("no tensors", "holds more than tensors"),
        ("another network", f"do not fit torchvision's {NAME}"),
    ],
)
def test_a_failed_install_leaves_nothing(run, places, tensors, what, message):
    content = {
        "objects": Evil(places / "mark"),
        "no tensors": {"a": 1},
        "another network": {"a": torch.zeros(2)},
    }.get(what, tensors)
    sha256 = "0" * 64 if what == "another hash" else None
    path = {"not there": "none-01234567.pth", "cut off": "cut-01234567.pth"}.get(what)
    with published(content, places, NAME, sha256, path):
        code, out, err = run("weights", "install", NAME)
    assert (code, out) == (1, "") and re.search(message, err) and "Traceback" not in err
    assert installed_files(places) == [] and not (places / "mark").exists()


def test_no_network(run, places, monkeypatch):
    value = get_model_weights(NAME).DEFAULT.value
    monkeypatch.setattr(value, "url", "http://127.0.0.1:1/net-01234567.pth")
    code, _, err = run("weights", "install", NAME)
    assert code == 1 and "Connection refused" in err and "Try again with a network, or copy" in err
    assert installed_files(places) == []


def test_a_failed_install_keeps_the_old_file(run, places, tensors):
    with published(tensors, places, NAME):
        run("weights", "install", NAME)
    with published(tensors, places, NAME, sha256="0" * 64):
        assert run("weights", "install", NAME)[0] == 1
    assert run("weights", "verify") == (0, f"{NAME}: ok\n", "")


def test_an_unknown_name_says_where_the_known_ones_are(run):
    code, _, err = run("weights", "install", "fasterrcnn_resnet50")
    assert code == 1 and "irs-engine weights list" in err


def test_a_strange_name_is_refused_before_anything_is_fetched(run, places):
    code, _, err = run("weights", "install", NAME, "--name", "../x")
    assert code == 1 and "expected letters" in err and "Downloading" not in err


@pytest.mark.parametrize("name", MODELS)
def test_what_is_said_of_them_is_what_torchvision_says(name):
    official = get_model_weights(name).DEFAULT
    assert MODELS[name]["bytes"] == pytest.approx(official.meta["_file_size"] * 2**20, rel=1e-3)
    assert re.search(r"^https://.*-[0-9a-f]{8,}\.pth$", official.url)  # without its hash nothing is checked
