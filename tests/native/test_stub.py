import ast
from pathlib import Path

from irs_engine import _native

STUB = Path(_native.__file__).with_name("_native.pyi")


def arguments(node):
    return [argument.arg for argument in node.args.args]


def check(written, expected):
    signature = written.__doc__.partition("\n")[0]
    found = [part.partition(":")[0].strip() for part in signature.partition("(")[2].split(",")]
    assert [argument for argument in found if argument in expected] == expected, signature


def test_stub_names_everything_and_its_arguments():
    stub = {node.name: node for node in ast.parse(STUB.read_text("utf-8")).body if hasattr(node, "name")}
    assert set(stub) == {name for name in dir(_native) if not name.startswith("_")}
    for name, node in stub.items():
        native = getattr(_native, name)
        if isinstance(node, ast.FunctionDef):
            check(native, arguments(node))
            continue
        members = [member for member in node.body if isinstance(member, ast.FunctionDef)]
        fields = [member.target.id for member in node.body if isinstance(member, ast.AnnAssign)]
        named = {member.name for member in members} - {"__init__"} | set(fields)
        assert named == {name for name in vars(native) if not name.startswith("_")}
        for member in members:
            check(getattr(native, member.name), arguments(member)[1:])
