"""Arrows point down only: cli, train -> album -> engine -> enhance, vision, music, video -> _native."""

import ast
from pathlib import Path

import irs_engine

PACKAGE = Path(irs_engine.__file__).parent
LEVELS = [
    {"_native", "_stamp"},
    {
        "image",
        "batches",
        "resize",
        "device",
        "weights",
        "registry",
        "results",
        "draw",
        "timeline",
        "errors",
        "media",
    },
    {"enhance", "vision", "music", "video"},
    {"engine"},
    {"album"},
    {"__init__", "cli", "doctor", "server", "train"},
]


def level(part):
    return next(number for number, parts in enumerate(LEVELS) if part in parts)


def imports(file):
    """The parts of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "irs_engine" else [module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("irs_engine."):
                yield name.split(".")[1]
            assert not name.startswith(("benchmarks", "tests")), f"{file} imports {name}"


def test_every_part_has_a_level():
    parts = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts <= set.union(*LEVELS)


def test_nothing_imports_upwards():
    for file in PACKAGE.rglob("*.py"):
        part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for imported in imports(file):
            assert level(imported) <= level(part), f"{file.relative_to(PACKAGE)} imports {imported}"


def test_the_check_sees_an_upward_import(tmp_path):
    file = tmp_path / "results.py"
    file.write_text("def f():\n    from irs_engine.engine import Engine\n    import irs_engine.cli.tag\n")
    assert sorted(imports(file)) == ["cli", "engine"]
