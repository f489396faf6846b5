"""Pictures of several calls that are tagged together, each as its own call asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from irs_engine.errors import IrsError
from irs_engine.image import Rgb
from irs_engine.image.header import Header
from irs_engine.results import Tag, TaggingResult

if TYPE_CHECKING:
    from irs_engine.engine import Engine
    from irs_engine.vision.detecting_tagger import DetectingTagger


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture, perhaps still as its file, and the options of `Engine.tag`."""

    picture: Rgb | bytes
    threshold: float = 60
    limit: int | None = None
    language: str = "en"


def read_and_tag(engine: Engine, asked: Sequence[Asked]) -> list[TaggingResult | IrsError]:
    """The tags of each picture, or why it cannot be read."""
    read = [_read(engine, one) for one in asked]
    good = [one for one in read if isinstance(one, Asked)]
    tags = iter(tag_together(engine.load_detecting_tagger(), good) if good else ())
    return [next(tags) if isinstance(one, Asked) else one for one in read]


def _read(engine: Engine, asked: Asked) -> Asked | IrsError:
    if isinstance(asked.picture, Rgb):
        return asked
    try:
        return replace(asked, picture=engine.read_for_tagging(asked.picture))
    except IrsError as error:
        return error


def tag_together(tagger: DetectingTagger, asked: Sequence[Asked]) -> list[TaggingResult]:
    """The tags of each picture as `tagger.tag_batch` finds them for it with its own options; all are read.

    The most generous options serve for all: of what those give, stricter ones leave the first so many tags.
    """
    limits = [one.limit for one in asked if one.limit is not None]
    found = tagger.tag_batch(
        [one.picture for one in asked if isinstance(one.picture, Rgb)],
        threshold=min(one.threshold for one in asked),
        limit=max(limits) if len(limits) == len(asked) else None,
    )
    return [_as_asked(result, one) for result, one in zip(found, asked, strict=True)]


def _as_asked(result: TaggingResult, asked: Asked) -> TaggingResult:
    tags = [tag for tag in result.tags if tag.confidence >= asked.threshold][: asked.limit]
    return replace(result, tags=tuple(_named(tag, asked.language) for tag in tags))


def _named(tag: Tag, language: str) -> Tag:
    return replace(tag, name=tag.zh if language == "zh" else tag.en)


def pixels_read(format: str, header: Header) -> int:
    """At most how many pixels `Engine.read_for_tagging` makes of a picture: a JPEG is decoded smaller."""
    from irs_engine.vision.detector import SIDE

    short = min(header.width, header.height)
    reduction = min(1.0, 2 * SIDE / short) if format == "JPEG" else 1.0
    return int(header.width * header.height * reduction**2)
