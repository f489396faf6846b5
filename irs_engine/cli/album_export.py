"""irs-engine album export, xmp, gallery, sheet: what is in an album, for other programs and for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, Literal

import click

from irs_engine.cli.album_options import album_option, language_option, open_album

Command = Callable[..., Any]


def choosing(command: Command) -> Command:
    """QUERY and --threshold: which photos, and which of their tags."""
    command = click.option(
        "--threshold",
        type=click.FloatRange(0, 100),
        default=50.0,
        show_default=True,
        help="Confidence of the tags.",
    )(command)
    return click.argument("query", nargs=-1, metavar="[QUERY]...")(command)


@click.command()
@choosing
@click.option("-o", "--output", metavar="FILE", help="Write to this file; to standard output otherwise.")
@click.option(
    "--format",
    type=click.Choice(["jsonl", "csv"]),
    help="One JSON object per photo and line, or a table; what FILE ends with, else jsonl.",
)
@language_option
@album_option
def export(
    query: tuple[str, ...],
    threshold: float,
    output: str | None,
    format: str | None,
    language: str,
    album_file: str | None,
) -> None:
    """Write photos and their tags for other programs.

    All of them, or those that QUERY finds.
    """
    with open_album(album_file) as album:
        count = album.export(
            sys.stdout if output is None else output,
            format=format,
            query=_joined(query),
            threshold=threshold,
            language=language,
        )
    if output is not None:
        click.echo(f"{count} photos in {output}", err=True)


@click.command()
@choosing
@click.option(
    "--language",
    type=click.Choice(["en", "zh", "both"]),
    default="en",
    show_default=True,
    help="Of the keywords.",
)
@click.option(
    "--naming",
    type=click.Choice(["full", "stem"]),
    default="full",
    show_default=True,
    help="full: IMG_1.jpg.xmp, as digiKam, darktable and PhotoPrism have it; stem: IMG_1.xmp.",
)
@album_option
def xmp(
    query: tuple[str, ...],
    threshold: float,
    language: Literal["en", "zh", "both"],
    naming: Literal["full", "stem"],
    album_file: str | None,
) -> int:
    """Write tags beside the photos, as keywords that photo programs read.

    Each photo gets an XMP sidecar; one that is there already keeps all that it has. The photos stay as they
    are. Of all photos, or of those that QUERY finds.
    """
    with open_album(album_file) as album:
        report = album.write_xmp(query=_joined(query), threshold=threshold, language=language, naming=naming)
    click.echo(f"{report.written} sidecars written, {report.unchanged} as they were", err=True)
    return _told((failure.path, failure.error) for failure in report.failed)


@click.command()
@click.argument("target", metavar="FILE")
@choosing
@click.option(
    "--title", metavar="TEXT", help="What the page is called; QUERY, or the album's name otherwise."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=5000, show_default=True, help="At most so many photos."
)
@click.option(
    "--height",
    type=click.IntRange(32, 1080),
    default=256,
    show_default=True,
    help="Of the thumbnails, in pixels.",
)
@click.option(
    "--links/--no-links",
    default=True,
    show_default=True,
    help="Show the photos themselves where the page finds them; without, it tells nothing of folders.",
)
@language_option
@album_option
def gallery(target: str, query: tuple[str, ...], links: bool, album_file: str | None, **options: Any) -> int:
    """Write one HTML page with thumbnails and a search.

    It opens from disk and loads nothing from anywhere else. With all photos, or with those that QUERY finds.
    """
    with open_album(album_file) as album:
        report = album.gallery(target, query=_joined(query), links=links, **options)
    click.echo(f"{report.photos} photos in {target}, {report.size / 1e6:.1f} MB", err=True)
    return _told((failure.path, failure.error) for failure in report.failed)


@click.command()
@click.argument("target", metavar="FILE")
@choosing
@click.option("--title", metavar="TEXT", help="Written above; QUERY, or the album's name otherwise.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=300, show_default=True, help="At most so many photos."
)
@click.option(
    "--columns", type=click.IntRange(1, 20), default=5, show_default=True, help="Photos side by side."
)
@click.option("--rows", type=click.IntRange(1, 40), default=6, show_default=True, help="Rows of a page.")
@language_option
@album_option
def sheet(target: str, query: tuple[str, ...], album_file: str | None, **options: Any) -> int:
    """Draw a contact sheet: photos in rows, with their names and tags.

    FILE ends with .jpg, .png or .pdf; further pages are written beside it. With all photos, or with those
    that QUERY finds.
    """
    with open_album(album_file) as album:
        report = album.sheet(target, query=_joined(query), **options)
    for page in report.pages:
        click.echo(page)
    click.echo(f"{report.photos} photos", err=True)
    return _told((failure.path, failure.error) for failure in report.failed)


def _joined(query: tuple[str, ...]) -> str | None:
    return " ".join(query) or None


def _told(failed: Iterable[tuple[str, str]]) -> int:
    """Exit code 1 if anything failed, after saying what."""
    code = 0
    for path, error in failed:
        click.echo(error if os.fspath(path) in error else f"{path}: {error}", err=True)
        code = 1
    return code
