"""irs-engine tag: what is in these pictures."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import click

from irs_engine.cli.batch import Batch, Source, output_path
from irs_engine.cli.options import classifier_option, detector_option, looking_options, parameter_option
from irs_engine.cli.tag_video import COLORS, tag_videos
from irs_engine.cli.text import align
from irs_engine.engine import Engine
from irs_engine.errors import IrsError
from irs_engine.registry import get_operator
from irs_engine.results import TaggingResult
from irs_engine.video.formats import is_video
from irs_engine.video.options import EVERY, MOST

BAR = 20


@click.command()
@looking_options(
    get_operator("tag"), "Write each picture with its tags beside it, each video as a timeline, here."
)
@detector_option
@classifier_option
@parameter_option(EVERY)
@parameter_option(MOST)
def tag(
    paths: tuple[str, ...],
    recursive: bool,
    as_json: bool,
    output: str | None,
    device: str,
    precision: str,
    detector: str | None,
    classifier: str | None,
    every: float,
    most: int,
    **options: Any,
) -> int:
    """Name what pictures and videos show.

    PATH is a picture, a video, a folder of pictures, or - for a picture from standard input. Tags of a video
    say when they are seen.
    """
    own = [file for file in (detector, classifier) if file]
    engine = Engine(device=device, precision=precision, weights=own)
    batch = Batch(paths, recursive=recursive, as_json=as_json)
    taken: set[Path] = set()
    sampling = {"every": every, "most": most}
    with batch:
        for videos, group in itertools.groupby(batch.sources, lambda source: is_video(source.path)):
            if videos:
                tag_videos(engine, group, batch, output, taken, **sampling, **options)
            else:
                _tag_pictures(engine, list(group), batch, output, taken, **options)
    return batch.exit_code()


def _tag_pictures(
    engine: Engine, sources: list[Source], batch: Batch, output: str | None, taken: set[Path], **options: Any
) -> None:
    pending = iter(sources)
    results = engine.tag_many(
        (source.image for source in sources),
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
            batch.done(_show(source, result, batch.as_json, batch.single))


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
