"""Songs and what plays in videos, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from irs_engine.cli.text import align
from irs_engine.results import MusicMatch, MusicResult

if TYPE_CHECKING:
    from irs_engine.music.songs import Song


def spoken(song: Song | MusicMatch) -> str:
    return f"{song.title} by {song.artist}" if song.artist else song.title


def clock(seconds: float) -> str:
    """1:05, 1:02:03; before zero with a minus."""
    whole = round(abs(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    text = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{'-' if seconds < 0 and whole else ''}{text}:{whole % 60:02}"


def song_row(song: Song) -> tuple[str, ...]:
    return str(song.id), clock(song.duration), song.title, song.artist


def show_result(path: str, found: MusicResult, all_songs: bool) -> str:
    if not found.matches:
        return f"{path}: no song of the catalogue"
    if all_songs:
        return f"{path}\n" + align([_row(match) for match in found.matches])
    best = max(found.matches, key=lambda match: match.confidence)
    return (
        f"{path}: {spoken(best)}  confidence {best.confidence:.2f}, "
        f"from {clock(best.start)} on, there {clock(best.offset)} into the song"
    )


def _row(match: MusicMatch) -> tuple[str, ...]:
    times = f"{clock(match.start)} - {clock(match.end)}"
    return times, match.title, match.artist, f"{match.confidence:.2f}", f"{clock(match.offset)} into the song"
