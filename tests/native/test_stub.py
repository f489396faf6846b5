import ast
from pathlib import Path

from irs_engine import _native

STUB = Path(_native.__file__).with_name("_native.pyi")


def test_stub_names_every_function_and_its_arguments():
    stub = {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.parse(STUB.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert set(stub) == {name for name in dir(_native) if not name.startswith("_")}
    for name, arguments in stub.items():
        signature = getattr(_native, name).__doc__.partition("\n")[0]
        written = [part.partition(":")[0].strip() for part in signature.partition("(")[2].split(",")]
        assert [argument for argument in written if argument in arguments] == arguments, signature
