"""The APIs on pictures: where they are reached, what they take, which verb of the engine answers.

What a parameter is called and may be comes from the verb's own signature; here stands only where the service
differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import irs_engine.engine  # noqa: F401  it registers the verbs
from irs_engine.image.limits import FORMATS, Limits
from irs_engine.registry import Parameter, Range, get_operator
from irs_engine.results import MusicResult, RecaptureResult, Tag, TaggingResult

FILE_BYTES = 7_864_320  # 7.5 MB, of a picture
BASE64_CHARACTERS = 10 * 2**20
BODY_BYTES = 12 * 2**20
VIDEO_BYTES = 65 * 2**20
MAX_SIDE = 4096
# x4 makes 16 times as much of it, which has to be held, compressed and sent as base64.
ENLARGED_PIXELS = 2**22

Source = Literal["image", "url", "file"]


@dataclass(frozen=True)
class Api:
    """One API of the service.

    Args:
        name: In paths of metrics, bills and settings.
        service: What is subscribed.
        title: For people.
        verb: Of the engine; None: a video is listened to, see `Works.listen`.
        parameters: With the service's own defaults.
        defaulting: Parameters whose values out of range are the default, as the reference says. For others it
            says nothing, see `Settings.strict_parameters`.
        exact: Parameters of which only certain values exist: others are refused.
        to_json: Of the engine's result, what is answered as "result"; None: an encoded picture.
        not_subscribed, failed: Error codes of this generation of APIs.
    """

    name: str
    service: str
    title: str
    paths: tuple[str, ...]
    sources: tuple[Source, ...]
    limits: Limits
    verb: str | None
    parameters: tuple[Parameter, ...] = ()
    defaulting: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    to_json: Callable[[Any], Any] | None = None
    not_subscribed: str = "AIS.0004"
    failed: str = "AIS.0105"


def limits(min_side: int, **changes: Any) -> Limits:
    return replace(
        Limits(max_bytes=FILE_BYTES, max_pixels=MAX_SIDE**2, max_side=MAX_SIDE, min_side=min_side), **changes
    )


def parameters(verb: str, **defaults: Any) -> tuple[Parameter, ...]:
    """Those of the verb that the service has too, each with its default there."""
    own = {p.name: p for p in get_operator(verb).parameters}
    return tuple(replace(own[name], default=default) for name, default in defaults.items())


def _limit(most: int, default: int) -> Parameter:
    (found,) = parameters("tag", limit=default)
    return replace(found, range=Range(1, most), optional=False)


def _named(tag: Tag) -> dict[str, Any]:
    return {"tag": tag.name, "i18n_tag": {"zh": tag.zh, "en": tag.en}}


def tagging_v1(result: TaggingResult) -> dict[str, Any]:
    """Table 5-2: confidence is a number, the type that of the tag."""
    return {
        "tags": [{"confidence": round(t.confidence, 2), "type": t.kind, **_named(t)} for t in result.tags]
    }


def tagging_v2(result: TaggingResult) -> dict[str, Any]:
    """Tables 4-7 to 4-12: confidences are strings, the type is the name of the category."""
    return {
        "tags": [
            {
                "confidence": f"{tag.confidence:.2f}",
                "type": tag.category_name,
                **_named(tag),
                "i18n_type": {"zh": tag.category.zh, "en": tag.category.en},
                "instances": [
                    {
                        "bounding_box": {
                            "width": float(found.box.width),
                            "height": float(found.box.height),
                            "top_left_x": float(found.box.left),
                            "top_left_y": float(found.box.top),
                        },
                        "confidence": f"{found.confidence:.2f}",
                    }
                    for found in tag.instances
                ],
            }
            for tag in result.tags
        ]
    }


def recapture(result: RecaptureResult) -> dict[str, Any]:
    """Table 4-2, and where they help: which kind, whether a barcode was read, why nothing can be said."""
    return {
        "suggestion": result.suggestion,
        "category": result.category,
        "score": f"{result.score:.4f}",
        "detail": [{"label": d.label, "confidence": f"{d.confidence:.4f}"} for d in result.detail],
        "screen": f"{result.screen:.4f}",
        "print": f"{result.print:.4f}",
        "barcode": result.barcode,
        "reason": result.reason,
    }


def music(result: MusicResult) -> dict[str, Any]:
    """Table 5-13, and how sure it is; the name is empty when no song of the catalogue plays."""
    return {
        "audio_name": result.audio_name or "",
        "artist": result.artist or "",
        "confidence": result.confidence,
        "offset": result.offset or 0.0,
    }


MUSIC = "bgm-recognition"
APIS = (
    Api(
        "image-tagging",
        service="image-tagging",
        title="Image Tagging",
        paths=("/v2/{project_id}/image/tagging",),
        sources=("image", "url"),
        limits=limits(1),
        verb="tag",
        parameters=(*parameters("tag", language="zh", threshold=60.0), _limit(150, 50)),
        to_json=tagging_v2,
        not_subscribed="ModelArts.4204",
        failed="AIS.0505",
    ),
    Api(
        "image-tagging-v1",
        service="image-tagging",
        title="Image Tagging (V1)",
        paths=("/v1.0/image/tagging",),
        sources=("image", "url"),
        limits=limits(15),
        verb="tag",
        parameters=(*parameters("tag", language="zh", threshold=0.0), _limit(1000, 30)),
        defaulting=frozenset({"threshold"}),
        to_json=tagging_v1,
    ),
    Api(
        "recapture-detect",
        service="recapture-detect",
        title="Recapture Detection",
        paths=("/v1.0/image/recapture-detect", "/v2/{project_id}/image/recapture-detect"),
        sources=("image", "url"),
        limits=limits(15),
        verb="detect_recapture",
        parameters=parameters("detect_recapture", threshold=0.95),
        defaulting=frozenset({"threshold"}),
        to_json=recapture,
    ),
    Api(
        "dark-enhance",
        service="dark-enhance",
        title="Dark Enhance",
        paths=("/v1.0/vision/dark-enhance",),
        sources=("image", "file"),
        limits=limits(1),
        verb="dark_enhance",
        parameters=parameters("dark_enhance", brightness=0.9),
    ),
    Api(
        "defog",
        service="defog",
        title="Defog",
        paths=("/v1.0/vision/defog",),
        sources=("image", "file"),
        limits=limits(1),
        verb="defog",
        parameters=parameters("defog", gamma=1.5, natural_look=True),
    ),
    Api(
        "super-resolution",
        service="super-resolution",
        title="Super Resolution",
        paths=("/v1.0/vision/super-resolution",),
        sources=("image", "file"),
        limits=limits(
            1, max_pixels=ENLARGED_PIXELS, formats=tuple(name for name in FORMATS if name != "WEBP")
        ),
        verb="super_resolve",
        parameters=parameters("super_resolve", scale=3, model="ESPCN"),
        exact=frozenset({"scale"}),
    ),
    Api(
        MUSIC,
        service="bgm-recognition",
        title="Background Music Recognition",
        paths=("/v1.0/bgm/recognition",),
        sources=("url",),
        limits=Limits(max_bytes=VIDEO_BYTES, formats=()),
        verb=None,
        to_json=music,
    ),
)
BY_NAME = {api.name: api for api in APIS}
SERVICES = tuple(dict.fromkeys(api.service for api in APIS))
