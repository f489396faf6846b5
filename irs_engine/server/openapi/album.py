"""The operator's album: what is asked and answered.

The routes are where the addresses are; a test holds these descriptions against them.
"""

from __future__ import annotations

from typing import Any

from irs_engine.server.apis import BASE64_CHARACTERS
from irs_engine.server.openapi.endpoint import ALBUM, Endpoint
from irs_engine.server.openapi.schemas import SCHEMAS, Schema, items, number, record, text, whole

TIME: Schema = {"type": ["string", "null"], "description": "Local time, such as 2024-07-01T12:30:00."}
PLACE: Schema = {
    **record("Degrees, north and east positive.", latitude=number(), longitude=number()),
    "type": ["object", "null"],
}
ID, TAG_ID = whole("Of the photo in the album."), text("A WordNet synset, or source:name.")
TAG = record(id=TAG_ID, en=text(), zh=text())
SEEN_TAG = SCHEMAS["image-tagging"]["properties"]["tags"]["items"]
COPY_KINDS = ["exact", "re-saved", "resized", "mirrored", "cropped"]


def photo(**more: Schema) -> Schema:
    facts = {
        "id": ID,
        "name": text("Of its file, without folders."),
        "width": whole("As shown."),
        "height": whole("As shown."),
        "taken": TIME,
        "tags": items(TAG, "The most confident ones."),
    }
    return record("", (), **(facts | more))


SIMILAR = record(photos=items(photo(similarity=number("-1 to 1.")), "The most similar first."))
WHOLE_PHOTO = photo(
    tags=items({**SEEN_TAG, "properties": {"id": TAG_ID, **SEEN_TAG["properties"]}}),
    place=PLACE,
    corrected=items(TAG_ID, "Tags that people added, or that follow from these."),
)
LANGUAGE = text(enum=["en", "zh"], default="en")
THRESHOLD = number("Confidence that tags need.", minimum=0, maximum=100, default=50)


def limit(what: str, default: int = 24, most: int = 200) -> dict[str, Any]:
    return {"limit": whole(f"Most {what}.", minimum=1, maximum=most, default=default)}


OFFSET = {"offset": whole("Leave so many out before.", minimum=0, default=0)}

ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/irs/v1/album"): Endpoint(
        ALBUM,
        "What is in the album",
        record(
            photos=whole(),
            failed=whole("Files that could not be read."),
            folders=whole(),
            first=TIME,
            last=TIME,
            places=whole("Photos that know where they were taken."),
            corrections=whole(),
        ),
    ),
    ("GET", "/irs/v1/album/search"): Endpoint(
        ALBUM,
        "Photos that fit a query, the likeliest first",
        record(
            query=text("As it was understood."),
            total=whole("Photos that fit."),
            photos=items(photo(confidence=number("0 to 100, that the query is true of it."))),
        ),
        query={
            "query": text("Such as: dog beach -person 2024. Words, OR, brackets, minus, dates, dog:80."),
            "threshold": THRESHOLD,
            "since": text("A year, month or day, such as 2024-07."),
            "until": text("Likewise; that day is in it."),
            **limit("photos"),
            **OFFSET,
        },
    ),
    ("GET", "/irs/v1/album/tags"): Endpoint(
        ALBUM,
        "Tags, those of the most photos first",
        record(
            total=whole(),
            tags=items(record(id=TAG_ID, en=text(), zh=text(), kind=text(), photos=whole())),
        ),
        query={"threshold": THRESHOLD, **limit("tags", 100, 10_000)},
    ),
    ("GET", "/irs/v1/album/photos/{id}"): Endpoint(
        ALBUM,
        "What is known of a photo",
        WHOLE_PHOTO,
        query={"threshold": THRESHOLD, "language": LANGUAGE},
    ),
    ("GET", "/irs/v1/album/photos/{id}/thumbnail"): Endpoint(
        ALBUM,
        "A small copy of a photo",
        query={"height": whole("Pixels.", enum=[160, 320, 1080], default=320)},
        answers_in="image/webp",
    ),
    ("GET", "/irs/v1/album/photos/{id}/file"): Endpoint(ALBUM, "The photo itself", answers_in="image/*"),
    ("GET", "/irs/v1/album/photos/{id}/similar"): Endpoint(
        ALBUM, "Photos that look like one of the album", SIMILAR, query=limit("photos")
    ),
    ("POST", "/irs/v1/album/similar"): Endpoint(
        ALBUM,
        "Photos that look like a picture",
        SIMILAR,
        record(
            image=text("A picture in base64.", contentEncoding="base64", maxLength=BASE64_CHARACTERS),
            **limit("photos"),
            optional=("limit",),
        ),
        form=True,
    ),
    ("GET", "/irs/v1/album/duplicates"): Endpoint(
        ALBUM,
        "Photos that are there more than once",
        record(
            total=whole("Groups."),
            groups=items(
                record(
                    photo=photo(),
                    copies=items(photo(kind=text(enum=COPY_KINDS), similarity=number("-1 to 1."))),
                ),
                "Each with the photo to keep.",
            ),
        ),
        query={**limit("groups"), **OFFSET},
    ),
    ("GET", "/irs/v1/album/proposals"): Endpoint(
        ALBUM,
        "Albums that could be made",
        record(
            albums=items(
                record(
                    kind=text(enum=["time", "place", "content"]),
                    name=text(),
                    tags=items(TAG_ID),
                    first=TIME,
                    last=TIME,
                    place=PLACE,
                    photos=items(ID),
                )
            )
        ),
        query={
            "by": text("All of them by default.", enum=["time", "place", "content"]),
            "least": whole("Photos of the smallest.", minimum=2, default=8),
            "language": LANGUAGE,
            **limit("of each kind"),
        },
    ),
}
