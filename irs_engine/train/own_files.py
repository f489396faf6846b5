"""The files that people's own training begins with and writes: whole ones, and over nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from irs_engine.errors import ParameterError, WeightsError
from irs_engine.weights import architecture_of, find_weights, weights_about

SUFFIX = ".safetensors"


def named_out(out: str | Path) -> Path:
    """The file to write, by its name alone.

    Raises:
        ParameterError: It has another suffix.
    """
    out = Path(out).expanduser()
    if out.suffix != SUFFIX:
        raise ParameterError(
            f"--out {out}: expected a name that ends in {SUFFIX}, such as {out.stem}{SUFFIX}"
        )
    return out


def prepare_out(out: Path, architecture: str, classes: Sequence[str | None]) -> None:
    """Make its folder where there is none.

    Raises:
        ParameterError: The file is there already and not weights of these classes, or cannot be written.
    """
    if out.exists() and not _is_ours(out, architecture, classes):
        raise ParameterError(
            f"--out {out}: is there already, and not weights of the classes {', '.join(map(str, classes))}; "
            "remove it or choose another name"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out.parent, os.W_OK):
        raise ParameterError(f"--out {out}: nothing can be written to {out.parent}")


def find_start(name: str, architecture: str, start: str | Path | None) -> Path:
    """The weights to begin with: those given, else those that the package calls so.

    Raises:
        ParameterError: Those given say that they are of another network.
    """
    if start is not None and (given := Path(start).expanduser()).is_file():
        if (theirs := architecture_of(given)) not in (architecture, None):
            raise ParameterError(f"--start {start}: weights of {theirs}, those of {architecture} are needed")
        return given
    return find_weights(name, start)


def part_of(out: Path) -> Path:
    """Where a file is written before `put_in_place`."""
    return out.with_suffix(f".part{out.suffix}")


def put_in_place(out: Path) -> None:
    """In one step, and readable like other files: safetensors writes for the owner alone."""
    part_of(out).chmod(0o644)
    part_of(out).replace(out)


def _is_ours(path: Path, architecture: str, classes: Sequence[str | None]) -> bool:
    if not path.is_file():
        return False
    try:
        about = weights_about(path)
    except WeightsError:
        return False
    return about.get("architecture") == architecture and json.loads(about.get("classes", "0")) == list(
        classes
    )


def write_text(path: Path, text: str) -> None:
    """All of it or nothing."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
