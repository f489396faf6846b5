"""What the verbs of the engine answer with: frozen dataclasses of plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, is_dataclass
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
        shown = (field.name for field in fields(value) if field.metadata.get("plain", True))
        return {name: _plain(getattr(value, name)) for name in shown}
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


def clock(seconds: float) -> str:
    """Of a video or a piece of music: such as 1:05, or 2:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True, slots=True)
class Interval(Result):
    """When something is seen in a video, in seconds from its beginning."""

    start: float
    end: float
    confidence: float  # 0..100, the highest of the frames in it
    peak: float  # the time of that frame


@dataclass(frozen=True, slots=True)
class VideoTag(Result):
    id: str  # this and what follows as in Tag
    name: str
    en: str
    zh: str
    kind: str
    category: Category
    confidence: float  # 0..100, the highest of its intervals
    intervals: tuple[Interval, ...]  # in order of time, apart from each other

    @property
    def seconds(self) -> float:
        """How long it is seen."""
        return sum(interval.end - interval.start for interval in self.intervals)


@dataclass(frozen=True, slots=True)
class VideoResult(Result):
    tags: tuple[VideoTag, ...]  # most confident first
    size: tuple[int, int]  # width, height of the video as shown
    duration: float  # seconds
    scenes: tuple[float, ...]  # when each begins, in seconds
    frames: tuple[float, ...]  # the times that were looked at
    # (time, JPEG data) of some of these frames, small; not part of `to_dict`.
    pictures: tuple[tuple[float, bytes], ...] = field(
        default=(), repr=False, compare=False, metadata={"plain": False}
    )

    def draw(self) -> Image:
        """A strip of the video with the timeline of its tags."""
        from irs_engine.timeline import draw_timeline

        return draw_timeline(self)


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
