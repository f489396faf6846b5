"""The `irs-engine` command. stdout is for results, stderr for people."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click

from irs_engine.cli.account import account, env
from irs_engine.cli.album import album
from irs_engine.cli.detect import detect
from irs_engine.cli.doctor import doctor
from irs_engine.cli.enhance import enhancements
from irs_engine.cli.music import music
from irs_engine.cli.recapture import recapture
from irs_engine.cli.serve import serve
from irs_engine.cli.tag import tag
from irs_engine.cli.tags import tags
from irs_engine.cli.train import train
from irs_engine.cli.weights import weights
from irs_engine.errors import IrsError

log = logging.getLogger(__name__)
LEVELS = ("debug", "info", "warning", "error")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="irs-engine", message="%(prog)s %(version)s")
def cli() -> None:
    """Image recognition on your own machine, offline."""
    level = (os.environ.get("IRS_LOG") or "warning").lower()
    if level not in LEVELS:
        raise click.UsageError(f"IRS_LOG={level!r}: expected {', '.join(LEVELS)}")
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("irs_engine").setLevel(level.upper())


for command in (
    tag,
    detect,
    recapture,
    *enhancements(),
    music,
    album,
    tags,
    doctor,
    weights,
    train,
    serve,
    account,
    env,
):
    cli.add_command(command)


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 all is well, 1 something failed, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):  # a file name that is not UTF-8 must not end a batch
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = cli.main(args, prog_name="irs-engine", standalone_mode=False) or 0
        sys.stdout.flush()  # a closed pipe may show only here
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except (IrsError, OSError, ImportError) as error:  # ImportError: no torch, or a stale native module
        log.debug("", exc_info=True)
        click.echo(f"irs-engine: {error}", err=True)
        code = 1
    sys.exit(code)
