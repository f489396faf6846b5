"""Albums: what the photos of some folders show, in one file, to search, compare and correct."""

from irs_engine.album.album import Album, default_path
from irs_engine.album.photos import Photo, Place
from irs_engine.album.reports import AlbumInfo, Failure, IndexProgress, IndexReport, TagCount

__all__ = [
    "Album",
    "AlbumInfo",
    "Failure",
    "IndexProgress",
    "IndexReport",
    "Photo",
    "Place",
    "TagCount",
    "default_path",
]
