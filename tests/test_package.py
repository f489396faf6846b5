import ast
import importlib.metadata
from pathlib import Path

import pytest

import irs_engine as irs


def test_every_public_name_is_there():
    for name in irs.__all__:
        assert getattr(irs, name) is not None
    assert set(irs.__all__) <= set(dir(irs))


def test_the_face_that_type_checkers_see_is_the_real_one():
    tree = ast.parse(Path(irs.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted([*seen, "__version__"]) == sorted(irs.__all__)
    for name, module in seen.items():
        assert getattr(importlib.import_module(module), name) is getattr(irs, name)


def test_version():
    assert irs.__version__ == importlib.metadata.version("irs-engine")


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'tagg'"):
        irs.tagg  # noqa: B018


def test_doctor_is_callable_even_when_its_module_was_imported_first():
    import irs_engine.doctor

    assert irs_engine.doctor(fast=True).findings
