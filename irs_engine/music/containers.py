"""Which containers and sound formats are read, and how files say what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

# Demuxers of files that hold all of their sound themselves: no playlists, no devices, no pictures.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,matroska,webm,mp3,mpc,mpc8,mpeg,mpegts,ogg,"
    "rm,tak,tta,w64,wav,wv"
)
_PCM = "alaw mulaw f32be f32le f64be f64le s16be s16le s24be s24le s32be s32le s8 u8"
# Decoders by their names in libavcodec. The others are rare, and the less that strangers reach the better.
AUDIO = frozenset(
    (
        "aac aac_fixed aac_latm ac3 adpcm_ima_qt adpcm_ima_wav adpcm_ms alac amrnb amrwb ape cook dca "
        "dsd_lsbf dsd_lsbf_planar dsd_msbf dsd_msbf_planar eac3 flac gsm gsm_ms libopencore_amrnb "
        "libopencore_amrwb libopus mp1 mp1float mp2 mp2float mp3 mp3float mpc7 mpc8 opus tak tta vorbis "
        "wavpack wmalossless wmapro wmav1 wmav2 " + " ".join(f"pcm_{kind}" for kind in _PCM.split())
    ).split()
)
# What files of music and video are usually called.
SUFFIXES = tuple(
    f".{name}"
    for name in (
        "aac ac3 aif aiff amr ape asf avi caf dsf flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpc mpeg mpg "
        "oga ogg ogv opus ra rm tak tta ts wav webm wma wmv wv 3gp"
    ).split()
)
LONGEST = 500  # characters of a title
_NUMBER = re.compile(r"\d{1,3}\s*(?:[.)]|-(?=\s))\s*(?=\S)")  # of a track, before its name


def title_and_artist(tags: Sequence[Mapping[str, str]], name: str) -> tuple[str, str]:
    """From tags, the first that has one; what none of them has, from a file's name "Artist - Title.ext".

    Args:
        name: Empty: not known.
    """
    lower = {
        key.casefold(): text
        for found in reversed(tags)
        for key, value in found.items()
        if (text := _line(value))
    }
    artist = lower.get("artist") or lower.get("album_artist") or lower.get("author") or ""
    if title := lower.get("title"):
        return title, artist
    stem = PurePath(name).stem
    stem = _line(stem if " " in stem else stem.replace("_", " "))
    stem = _NUMBER.sub("", stem, count=1) if _NUMBER.match(stem) else stem
    before, dash, after = stem.partition(" - ")
    if dash and before.strip() and after.strip():
        return after.strip(), artist or before.strip()
    return stem.strip(), artist


def _line(text: str) -> str:
    """In one line, without control characters and of a length that can be shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]
