"""irs-engine detect: which things are in these pictures, and where."""

from __future__ import annotations

import functools
import json
from collections import Counter
from typing import Any

import click

from irs_engine.cli.batch import Batch, one_by_one
from irs_engine.cli.options import detector_option, looking_options
from irs_engine.cli.text import align
from irs_engine.engine import Engine
from irs_engine.registry import get_operator
from irs_engine.results import DetectedObject, DetectionResult


@click.command()
@looking_options(get_operator("detect_objects"), "Write each picture with its boxes to this folder.")
@detector_option
def detect(
    paths: tuple[str, ...],
    recursive: bool,
    as_json: bool,
    output: str | None,
    device: str,
    precision: str,
    detector: str | None,
    **options: Any,
) -> int:
    """Find things in pictures, with a box for each.

    PATH is a picture, a folder, or - for standard input.
    """
    engine = Engine(device=device, precision=precision, weights=detector)
    batch = Batch(paths, recursive=recursive, as_json=as_json)
    look = functools.partial(engine.detect_objects, **options)
    return one_by_one(batch, look, lambda path, result: _show(path, result, as_json, batch.single), output)


def _show(path: str, result: DetectionResult, as_json: bool, single: bool) -> str:
    if as_json:
        return json.dumps({"path": path, **result.to_dict()}, ensure_ascii=False)
    if not single:
        counted = Counter(thing.en for thing in result.objects)
        return f"{path}: {', '.join(f'{count} {name}' for name, count in counted.items()) or 'nothing'}"
    rows = [
        (
            thing.en,
            thing.zh,
            f"{thing.confidence:5.1f}",
            "{:.0f}, {:.0f}  {:.0f} x {:.0f}".format(*_sides(thing)),
        )
        for thing in result.objects
    ]
    table = align(rows) or "  nothing: lower --threshold, or try --tiles for small things"
    return f"{path}  {result.size[0]} x {result.size[1]}\n{table}"


def _sides(thing: DetectedObject) -> tuple[float, float, float, float]:
    return thing.box.left, thing.box.top, thing.box.width, thing.box.height
