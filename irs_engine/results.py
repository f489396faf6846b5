"""What the verbs of the engine answer with: frozen dataclasses of plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from irs_engine.image import ImageInput


class Result:
    """What all results can do."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Nested dicts, lists, strings and numbers, in the order of the fields."""
        return _plain(self)

    def to_json(self) -> str:
        """One line of JSON; Chinese stays readable."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Box(Result):
    """Pixels of the image as shown, after EXIF rotation."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Instance(Result):
    box: Box
    confidence: float  # 0..100


@dataclass(frozen=True, slots=True)
class Category(Result):
    id: str  # such as "animal"
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Tag(Result):
    id: str  # stable: a WordNet 3.0 synset such as n02084071, else source:slug
    name: str  # en or zh, in the language that was asked for
    en: str
    zh: str
    kind: str  # object | scene | concept
    category: Category
    confidence: float  # 0..100
    instances: tuple[Instance, ...] = ()

    @property
    def category_name(self) -> str:
        """Of the category, in the language of `name`."""
        return self.category.zh if self.name == self.zh != self.en else self.category.en


@dataclass(frozen=True, slots=True)
class TaggingResult(Result):
    tags: tuple[Tag, ...]  # most confident first
    size: tuple[int, int]  # width, height of the image as shown

    def draw(self, image: ImageInput) -> Image:
        """The picture with its boxes and, beside it, the tags with bars of confidence."""
        from irs_engine.draw import draw_tags

        return draw_tags(image, self)


@dataclass(frozen=True, slots=True)
class DetectedObject(Result):
    id: str  # of the tag, see Tag
    en: str
    zh: str
    category: Category
    box: Box
    confidence: float  # 0..100


@dataclass(frozen=True, slots=True)
class DetectionResult(Result):
    objects: tuple[DetectedObject, ...]  # most confident first
    size: tuple[int, int]  # width, height of the image as shown

    def draw(self, image: ImageInput) -> Image:
        """The picture with its boxes, each with name and confidence."""
        from irs_engine.draw import draw_objects

        return draw_objects(image, self)


@dataclass(frozen=True, slots=True)
class RecaptureLabel(Result):
    label: str  # original | recapture
    confidence: float  # 0..1


@dataclass(frozen=True, slots=True)
class RecaptureCrop(Result):
    """One of the places that were looked at, and what it says alone."""

    box: Box
    screen: float  # probabilities, 0..1
    print: float


@dataclass(frozen=True, slots=True)
class RecaptureResult(Result):
    suggestion: str  # "true": an original, "false": recaptured, "uncertainty"
    category: str  # "recapture" unless the suggestion is "true", then empty
    score: float  # 0..1, confidence of what is suggested, of the likelier when uncertain
    detail: tuple[RecaptureLabel, ...]  # of the suggestion; of both, the likelier first, when uncertain
    screen: float  # probability that it is a photo of a screen
    print: float  # of a print
    barcode: bool  # whether a barcode could be read
    reason: str  # why the photo cannot be judged: too small, blurred or compressed; else empty
    crops: tuple[RecaptureCrop, ...]  # the last one is the whole photo, seen small
    size: tuple[int, int]  # width, height of the image as shown

    def draw(self, image: ImageInput) -> Image:
        """The picture with the places that were looked at, from green (original) to red (recaptured)."""
        from irs_engine.draw import draw_recapture

        return draw_recapture(image, self)


@dataclass(frozen=True, slots=True)
class MusicMatch(Result):
    """A song of the catalogue, and where it plays in a video."""

    title: str
    artist: str  # empty when the catalogue does not know
    id: int  # in the catalogue
    confidence: float  # 0..1: how likely it is right; what is told as playing has 0.5 or more
    offset: float  # seconds into the song, at `start`
    start: float  # seconds of the video
    end: float


@dataclass(frozen=True, slots=True)
class MusicResult(Result):
    audio_name: str | None  # title of the song that is the most certain; None: no song of the catalogue plays
    artist: str | None
    confidence: float  # 0..1, of that song
    offset: float | None  # seconds into that song, where it begins in the video
    matches: tuple[MusicMatch, ...]  # all that play: surest first, with `all_songs` in the order of the video
    runners_up: tuple[MusicMatch, ...]  # what comes next but is not believed, likeliest first
    seconds: float  # of the video that were listened to
