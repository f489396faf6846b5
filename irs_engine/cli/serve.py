"""irs-engine serve: the REST service on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from irs_engine.cli.server_settings import read_settings, server_options


@click.command()
@server_options
@click.option("--host", help="Address to listen on; this machine alone by default.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port for http, 8090 by default; 0: any free one."
)
@click.option(
    "--tls-port", type=click.IntRange(0, 65535), help="Port for https too, on a certificate of its own."
)
@click.option("--auth", type=click.Choice(["on", "off"]), help="Whether clients have to say who they are.")
@click.option("--album", metavar="FILE", help="Album to show in the console, see: irs-engine album index.")
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
    settings = read_settings(config, **given)
    from irs_engine.server import serving

    serving.serve(settings)
