"""Local image recognition. `import irs_engine as irs; irs.tag("cat.jpg")`

Importing this loads none of torch, OpenCV, numpy and the native module; they come with the first name that
needs them.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from irs_engine.album import Album, IndexReport, Photo, Place
    from irs_engine.doctor import doctor
    from irs_engine.engine import (
        Engine,
        dark_enhance,
        default_engine,
        defog,
        detect_objects,
        detect_recapture,
        get_operator,
        list_operators,
        recognize_music,
        super_resolve,
        tag,
        tag_video,
    )
    from irs_engine.errors import (
        AlbumError,
        DatasetError,
        DeviceError,
        ImageError,
        IrsError,
        MediaError,
        MissingExtra,
        ParameterError,
        WeightsError,
        WeightsNotFound,
    )
    from irs_engine.image import Limits
    from irs_engine.music.catalogue import MusicCatalogue
    from irs_engine.music.songs import CatalogueError, DuplicateSong, Song, SongNotFound
    from irs_engine.results import (
        Box,
        Category,
        DetectedObject,
        DetectionResult,
        Instance,
        Interval,
        MusicMatch,
        MusicResult,
        RecaptureCrop,
        RecaptureLabel,
        RecaptureResult,
        Tag,
        TaggingResult,
        VideoResult,
        VideoTag,
    )

    __version__: str

__all__ = [
    "Album",
    "AlbumError",
    "Box",
    "CatalogueError",
    "Category",
    "DatasetError",
    "DetectedObject",
    "DetectionResult",
    "DeviceError",
    "DuplicateSong",
    "Engine",
    "ImageError",
    "IndexReport",
    "Instance",
    "Interval",
    "IrsError",
    "Limits",
    "MediaError",
    "MissingExtra",
    "MusicCatalogue",
    "MusicMatch",
    "MusicResult",
    "ParameterError",
    "Photo",
    "Place",
    "RecaptureCrop",
    "RecaptureLabel",
    "RecaptureResult",
    "Song",
    "SongNotFound",
    "Tag",
    "TaggingResult",
    "VideoResult",
    "VideoTag",
    "WeightsError",
    "WeightsNotFound",
    "__version__",
    "dark_enhance",
    "default_engine",
    "defog",
    "detect_objects",
    "detect_recapture",
    "doctor",
    "get_operator",
    "list_operators",
    "recognize_music",
    "super_resolve",
    "tag",
    "tag_video",
]

_NAMES = {  # as above, for __getattr__
    "album": "Album IndexReport Photo Place",
    "doctor": "doctor",
    "engine": "Engine dark_enhance default_engine defog detect_objects detect_recapture get_operator "
    "list_operators recognize_music super_resolve tag tag_video",
    "errors": "AlbumError DatasetError DeviceError ImageError IrsError MediaError MissingExtra "
    "ParameterError WeightsError WeightsNotFound",
    "image": "Limits",
    "music.catalogue": "MusicCatalogue",
    "music.songs": "CatalogueError DuplicateSong Song SongNotFound",
    "results": "Box Category DetectedObject DetectionResult Instance Interval MusicMatch MusicResult "
    "RecaptureCrop RecaptureLabel RecaptureResult Tag TaggingResult VideoResult VideoTag",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("irs-engine")
    elif name in _MODULES:
        value = getattr(importlib.import_module(f"irs_engine.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
