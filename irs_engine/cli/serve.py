"""irs-engine serve: the REST service on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from irs_engine.errors import ParameterError


@click.command()
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="Settings, a TOML file.")
@click.option("--host", help="Address to listen on; this machine alone by default.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port for http, 8443 by default; 0: any free one."
)
@click.option(
    "--tls-port", type=click.IntRange(0, 65535), help="Port for https too, on a certificate of its own."
)
@click.option("--auth", type=click.Choice(["on", "off"]), help="Whether clients have to say who they are.")
@click.option("--data", metavar="DIR", help="Where everything is kept.")
@click.option("--device", metavar="auto|cpu|cuda[:N]", help="Where the networks run.")
@click.option("--precision", metavar="auto|fp32|bf16", help="Numbers that the networks compute with.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads of the networks.")
@click.option("--log", type=click.Choice(["text", "json"]), help="Form of the lines on stderr.")
def serve(config: Path | None, **given: Any) -> None:
    """Answer programs written for the cloud's API, on this machine.

    The first start makes an account and says how to use it. Ctrl+C or SIGTERM finishes the calls in progress
    and stops, a second one stops at once. What is not given here comes from IRS_SERVER_... variables and then
    from the file of --config.
    """
    try:
        from irs_engine.server import serving
        from irs_engine.server.settings import Settings
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("irs_engine"):
            raise
        raise click.ClickException(f"{error}; run: pip install 'irs-engine[server]'") from error
    if config and not config.is_file():
        raise click.ClickException(f"{config}: no such file")
    try:
        settings = Settings.read(
            config, **{name: value for name, value in given.items() if value is not None}
        )
    except ValueError as error:
        raise ParameterError(_in_a_line(error)) from error
    serving.serve(settings)


def _in_a_line(error: ValueError) -> str:
    """What is wrong with the settings, without the values: a database's URL may have a password in it."""
    problems = error.errors() if hasattr(error, "errors") else [{"loc": (), "msg": str(error)}]
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in problems)
