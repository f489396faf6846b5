"""What all commands on albums share: which album it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from irs_engine.album import Album
    from irs_engine.engine import Engine

Command = Callable[..., Any]

language_option = click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Of the names of tags.",
)


def album_option(command: Command) -> Command:
    """--album, for `open_album`."""
    return click.option(
        "-a",
        "--album",
        "album_file",
        metavar="FILE",
        help="The album; $IRS_ALBUM, else ~/.irs_engine/album.db.",
    )(command)


def open_album(album_file: str | None, create: bool = False, engine: Engine | None = None) -> Album:
    """The album of `album_option`. Use it in a `with` statement.

    Raises:
        AlbumError: There is none, unless it may be made.
    """
    from irs_engine.album import Album

    return Album(album_file, create=create, engine=engine)
