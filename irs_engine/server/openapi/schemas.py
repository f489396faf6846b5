"""Schemas of what the APIs on pictures answer with, as `apis.py` writes it."""

from __future__ import annotations

from typing import Any

from irs_engine.server.errors import CODES

Schema = dict[str, Any]


def _plain(kind: str, description: str, more: Schema) -> Schema:
    return {"type": kind, **({"description": description} if description else {}), **more}


def text(description: str = "", **more: Any) -> Schema:
    return _plain("string", description, more)


def number(description: str = "", **more: Any) -> Schema:
    return _plain("number", description, more)


def whole(description: str = "", **more: Any) -> Schema:
    return _plain("integer", description, more)


def flag(description: str = "") -> Schema:
    return _plain("boolean", description, {})


def items(of: Schema, description: str = "") -> Schema:
    return {"type": "array", "items": of, **({"description": description} if description else {})}


def record(description: str = "", optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object with these properties, all of them present but the optional ones; `from_` is called from."""
    properties = {name.removesuffix("_"): schema for name, schema in properties.items()}
    needed = [name for name in properties if name not in optional]
    found: Schema = {"type": "object", "properties": properties}
    if needed:
        found["required"] = needed
    return found | ({"description": description} if description else {})


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_PERCENT = {"pattern": r"^\d{1,3}\.\d\d$"}
_SHARE = {"pattern": r"^[01]\.\d{4}$"}

SCHEMAS: dict[str, Schema] = {
    "Error": record(
        "Every failure; a success never carries these.",
        optional=("request_id", "detail"),
        error_code=text("One of the codes of the reference.", examples=sorted(CODES)),
        error_msg=text("What the code means."),
        request_id=text("The value of X-Request-Id, to find the call in the log."),
        detail=text("What was given and what is accepted."),
    ),
    "IamError": record(
        "How the identity service tells of a failure.",
        error=record(code={"type": "integer"}, message=text(), title=text()),
    ),
    "Names": record("In both languages.", zh=text("Chinese"), en=text("English")),
    "BoundingBox": record(
        "Pixels of the picture as shown, after EXIF rotation.",
        width=number(),
        height=number(),
        top_left_x=number(),
        top_left_y=number(),
    ),
    "image-tagging": record(
        tags=items(
            record(
                confidence=text("0 to 100, two decimals.", **_PERCENT),
                type=text("Name of the category, in the language that was asked for."),
                tag=text("Name of the tag, in the language that was asked for."),
                i18n_tag=reference("Names"),
                i18n_type=reference("Names"),
                instances=items(
                    record(
                        bounding_box=reference("BoundingBox"),
                        confidence=text("0 to 100, two decimals.", **_PERCENT),
                    ),
                    "Where it was found; empty when it is nowhere in particular.",
                ),
            ),
            "The most confident first.",
        )
    ),
    "image-tagging-v1": record(
        tags=items(
            record(
                confidence=number("0 to 100."),
                type=text(enum=["object", "scene", "concept"]),
                tag=text("Name, in the language that was asked for."),
                i18n_tag=reference("Names"),
            ),
            "The most confident first.",
        )
    ),
    "recapture-detect": record(
        suggestion=text(
            "true: an original; false: a photo of a screen or a print; uncertainty: neither is sure enough.",
            enum=["true", "false", "uncertainty"],
        ),
        category=text('"recapture", and empty for an original.', enum=["recapture", ""]),
        score=text("Confidence of what is suggested, four decimals.", **_SHARE),
        detail=items(
            record(
                label=text(enum=["original", "recapture"]),
                confidence=text("0 to 1, four decimals.", **_SHARE),
            )
        ),
        screen=text("Probability that it is a photo of a screen.", **_SHARE),
        print=text("Probability that it is a photo of a print.", **_SHARE),
        barcode={"type": "boolean", "description": "Whether a barcode could be read in it."},
        reason=text("Why the photo cannot be judged; else empty."),
    ),
    "bgm-recognition": record(
        audio_name=text("Title of the song; empty when none of the catalogue plays."),
        artist=text("Empty when the catalogue does not know."),
        confidence=number("0 to 1: how likely it is right."),
        offset=number("Seconds into the song, where it begins in the video."),
    ),
}
PICTURE = text("The picture, base64, in the format of the one that was sent.", contentEncoding="base64")
