"""Which server a command is about, and what its settings are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irs_engine.errors import ParameterError

if TYPE_CHECKING:
    from irs_engine.server.settings import Settings

Command = Callable[..., Any]


def server_options(command: Command) -> Command:
    """--config and --data."""
    config = click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Settings, a TOML file.",
    )
    data = click.option(
        "--data", type=click.Path(path_type=Path), metavar="DIR", help="Where the server keeps everything."
    )
    return config(data(command))


def read_settings(config: Path | None, **given: Any) -> Settings:
    """As the server would read them; of `given` those that are not None win.

    Raises:
        ClickException: The extra is not installed, or there is no such file.
        ParameterError: A setting is not what it may be.
    """
    try:
        from irs_engine.server.settings import Settings
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("irs_engine"):
            raise
        raise click.ClickException(f"{error}; run: pip install 'irs-engine[server]'") from error
    if config and not config.is_file():
        raise click.ClickException(f"{config}: no such file")
    try:
        return Settings.read(config, **{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise ParameterError(f"settings: {_in_a_line(error)}") from error


def _in_a_line(error: ValueError) -> str:
    """What is wrong with the settings, without the values: a database's URL may have a password in it."""
    problems = error.errors() if hasattr(error, "errors") else [{"loc": (), "msg": str(error)}]
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}".lstrip(": ") for one in problems)
