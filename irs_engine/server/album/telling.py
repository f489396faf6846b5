"""What is told of an album, as JSON: of where a photo lies nothing but the name of its file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from irs_engine.album.clusters import AlbumProposal
from irs_engine.album.duplicates import DuplicateGroup
from irs_engine.album.photos import Photo, Place
from irs_engine.album.reports import AlbumInfo, TagCount
from irs_engine.album.search import SearchResult
from irs_engine.album.similar import SimilarPhoto
from irs_engine.results import TaggingResult
from irs_engine.server.apis import tagging_v2

FIRST = 5  # tags of a photo in a list


def file_name(path: str) -> str:
    """Without its folders; bytes that are no text are shown as question marks."""
    return os.path.basename(path).encode("utf-8", "replace").decode()


def brief(photo: Photo) -> dict[str, Any]:
    """A photo in a list."""
    return {
        "id": photo.id,
        "name": file_name(photo.path),
        "width": photo.size[0],
        "height": photo.size[1],
        "taken": photo.taken,
        "tags": [{"id": tag.id, "en": tag.en, "zh": tag.zh} for tag in photo.tags[:FIRST]],
    }


def whole(photo: Photo) -> dict[str, Any]:
    """All that is known of a photo, its tags as those of Image Tagging."""
    tags = tagging_v2(TaggingResult(photo.tags, photo.size))["tags"]
    return brief(photo) | {
        "place": _place(photo.place),
        "tags": [{"id": tag.id, **told} for tag, told in zip(photo.tags, tags, strict=True)],
        "corrected": list(photo.corrected),
    }


def info(found: AlbumInfo) -> dict[str, Any]:
    return {
        "photos": found.photos,
        "failed": len(found.failed),
        "folders": len(found.folders),
        "first": found.first,
        "last": found.last,
        "places": found.places,
        "corrections": found.corrections,
    }


def found(result: SearchResult) -> dict[str, Any]:
    return {
        "query": result.query,
        "total": result.total,
        "photos": [{**brief(hit.photo), "confidence": hit.confidence} for hit in result.hits],
    }


def similar(photos: Iterable[SimilarPhoto]) -> dict[str, Any]:
    return {"photos": [{**brief(one.photo), "similarity": one.similarity} for one in photos]}


def counts(tags: Sequence[TagCount], limit: int) -> dict[str, Any]:
    return {
        "total": len(tags),
        "tags": [
            {"id": tag.id, "en": tag.en, "zh": tag.zh, "kind": tag.kind, "photos": tag.photos}
            for tag in tags[:limit]
        ],
    }


def duplicates(group: DuplicateGroup) -> dict[str, Any]:
    return {
        "photo": brief(group.photo),
        "copies": [
            {**brief(copy.photo), "kind": copy.kind, "similarity": copy.similarity} for copy in group.copies
        ],
    }


def proposals(albums: Iterable[AlbumProposal]) -> dict[str, Any]:
    return {
        "albums": [
            {
                "kind": album.kind,
                "name": album.name,
                "tags": list(album.tags),
                "first": album.first,
                "last": album.last,
                "place": _place(album.place),
                "photos": list(album.photos),
            }
            for album in albums
        ]
    }


def _place(place: Place | None) -> dict[str, float] | None:
    return None if place is None else {"latitude": place.latitude, "longitude": place.longitude}
