import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from loopback import serving
from safetensors.numpy import save_file

from irs_engine import weights
from irs_engine.errors import WeightsError, WeightsNotFound
from irs_engine.weights import find_weights, install_weights, load_weights, manifest, verify_weights

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(4, np.float16)}


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Empty directories in place of the package's and the user's."""
    monkeypatch.delenv("IRS_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path / "package")
    (tmp_path / "package").mkdir()
    (tmp_path / "chosen").mkdir()
    return tmp_path


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file(TENSORS, path)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def put(directory, source, name="net", **entry):
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, directory / f"{name}.safetensors")
    entry = {"file": f"{name}.safetensors", "sha256": sha256(source), **entry}
    (directory / "manifest.json").write_text(json.dumps({name: entry}))
    return directory / f"{name}.safetensors"


@pytest.fixture
def server(tmp_path):
    """Files of a directory over http on loopback."""
    root = tmp_path / "served"
    root.mkdir()

    with serving(root) as url:
        yield root, url


def test_order_is_argument_variable_package_cache(places, source, monkeypatch):
    cache = places / "home" / "irs_engine"
    cache.mkdir(parents=True)
    assert find_weights("net", source) == source
    in_cache = put(cache, source)
    assert find_weights("net") == in_cache
    in_package = put(places / "package", source)
    assert find_weights("net") == in_package
    monkeypatch.setenv("IRS_WEIGHTS", str(places / "chosen"))
    assert find_weights("net") == in_package  # the chosen folder lacks it: the search goes on
    in_chosen = put(places / "chosen", source)
    assert find_weights("net") == in_chosen
    assert find_weights("net", places / "package") == in_package


def test_missing_says_where_it_looked_and_what_to_do(places, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", "/nowhere/at/all")
    with pytest.raises(WeightsNotFound) as raised:
        find_weights("net")
    text = str(raised.value)
    assert "net is not in $IRS_WEIGHTS (/nowhere/at/all), the package" in text
    assert "irs-engine weights install" in text
    with pytest.raises(WeightsNotFound, match="no such file"):
        find_weights("net", places / "gone.safetensors")


@pytest.mark.parametrize("framework", ["np", "pt"])
def test_load(places, source, framework):
    put(places / "package", source)
    loaded = load_weights("net", framework=framework)
    assert loaded.keys() == TENSORS.keys()
    for key, value in TENSORS.items():
        assert np.array_equal(np.asarray(loaded[key]), value)


def test_damaged_file_is_refused_and_noticed_again_after_it_changed(places, source):
    path = put(places / "package", source)
    assert verify_weights(path) == "ok"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))  # the same size, another time
    with pytest.raises(WeightsError, match=r"sha256 is .* its manifest says"):
        load_weights("net")


def test_sha256_is_computed_once(places, source, monkeypatch):
    put(places / "package", source)
    load_weights("net")
    monkeypatch.setattr(weights, "_copy", lambda *_: pytest.fail("hashed again"))
    load_weights("net")


def test_file_that_no_manifest_names_is_the_users_own(places, source):
    assert verify_weights(source) == "not in a manifest"
    assert load_weights("anything", source, framework="np").keys() == TENSORS.keys()


def test_not_safetensors(places):
    bad = places / "bad.safetensors"
    bad.write_bytes(b"\xff" * 100)
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_weights("x", bad)


def test_broken_manifest_is_an_error_not_an_empty_one(places):
    (places / "package" / "manifest.json").write_text("{")
    with pytest.raises(WeightsError, match="not a readable manifest"):
        manifest()


def nothing_left(directory):
    return not directory.exists() or list(directory.iterdir()) == []


@pytest.mark.parametrize("how", ["file", "url"])
def test_install(places, source, server, how):
    root, url = server
    shutil.copy(source, root / "net.safetensors")
    where = str(source) if how == "file" else f"{url}/net.safetensors"
    seen = []
    path = install_weights(where, sha256=sha256(source), name="mine", progress=lambda *p: seen.append(p))
    assert path == places / "home" / "irs_engine" / "mine.safetensors"
    assert find_weights("mine") == path and verify_weights(path) == "ok"
    assert manifest()["mine"]["bytes"] == path.stat().st_size
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert path.stat().st_mode & 0o777 == 0o644
    assert sorted(p.name for p in path.parent.iterdir()) == ["manifest.json", "mine.safetensors"]


def test_install_goes_to_the_chosen_folder(places, source, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(places / "chosen"))
    assert install_weights(str(source), sha256=sha256(source)).parent == places / "chosen"


def test_install_by_name_keeps_what_the_manifest_says(places, source, server):
    root, url = server
    shutil.copy(source, root / "v2.safetensors")
    entry = {
        "file": "net.safetensors",
        "sha256": sha256(source),
        "url": f"{url}/v2.safetensors",
        "license": "Apache-2.0",
    }
    (places / "package" / "manifest.json").write_text(json.dumps({"net": entry}))
    with pytest.raises(WeightsNotFound, match=r"run: irs-engine weights install net$"):
        find_weights("net")
    path = install_weights("net")
    assert find_weights("net") == path and path.name == "net.safetensors"
    assert manifest(path.parent)["net"]["license"] == "Apache-2.0"


@pytest.mark.parametrize("what", ["wrong sha256", "not safetensors", "cut", "missing", "refused"])
def test_a_failed_install_leaves_nothing(places, source, server, what):
    root, url = server
    shutil.copy(source, root / "net.safetensors")
    (root / "text").write_bytes(b"hello there, no tensors")
    where, digest = {
        "wrong sha256": (f"{url}/net.safetensors", "0" * 64),
        "not safetensors": (f"{url}/text", sha256(root / "text")),
        "cut": (f"{url}/cut", "0" * 64),
        "missing": (f"{url}/none", "0" * 64),
        "refused": ("http://127.0.0.1:1/x", "0" * 64),
    }[what]
    with pytest.raises(WeightsError, match="nothing was installed"):
        install_weights(where, sha256=digest)
    assert nothing_left(places / "home" / "irs_engine")


def test_a_failed_install_keeps_the_old_file(places, source):
    path = install_weights(str(source), sha256=sha256(source))
    with pytest.raises(WeightsError):
        install_weights(str(source), sha256="0" * 64)
    assert verify_weights(path) == "ok"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "unheard-of"}, "neither a file"),
        ({"source": "FILE"}, "64 hexadecimal digits"),
        ({"source": "FILE", "sha256": "abc"}, "64 hexadecimal digits"),
        ({"source": "FILE", "sha256": "0" * 64, "name": "../x"}, "expected letters"),
        ({"source": "file:///etc/passwd", "sha256": "0" * 64}, "neither a file"),
    ],
)
def test_install_asks_for_what_it_needs(places, source, arguments, message):
    with pytest.raises(WeightsError, match=message):
        install_weights(**{**arguments, "source": arguments["source"].replace("FILE", str(source))})
    assert nothing_left(places / "home" / "irs_engine")


def test_a_file_for_another_network_is_passed_over(places, source, tmp_path):
    """Whoever gives the engine a detector of his own still tags with the shipped tagger."""
    put(places / "package", source, architecture="TaggerNet")
    own = tmp_path / "own.safetensors"
    for architecture, expected in (
        ("DetectorNet", places / "package" / "net.safetensors"),
        ("TaggerNet", own),
    ):
        save_file(TENSORS, own, {"architecture": architecture})
        assert find_weights("net", own) == expected
        assert find_weights("unknown", own) == own
        assert find_weights("net", own, accepts=["DetectorNet"]) == own
    save_file(TENSORS, own)
    assert find_weights("net", own) == own
    own.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        find_weights("net", own)


def test_several_may_be_given_files_folders_and_names(places, source, tmp_path):
    in_package = put(places / "package", source, architecture="TaggerNet")
    larger = places / "package" / "larger.safetensors"
    save_file(TENSORS, larger, {"architecture": "LargerNet"})
    known = manifest(places / "package") | {"larger": {"file": larger.name}}
    (places / "package" / "manifest.json").write_text(json.dumps(known))
    assert find_weights("net", "larger") == in_package
    assert find_weights("net", "larger", accepts=["LargerNet"]) == larger
    own = tmp_path / "own.safetensors"
    save_file(TENSORS, own, {"architecture": "TaggerNet"})
    for given in (["larger", own], [own, "larger"], (str(own),)):
        assert find_weights("net", given) == own
    first, second = (put(tmp_path / name, source) for name in ("first", "second"))
    assert find_weights("net", [second.parent, first.parent]) == second
    with pytest.raises(WeightsNotFound, match="no installed weights are called so"):
        find_weights("net", [own, "largest"])
