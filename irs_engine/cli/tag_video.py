"""irs-engine tag, of videos: what they show, and when."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from irs_engine.cli.batch import Batch, Source, output_path
from irs_engine.cli.text import align
from irs_engine.engine import Engine
from irs_engine.errors import IrsError
from irs_engine.results import VideoResult, VideoTag, clock

COLORS = {"object": "blue", "scene": "green", "concept": "yellow"}
BAR = 32  # cells of a terminal that stand for the whole video
NAMED = 3  # intervals that are told in figures; the others are in the bar


def tag_videos(
    engine: Engine,
    sources: Iterable[Source],
    batch: Batch,
    output: str | None,
    taken: set[Path],
    **options: Any,
) -> None:
    """Tag one after the other, print what is found, draw their timelines into the output folder."""
    for source in sources:
        try:
            with _Progress(source.path) as progress:
                result = engine.tag_video(source.image, on_progress=progress, **options)
            if output:
                picture = dataclasses.replace(source, name=f"{source.name}.jpg")
                result.draw().save(output_path(output, picture, taken), quality=92, subsampling=0)
        except (IrsError, OSError) as error:
            batch.fail(source.path, error)
        else:
            batch.done(_show(source.path, result, batch))


def _show(path: str, result: VideoResult, batch: Batch) -> str:
    if batch.as_json:
        return json.dumps({"path": path, **result.to_dict()}, ensure_ascii=False)
    if not batch.single:
        names = ", ".join(f"{tag.name} {tag.confidence:.0f}" for tag in result.tags)
        return f"{path}: {names or 'no tag'}"
    head = f"{path}  {result.size[0]} x {result.size[1]}, {clock(result.duration)}"
    counts = f"{len(result.scenes)} scenes, {len(result.frames)} frames looked at"
    rows = [
        (
            tag.name,
            click.style(_bar(tag, result.duration), fg=COLORS.get(tag.kind)),
            f"{tag.confidence:5.1f}",
            tag.kind,
            _times(tag),
        )
        for tag in result.tags
    ]
    return f"{head}; {counts}\n{align(rows) or '  no tag: lower --threshold to see what is less certain'}"


def _bar(tag: VideoTag, duration: float) -> str:
    """The video from its beginning to its end, filled where the tag is seen."""
    full, empty = ("█", "░") if "utf" in (sys.stdout.encoding or "").lower() else ("#", ".")
    cells = [empty] * BAR
    for interval in tag.intervals:
        ends = interval.start, interval.end - 1e-3
        first, last = (min(BAR - 1, int(BAR * time / max(duration, 1e-3))) for time in ends)
        cells[first : last + 1] = [full] * (last + 1 - first)
    return "".join(cells)


def _times(tag: VideoTag) -> str:
    told = [f"{clock(one.start)}-{clock(one.end)}" for one in tag.intervals[:NAMED]]
    more = len(tag.intervals) - NAMED
    return ", ".join(told) + (f" + {more}" if more > 0 else "")


class _Progress:
    """How much of a video was seen, on a terminal; called by the engine."""

    def __init__(self, path: str):
        self._path = path
        self._shown = sys.stderr.isatty()

    def __call__(self, seen: float, duration: float) -> None:
        if self._shown:
            of = f" of {clock(duration)}" if duration else ""
            click.echo(f"\r\x1b[K{self._path}  {clock(seen)}{of}", nl=False, err=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
