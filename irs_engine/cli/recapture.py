"""irs-engine recapture: are these photos originals, or photos of screens and prints?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from irs_engine.cli.batch import Batch, output_path
from irs_engine.cli.options import looking_options
from irs_engine.engine import Engine
from irs_engine.errors import IrsError
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
    taken: set[Path] = set()
    with batch:
        for source in batch.sources:
            try:
                result = engine.detect_recapture(source.image, **options)
                if output:
                    path = output_path(output, source, taken)
                    result.draw(source.image).save(path, quality=92, subsampling=0)
            except (IrsError, OSError) as error:
                batch.fail(source.path, error)
            else:
                batch.done(_line(source.path, result, as_json))
    return batch.exit_code()


def _line(path: str, result: RecaptureResult, as_json: bool) -> str:
    if as_json:
        return json.dumps({"path": path, **result.to_dict()}, ensure_ascii=False)
    word, color = WORDS[result.suggestion]
    found = f"screen {100 * result.screen:.1f}  print {100 * result.print:.1f}"
    barcode = "  barcode" if result.barcode else ""
    return f"{path}: {click.style(word, fg=color)}  {found}{barcode}  {result.reason}".rstrip()
