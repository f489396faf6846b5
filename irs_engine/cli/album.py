"""irs-engine album: what the photos of some folders show, kept in one file."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from irs_engine.cli.album_export import export, gallery, sheet, xmp
from irs_engine.cli.album_options import album_option, language_option, open_album
from irs_engine.cli.album_search import cluster, duplicates, search, similar
from irs_engine.cli.options import classifier_option, detector_option, engine_options
from irs_engine.cli.text import align
from irs_engine.engine import Engine

if TYPE_CHECKING:
    from irs_engine.album import AlbumInfo, IndexProgress, IndexReport
    from irs_engine.errors import IrsError

CONFIDENCE = click.FloatRange(0, 100)


@click.group()
def album() -> None:
    """Find, compare and correct the photos of whole folders.

    What they show is kept in one file; the photos themselves stay as they are.
    """


@album.command()
@click.argument("folders", nargs=-1, metavar="[DIR]...")
@click.option("--recursive/--no-recursive", default=True, show_default=True, help="Look into subfolders too.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Threads that read and decode pictures."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@album_option
@engine_options
@detector_option
@classifier_option
def index(
    folders: tuple[str, ...],
    recursive: bool,
    workers: int | None,
    as_json: bool,
    album_file: str | None,
    device: str,
    precision: str,
    detector: str | None,
    classifier: str | None,
) -> int:
    """Look at what is new or changed in folders.

    Without DIR these are all that were indexed before. It may be interrupted at any time and goes on where it
    was. The exit code is 1 if something could not be read.
    """
    engine = Engine(
        device=device, precision=precision, weights=[file for file in (detector, classifier) if file]
    )
    bar = _Bar()
    with open_album(album_file, create=True, engine=engine) as opened, bar:
        report = opened.index(
            folders, recursive=recursive, workers=workers, on_progress=bar.show, on_error=bar.fail
        )
    click.echo(report.to_json() if as_json else _summary(report))
    if report.failed:
        click.echo(f"{len(report.failed)} could not be read:", err=True)
        for failure in report.failed:
            click.echo(f"{failure.path}: {failure.error}", err=True)
    return 1 if report.failed else 0


@album.command()
@click.option(
    "--threshold", type=CONFIDENCE, default=50.0, show_default=True, help="Confidence that counts, 0 to 100."
)
@click.option("--limit", type=click.IntRange(min=1), help="Only so many, the most frequent ones.")
@language_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per tag and line.")
@album_option
def tags(threshold: float, limit: int | None, language: str, as_json: bool, album_file: str | None) -> int:
    """List the tags of the album, and how many photos have them."""
    with open_album(album_file) as opened:
        found = opened.tags(threshold=threshold, language=language)[:limit]
    if as_json:
        for tag in found:
            click.echo(tag.to_json())
    elif found:
        rows = [(str(tag.photos), tag.en, tag.zh, tag.kind, tag.id) for tag in found]
        click.echo(align(rows, indent=""))
    else:
        click.echo("no photo has a tag", err=True)
    return 0


@album.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("--add", multiple=True, metavar="TAG", help="It has this tag; a new name makes a new one.")
@click.option("--remove", multiple=True, metavar="TAG", help="It has not.")
@click.option("--forget", multiple=True, metavar="TAG", help="Go back to what the tagger sees.")
@album_option
def correct(
    photos: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    forget: tuple[str, ...],
    album_file: str | None,
) -> None:
    """Add and remove tags of photos, for good.

    PHOTO is a file of the album. What you say counts for all files with the same content, and outlives moving
    them, indexing anew and new weights.
    """
    if not (add or remove or forget):
        raise click.UsageError("nothing to do: give --add, --remove or --forget")
    with open_album(album_file) as opened:
        opened.correct(photos, add=add, remove=remove, forget=forget)


@album.command()
@click.argument("tag")
@click.option("--en", metavar="NAME", help="What to call it in English.")
@click.option("--zh", metavar="NAME", help="What to call it in Chinese.")
@album_option
def rename(tag: str, en: str | None, zh: str | None, album_file: str | None) -> None:
    """Call a tag otherwise in this album."""
    if en is None and zh is None:
        raise click.UsageError("nothing to do: give --en, --zh or both")
    with open_album(album_file) as opened:
        opened.rename_tag(tag, en=en, zh=zh)


@album.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@album_option
def info(as_json: bool, album_file: str | None) -> None:
    """Say what is in the album."""
    with open_album(album_file) as opened:
        found = opened.info()
    click.echo(found.to_json() if as_json else _description(found))


@album.command()
@click.argument("folder", metavar="DIR")
@album_option
def forget(folder: str, album_file: str | None) -> None:
    """Drop the photos of a folder from the album; the files stay."""
    with open_album(album_file) as opened:
        click.echo(f"{opened.forget(folder)} photos dropped")


for command in (search, similar, duplicates, cluster, export, xmp, gallery, sheet):
    album.add_command(command)


def _summary(report: IndexReport) -> str:
    counts = [
        f"{count} {what}"
        for count, what in (
            (report.added, "added"),
            (report.changed, "changed"),
            (report.moved, "moved"),
            (report.removed, "removed"),
            (report.unchanged, "unchanged"),
            (report.missing, "kept though not found (their folder is empty or not there)"),
            (len(report.failed), "failed"),
        )
        if count
    ]
    kinds = ", ".join(f"{count} {suffix}" for suffix, count in report.skipped.items())
    skipped = f"; left out, as nothing here reads them: {kinds}" if kinds else ""
    return f"{', '.join(counts) or 'no pictures'} in {_duration(report.seconds)}{skipped}"


def _description(info: AlbumInfo) -> str:
    rows = [
        ("album", f"{info.path}  {info.bytes / 1e6:.1f} MB"),
        ("photos", f"{info.photos}, {info.places} with a place"),
        ("taken", f"{info.first} .. {info.last}" if info.first else "not known"),
        *(("folder", folder) for folder in info.folders),
        ("corrected", str(info.corrections)),
        *(("weights", f"{model}: {photos} photos") for model, photos in info.models.items()),
        *(("failed", f"{failure.path}: {failure.error}") for failure in info.failed),
    ]
    return align(rows, indent="")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


class _Bar:
    """Progress on a terminal: how many, how fast, how long still."""

    def __init__(self) -> None:
        self._shown = False
        self._next = 0.0
        self._failed = 0

    def __enter__(self) -> _Bar:
        self._shown = sys.stderr.isatty()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
        self._shown = False

    def fail(self, path: str, error: IrsError) -> None:
        self._failed += 1

    def show(self, progress: IndexProgress) -> None:
        now = time.monotonic()
        if not self._shown or (now < self._next and progress.done < progress.total):
            return
        self._next = now + 0.1
        filled = 30 * progress.done // progress.total
        text = (
            f"[{'#' * filled}{'.' * (30 - filled)}] {progress.done}/{progress.total}  "
            f"{progress.rate:.1f}/s  {_duration(progress.left)} left"
        )
        failed = f"  {self._failed} failed" if self._failed else ""
        click.echo(f"\r\x1b[K{text}{failed}", nl=False, err=True)
