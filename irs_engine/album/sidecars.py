"""Keywords beside photos, in XMP sidecars: dc:subject, and as a tree for programs that have one.

What is in a sidecar already stays. What was written here before is remembered in a list of our own, so that a
tag that somebody took away in the album is taken away there too, and a keyword of theirs never is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from irs_engine.album.database import Database
from irs_engine.album.photos import Photo
from irs_engine.album.reports import Failure
from irs_engine.album.writing import whole_file
from irs_engine.album.xmp import XmpPacket
from irs_engine.errors import AlbumError, ParameterError
from irs_engine.results import Result
from irs_engine.vision.vocabulary import load_vocabulary

DC = "http://purl.org/dc/elements/1.1/"
LR = "http://ns.adobe.com/lightroom/1.0/"
DIGIKAM = "http://www.digikam.org/ns/1.0/"
MICROSOFT = "http://ns.microsoft.com/photo/1.0/"
LANGUAGES = ("en", "zh")
OURS = "urn:irs-engine:xmp:1.0/"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # no XML can hold these
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Keyword:
    name: str
    path: tuple[str, ...]  # from the most general one down to the name itself


@dataclass(frozen=True, slots=True)
class XmpReport(Result):
    written: int  # sidecars made or changed
    unchanged: int  # that say it all already, or would say nothing
    failed: tuple[Failure, ...]


def sidecar_of(photo: str, naming: str) -> Path:
    """IMG_1.jpg.xmp ("full", as digiKam, darktable and PhotoPrism have them) or IMG_1.xmp ("stem")."""
    return Path(photo + ".xmp") if naming == "full" else Path(photo).with_suffix(".xmp")


def write_sidecars(photos: Iterable[Photo], database: Database, language: str, naming: str) -> XmpReport:
    """Write or change a sidecar for each photo that has tags, or a sidecar; the photos stay as they are.

    Args:
        database: Their album's.
        language: "en", "zh" or "both", of the keywords.
        naming: "full" or "stem", see `sidecar_of`.
    """
    if language not in (*LANGUAGES, "both"):
        raise ParameterError(f"language={language!r}: expected en, zh or both")
    if naming not in ("full", "stem"):
        raise ParameterError(f"naming={naming!r}: expected full or stem")
    names = names_in(database)
    languages = LANGUAGES if language == "both" else (language,)
    written = unchanged = 0
    failed: list[Failure] = []
    taken: dict[Path, str] = {}
    for photo in photos:
        place = sidecar_of(photo.path, naming)
        try:
            if not os.path.exists(photo.path):
                raise AlbumError("the photo is gone")
            if place in taken:
                raise AlbumError(f"{place.name} is that of {taken[place]} already; name them in full")
            taken[place] = os.path.basename(photo.path)
            keywords = [word for language in languages for word in keywords_of(photo, names, language)]
            if _write(place, keywords):
                written += 1
            else:
                unchanged += 1
        except AlbumError as error:
            failed.append(Failure(photo.path, str(error)))
        except OSError as error:
            failed.append(Failure(photo.path, f"{place}: {error.strerror or error}"))
    return XmpReport(written, unchanged, tuple(failed))


def _write(place: Path, keywords: Sequence[Keyword]) -> bool:
    """Whether something had to be written."""
    before = place.read_bytes() if place.exists() else None
    if before is None and not keywords:
        return False
    try:
        after = merged(before, keywords)
    except AlbumError as error:
        raise AlbumError(f"{place}: {error}; it stays as it is") from error
    if after == before:
        return False
    with whole_file(place, "wb") as file:
        file.write(after)
    return True


def keywords_of(photo: Photo, names: Mapping[str, tuple[str, str]], language: str) -> list[Keyword]:
    """Its tags, each with its way down the first of its hypernyms: animal, mammal, dog."""
    vocabulary = load_vocabulary()
    column = 1 if language == "zh" else 0
    found = []
    for tag in photo.tags:
        path = [tag.zh if language == "zh" else tag.en]
        entry = vocabulary[tag.id] if tag.id in vocabulary else None
        while entry is not None and entry.parents:
            entry = vocabulary[entry.parents[0]]
            path.append(names.get(entry.id, (entry.en, entry.zh))[column])
        found.append(Keyword(path[0], tuple(reversed(path))))
    return found


def names_in(database: Database) -> dict[str, tuple[str, str]]:
    """What all tags of an album are called, in English and in Chinese, by id."""
    with database.read() as connection:
        return {key: (en, zh) for key, en, zh in connection.execute("SELECT key, en, zh FROM tags")}


def merged(sidecar: bytes | None, keywords: Sequence[Keyword]) -> bytes:
    """The sidecar with these keywords, or the very same bytes where it says that already.

    Args:
        sidecar: What is there; None makes a new one.

    Raises:
        AlbumError: It is no XMP.
    """
    packet = XmpPacket() if sidecar is None else XmpPacket(sidecar)
    names = _unique(_clean(keyword.name) for keyword in keywords)
    paths = {
        separator: _unique(
            separator.join(_clean(part).replace(separator, "-") for part in keyword.path)
            for keyword in keywords
        )
        for separator in "|/"
    }
    ours = packet.values(OURS, "Keywords")
    wanted = {
        (DC, "dc", "subject", "Bag"): names,
        (LR, "lr", "hierarchicalSubject", "Bag"): paths["|"],
    }
    # digiKam and Windows look into a list of their own first, where there is one.
    for space, prefix, name in (
        (DIGIKAM, "digiKam", "TagsList"),
        (MICROSOFT, "MicrosoftPhoto", "LastKeywordXMP"),
    ):
        if packet.values(space, name):
            wanted[space, prefix, name, "Seq" if space == DIGIKAM else "Bag"] = paths["/"]
    written: list[str] = []
    for (space, prefix, name, kind), values in wanted.items():
        mine = [value.partition(" ")[2] for value in ours if value.partition(" ")[0] == name]
        packet.remove(space, name, set(mine) - set(values))
        known = {value.casefold() for value in packet.values(space, name)}
        added = [value for value in values if value.casefold() not in known]
        packet.add(space, prefix, name, kind, added)
        written += [f"{name} {value}" for value in values if value in mine or value in added]
    if written != ours:
        packet.remove(OURS, "Keywords", set(ours))
        packet.add(OURS, "irs", "Keywords", "Bag", written)
    if not packet.changed and sidecar is not None:
        return sidecar
    return packet.data()


def _clean(text: str) -> str:
    return _SPACE.sub(" ", _ILLEGAL.sub("", text)).strip()


def _unique(values: Iterable[str]) -> list[str]:
    """Each once, whatever its case, without empty ones."""
    found: dict[str, str] = {}
    for value in values:
        if value:
            found.setdefault(value.casefold(), value)
    return list(found.values())
