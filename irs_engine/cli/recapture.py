"""irs-engine recapture: are these photos originals, or photos of screens and prints?"""

from __future__ import annotations

import functools
import json
from typing import Any

import click

from irs_engine.cli.batch import Batch, one_by_one
from irs_engine.cli.options import looking_options
from irs_engine.engine import Engine
from irs_engine.registry import get_operator
from irs_engine.results import RecaptureResult

WORDS = {
    "true": ("original", "green"),
    "false": ("recaptured", "red"),
    "uncertainty": ("uncertain", "yellow"),
}


@click.command()
@looking_options(
    get_operator("detect_recapture"), "Write each picture with what gave it away to this folder."
)
def recapture(
    paths: tuple[str, ...],
    recursive: bool,
    as_json: bool,
    output: str | None,
    device: str,
    precision: str,
    **options: Any,
) -> int:
    """Tell originals from photos of screens and of prints.

    PATH is a picture, a folder, or - for standard input.
    """
    engine = Engine(device=device, precision=precision)
    batch = Batch(paths, recursive=recursive, as_json=as_json)
    look = functools.partial(engine.detect_recapture, **options)
    return one_by_one(batch, look, lambda path, result: _line(path, result, as_json), output)


def _line(path: str, result: RecaptureResult, as_json: bool) -> str:
    if as_json:
        return json.dumps({"path": path, **result.to_dict()}, ensure_ascii=False)
    word, color = WORDS[result.suggestion]
    found = f"screen {100 * result.screen:.1f}  print {100 * result.print:.1f}"
    barcode = "  barcode" if result.barcode else ""
    return f"{path}: {click.style(word, fg=color)}  {found}{barcode}  {result.reason}".rstrip()
