"""irs-engine album search, similar, duplicates, cluster: what is in an album, and what belongs together."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from irs_engine.cli.album_options import album_option, language_option, open_album
from irs_engine.cli.options import engine_options
from irs_engine.cli.text import align
from irs_engine.engine import Engine

if TYPE_CHECKING:
    from irs_engine.album import Photo
    from irs_engine.album.clusters import Kind

SHOWN_TAGS = 5
KINDS = ("time", "place", "content")

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
paths_option = click.option("--paths", is_flag=True, help="Only the paths of the photos, for other programs.")


@click.command()
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100),
    default=50.0,
    show_default=True,
    help="Confidence that a tag needs.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Show so many.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out so many of the first.")
@click.option("--since", metavar="DATE", help="Taken on this day, month or year, or later.")
@click.option("--until", metavar="DATE", help="Taken on this day, month or year, or earlier.")
@language_option
@paths_option
@json_option
@album_option
def search(
    query: tuple[str, ...],
    threshold: float,
    limit: int,
    offset: int,
    since: str | None,
    until: str | None,
    language: str,
    paths: bool,
    as_json: bool,
    album_file: str | None,
) -> int:
    """Find photos by what they show.

    \b
    dog beach                   both; names of tags, English or Chinese; animal finds dogs too
    dog OR cat                  one of them
    "dog beach -person 2024"    no person, taken in 2024; quotes, so that -person is no flag
    2024-07  2019..2021         taken then
    dog:80                      with a confidence of at least 80
    (dog OR cat) grass          brackets

    The likeliest photos come first. The exit code is 1 if there is none.
    """
    with open_album(album_file) as album:
        found = album.search(
            " ".join(query),
            threshold=threshold,
            limit=limit,
            offset=offset,
            since=since,
            until=until,
            language=language,
        )
    _show(((hit.photo, hit.confidence, hit.to_dict()) for hit in found.hits), paths, as_json)
    shown = f", {len(found.hits)} shown" if len(found.hits) < found.total else ""
    click.echo(f"{found.total} photos: {found.query or 'all'}{shown}", err=True)
    return 0 if found.total else 1


@click.command()
@click.argument("photo")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Show so many.")
@language_option
@paths_option
@json_option
@album_option
@engine_options
def similar(
    photo: str,
    limit: int,
    language: str,
    paths: bool,
    as_json: bool,
    album_file: str | None,
    device: str,
    precision: str,
) -> None:
    """Find the photos that look most like PHOTO, which need not be in the album."""
    with open_album(album_file, engine=Engine(device=device, precision=precision)) as album:
        found = album.similar(photo, limit=limit, language=language)
    _show(((one.photo, 100 * one.similarity, one.to_dict()) for one in found), paths, as_json)


@click.command()
@language_option
@paths_option
@json_option
@album_option
def duplicates(language: str, paths: bool, as_json: bool, album_file: str | None) -> None:
    """List photos that are there more than once.

    Found are copies, also resized, saved anew, mirrored, or cropped by up to about a tenth. Of each group the
    best photo comes first. Nothing is deleted; --paths lists the others only.
    """
    groups = copies = 0
    with open_album(album_file) as album:
        for group in album.duplicates(language=language):
            groups, copies = groups + 1, copies + len(group.copies)
            if as_json:
                click.echo(group.to_json())
            elif paths:
                for copy in group.copies:
                    click.echo(copy.photo.path)
            else:
                rows = [("keep", _size(group.photo), group.photo.path)]
                rows += [(copy.kind, _size(copy.photo), copy.photo.path) for copy in group.copies]
                click.echo(align(rows, indent="") + "\n")
    click.echo(f"{groups} groups, {copies} copies", err=True)


@click.command()
@click.option("--by", type=click.Choice(KINDS), help="Only this kind; all of them otherwise.")
@click.option("--least", type=click.IntRange(min=2), default=8, show_default=True, help="Photos of an album.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many of a kind, the largest ones.")
@language_option
@json_option
@album_option
def cluster(
    by: Kind | None, least: int, limit: int | None, language: str, as_json: bool, album_file: str | None
) -> None:
    """Propose albums: photos of one time, of one place, or that look alike."""
    with open_album(album_file) as album:
        found = album.cluster(by, least=least, limit=limit, language=language)
    if as_json:
        for proposal in found:
            click.echo(proposal.to_json())
    elif found:
        click.echo(align([(one.kind, str(len(one.photos)), one.name) for one in found], indent=""))
    else:
        click.echo(f"nothing that {least} photos have in common", err=True)


def _show(found: Iterable[tuple[Photo, float, dict]], paths: bool, as_json: bool) -> None:
    rows = []
    for photo, score, whole in found:
        if as_json:
            click.echo(json.dumps(whole, ensure_ascii=False))
        elif paths:
            click.echo(photo.path)
        else:
            tags = ", ".join(tag.name for tag in photo.tags[:SHOWN_TAGS])
            rows.append((f"{score:5.1f}", (photo.taken or "")[:10], photo.path, tags))
    if rows:
        click.echo(align(rows, indent=""))


def _size(photo: Photo) -> str:
    return f"{photo.size[0]} x {photo.size[1]}"
