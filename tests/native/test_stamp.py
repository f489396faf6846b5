import pytest

from irs_engine import _native, _stamp


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one header, as `_stamp` sees it."""
    (tmp_path / "csrc/core").mkdir(parents=True)
    (tmp_path / "csrc/core/foreach_isa.h").write_text("one")
    (tmp_path / "pyproject.toml").write_text('version = "1.2.3"\n')
    monkeypatch.setattr(_stamp, "__file__", str(tmp_path / "irs_engine" / "_stamp.py"))
    return tmp_path


def test_version_is_that_of_the_package():
    assert _native.__version__.count(".") == 2


def test_a_fresh_module_is_accepted(checkout):
    _stamp.refuse_stale(_stamp.source_stamp(checkout))


@pytest.mark.parametrize(
    ("path", "text"),
    [("csrc/core/foreach_isa.h", "two"), ("csrc/new.cpp", ""), ("pyproject.toml", 'version = "1.2.4"\n')],
)
def test_a_stale_module_is_refused(checkout, path, text):
    stamp = _stamp.source_stamp(checkout)
    (checkout / path).write_text(text)
    with pytest.raises(ImportError, match=r"built from other sources than those in .*pip install -e \."):
        _stamp.refuse_stale(stamp)


def test_an_installed_module_has_nothing_to_go_stale_against(tmp_path, monkeypatch):
    monkeypatch.setattr(_stamp, "__file__", str(tmp_path / "irs_engine" / "_stamp.py"))
    _stamp.refuse_stale("anything")
