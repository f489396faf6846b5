"""irs-engine music: a catalogue of songs, and which of them plays in a video."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from irs_engine.batches import read_ahead
from irs_engine.cli.batch import Batch
from irs_engine.cli.music_text import show_result, song_row, spoken
from irs_engine.cli.text import align
from irs_engine.errors import IrsError
from irs_engine.results import MusicResult

if TYPE_CHECKING:
    from irs_engine.music.catalogue import MusicCatalogue
    from irs_engine.music.songs import Song

Command = Callable[..., Any]
PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
RECURSIVE = click.option("-r", "--recursive", is_flag=True, help="Look into subfolders too.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
CATALOGUE = click.option(
    "--catalogue",
    metavar="DIR",
    help="Where the songs are kept; by default $IRS_MUSIC_CATALOGUE, else ~/.irs_engine/music.",
)


@click.group()
def music() -> None:
    """Keep a catalogue of songs, and name those that play in videos."""


@music.command()
@PATHS
@RECURSIVE
@click.option("--title", help="Of the song, when PATH is one file; by default from its tags or its name.")
@click.option("--artist", help="Likewise; of all songs, when PATH is a folder.")
@JSON
@CATALOGUE
def add(
    paths: tuple[str, ...],
    recursive: bool,
    title: str | None,
    artist: str | None,
    as_json: bool,
    catalogue: str | None,
) -> int:
    """Add songs: audio or video files, or folders of them.

    Title and artist come from a file's tags, else from its name, "Artist - Title.mp3". What is in the
    catalogue already, by its sound, is not added again.
    """
    batch = _batch(paths, recursive, as_json, "audio or video files")
    if title and not batch.single:
        raise click.UsageError("--title goes with one file")
    from irs_engine.device import choose_threads
    from irs_engine.music.songs import DuplicateSong

    threads = choose_threads(None)
    with _open(catalogue, create=True) as songs, batch:
        added = read_ahead(
            batch.sources,
            lambda source: songs.add(source.image, title, artist),
            readers=threads,
            depth=2 * threads,
        )
        for source, song in added:
            if isinstance(song, DuplicateSong):
                batch.done(_added(source.path, song.song, as_json, known=True))
            elif isinstance(song, IrsError):
                batch.fail(source.path, song)
            else:
                batch.done(_added(source.path, song, as_json))
    return batch.exit_code()


@music.command()
@click.argument("songs", nargs=-1, required=True, metavar="SONG...")
@CATALOGUE
def remove(songs: tuple[str, ...], catalogue: str | None) -> None:
    """Remove songs, by the numbers that `list` shows, or by their whole titles."""
    with _open(catalogue) as found:
        # All of them before the first one goes: a mistake in the last changes nothing.
        for song in [_song(found, given) for given in songs]:
            found.remove(song.id)
            click.echo(f"removed {song.id}, {spoken(song)}")


@music.command("list")
@click.option("--search", metavar="TEXT", help="Only songs with it in the title or the artist.")
@JSON
@CATALOGUE
def list_songs(search: str | None, as_json: bool, catalogue: str | None) -> None:
    """List the songs."""
    with _open(catalogue, read_only=True) as found:
        songs = found.songs()
    if search:
        wanted = search.casefold()
        songs = [song for song in songs if wanted in f"{song.title}\n{song.artist}".casefold()]
    if as_json:
        for song in songs:
            click.echo(song.to_json())
    elif songs:
        click.echo(align([song_row(song) for song in songs], indent=""))


@music.command()
@JSON
@CATALOGUE
def info(as_json: bool, catalogue: str | None) -> None:
    """Say how many songs there are, and how large the catalogue is."""
    with _open(catalogue, read_only=True) as found:
        about, folder = found.info(), str(found.folder)
    if as_json:
        click.echo(json.dumps({"folder": folder, **about.to_dict()}, ensure_ascii=False))
        return
    size = f"{about.bytes / 1e6:.1f} MB"
    if about.hours:
        size += f", {about.bytes / 1e6 / about.hours:.1f} MB per hour"
    rows = [
        ("folder", folder),
        ("songs", f"{about.songs:,}, {about.hours:.1f} hours"),
        ("size", size),
        ("segments", str(about.segments)),
        ("format", f"{about.format:08x}"),
    ]
    click.echo(align(rows, indent=""))


@music.command()
@JSON
@CATALOGUE
def verify(as_json: bool, catalogue: str | None) -> int:
    """Read every byte of the catalogue and name what is damaged.

    The exit code is 1 if something is. `rebuild` mends an index; songs whose own data are lost have to be
    removed and added again.
    """
    with _open(catalogue, read_only=True) as found:
        problems = found.verify()
    for problem in problems:
        if as_json:
            click.echo(problem.to_json())
            continue
        click.echo(problem.what)
        for song in problem.songs:
            click.echo(f"  holds {song.id}, {spoken(song)}")
    if not problems and not as_json:
        click.echo("ok")
    return 1 if problems else 0


@music.command()
@CATALOGUE
def merge(catalogue: str | None) -> None:
    """Put all songs into as few files as can be, without what is left of removed ones."""
    with _open(catalogue) as found:
        found.merge()


@music.command()
@CATALOGUE
def rebuild(catalogue: str | None) -> None:
    """Build every index anew from what is kept of the songs; takes no audio."""
    with _open(catalogue) as found:
        found.rebuild()


@music.command()
@PATHS
@RECURSIVE
@click.option("--all", "all_songs", is_flag=True, help="Every song, and when it plays; listens to the end.")
@JSON
@CATALOGUE
def recognize(
    paths: tuple[str, ...], recursive: bool, all_songs: bool, as_json: bool, catalogue: str | None
) -> int:
    """Name the song that plays in videos, or in their background.

    PATH is a video or a piece of audio, a folder of them, or - for standard input.
    """
    batch = _batch(paths, recursive, as_json, "videos")
    from irs_engine.engine import default_engine

    with _open(catalogue, read_only=True) as songs, batch:
        for source in batch.sources:
            try:
                found = default_engine().recognize_music(source.image, catalogue=songs, all_songs=all_songs)
            except IrsError as error:
                batch.fail(source.path, error)
            else:
                batch.done(_recognized(source.path, found, as_json, all_songs))
    return batch.exit_code()


def _batch(paths: tuple[str, ...], recursive: bool, as_json: bool, kind: str) -> Batch:
    from irs_engine.music.containers import SUFFIXES

    return Batch(paths, recursive=recursive, as_json=as_json, suffixes=SUFFIXES, kind=kind)


def _open(folder: str | None, create: bool = False, read_only: bool = False) -> MusicCatalogue:
    from irs_engine.music.catalogue import MusicCatalogue

    return MusicCatalogue(folder, create=create, read_only=read_only)


def _song(catalogue: MusicCatalogue, given: str) -> Song:
    """By its number, else by its title."""
    songs = catalogue.songs()
    found = [song for song in songs if str(song.id) == given]
    found = found or [song for song in songs if song.title.casefold() == given.casefold()]
    if not found:
        raise click.ClickException(f"no song has the number or the title {given!r}; `list` shows them")
    if len(found) > 1:
        numbers = ", ".join(str(song.id) for song in found)
        raise click.ClickException(f"{len(found)} songs are called {given!r}: give a number, {numbers}")
    return found[0]


def _added(path: str, song: Song, as_json: bool, known: bool = False) -> str:
    if as_json:
        about = {"path": path, "duplicate_of" if known else "added": song.to_dict()}
        return json.dumps(about, ensure_ascii=False)
    return f"{path}: {'is there already as ' if known else ''}{song.id}, {spoken(song)}"


def _recognized(path: str, found: MusicResult, as_json: bool, all_songs: bool) -> str:
    if as_json:
        return json.dumps({"path": path, **found.to_dict()}, ensure_ascii=False)
    return show_result(path, found, all_songs)
