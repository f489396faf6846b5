"""Commands other than tag."""

import hashlib
import json
import re
import subprocess
import sys

import click
import numpy as np
from safetensors.numpy import save_file

from irs_engine import registry, weights
from irs_engine.cli.options import operator_options
from irs_engine.cli.text import align, cells


def test_help_names_every_command(run):
    code, out, _ = run("--help")
    assert code == 0 and all(f"\n  {name} " in out for name in ("tag", "tags", "doctor", "weights"))


def test_tags(run):
    code, out, _ = run("tags", "--search", "猫")
    assert code == 0 and all("猫" in line for line in out.splitlines())
    found = [json.loads(line) for line in run("tags", "--kind", "scene", "--json")[1].splitlines()]
    assert len(found) > 100 and all(tag["kind"] == "scene" and tag["en"] and tag["zh"] for tag in found)
    category = found[0]["category"]
    assert run("tags", "--kind", "scene", "--category", category)[0] == 0


def test_no_such_tag(run):
    assert run("tags", "--search", "qqqq") == (1, "", "no tag like that\n")
    code, _, err = run("tags", "--category", "nonsense")
    assert code == 2 and "expected one of" in err


def test_a_closed_pipe_is_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "irs_engine.cli", "tags", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 1


def test_weights(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weights, "package_directory", lambda: tmp_path / "package")
    file = tmp_path / "net.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    assert all("not installed; run: " in line for line in run("weights", "list")[1].splitlines())
    code, out, err = run("weights", "install", file, "--sha256", "0" * 64)
    assert (code, out) == (1, "") and digest in err and "Traceback" not in err
    code, out, err = run("weights", "install", file, "--sha256", digest)
    assert (code, err) == (0, "") and out.strip().endswith("irs_engine/net.safetensors")
    assert re.search("^net +0.0 MB ", run("weights", "list")[1])
    assert run("weights", "verify") == (0, "net: ok\n", "")
    (tmp_path / "home" / "irs_engine" / "net.safetensors").write_bytes(file.read_bytes()[:-1] + b"x")
    code, out, _ = run("weights", "verify")
    assert code == 1 and "sha256" in out


def test_flags_of_an_operator_that_does_not_exist_yet(monkeypatch, run):
    """The flags of `defog(gamma=1.5, natural_look=True)` follow from its signature alone."""
    from typing import Annotated

    monkeypatch.setattr(registry, "_operators", {})

    @registry.operator
    def defog(image, *, gamma: Annotated[float, registry.Range(0.1, 10)] = 1.5, natural_look: bool = True):
        """Remove haze.

        Args:
            gamma: How much.
        """

    @click.command()
    @operator_options(registry.get_operator("defog"))
    def command(**options):
        click.echo(json.dumps(options))

    from click.testing import CliRunner

    invoke = CliRunner().invoke
    assert json.loads(invoke(command).output) == {"gamma": 1.5, "natural_look": True}
    assert json.loads(invoke(command, ["--gamma", "2", "--no-natural-look"]).output) == {
        "gamma": 2,
        "natural_look": False,
    }
    assert invoke(command, ["--gamma", "11"]).exit_code == 2
    assert "How much." in invoke(command, ["--help"]).output


def test_columns():
    assert cells("猫 cat") == 6
    assert align([("猫", "x"), ("long", "y")]) == "  猫    x\n  long  y"
    assert align([]) == ""
