"""irs-engine tag: what is in these pictures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from irs_engine.cli.batch import Batch, Source, output_path
from irs_engine.cli.options import classifier_option, detector_option, looking_options
from irs_engine.cli.text import align
from irs_engine.engine import Engine
from irs_engine.errors import IrsError
from irs_engine.registry import get_operator
from irs_engine.results import TaggingResult

BAR = 20
COLORS = {"object": "blue", "scene": "green", "concept": "yellow"}


@click.command()
@looking_options(get_operator("tag"), "Write each picture with its tags beside it to this folder.")
@detector_option
@classifier_option
def tag(
    paths: tuple[str, ...],
    recursive: bool,
    as_json: bool,
    output: str | None,
    device: str,
    precision: str,
    detector: str | None,
    classifier: str | None,
    **options: Any,
) -> int:
    """Name what pictures show.

    PATH is a picture, a folder, or - for standard input.
    """
    own = [file for file in (detector, classifier) if file]
    engine = Engine(device=device, precision=precision, weights=own)
    batch = Batch(paths, recursive=recursive, as_json=as_json)
    taken: set[Path] = set()
    pending = iter(batch.sources)
    with batch:
        results = engine.tag_many(
            (source.image for source in batch.sources),
            on_error=lambda _, error: batch.fail(next(pending).path, error),
            **options,
        )
        for image, result in results:
            source = next(pending)
            try:
                if output:
                    result.draw(image).save(output_path(output, source, taken), quality=92, subsampling=0)
            except IrsError as error:  # the file changed since it was tagged
                batch.fail(source.path, error)
            else:
                batch.done(_show(source, result, as_json, batch.single))
    return batch.exit_code()


def _show(source: Source, result: TaggingResult, as_json: bool, single: bool) -> str:
    if as_json:
        return json.dumps({"path": source.path, **result.to_dict()}, ensure_ascii=False)
    if single:
        return f"{source.path}  {result.size[0]} x {result.size[1]}\n{_table(result)}"
    names = ", ".join(f"{tag.name} {tag.confidence:.0f}" for tag in result.tags)
    return f"{source.path}: {names or 'no tag'}"


def _table(result: TaggingResult) -> str:
    full, empty = ("█", "░") if "utf" in (sys.stdout.encoding or "").lower() else ("#", ".")
    rows = []
    for tag in result.tags:
        filled = round(BAR * tag.confidence / 100)
        bar = click.style(full * filled, fg=COLORS.get(tag.kind)) + empty * (BAR - filled)
        rows.append((tag.name, bar, f"{tag.confidence:5.1f}", tag.kind, tag.category_name))
    return align(rows) or "  no tag: lower --threshold to see what is less certain"
