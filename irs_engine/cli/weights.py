"""irs-engine weights: what the networks learned."""

from __future__ import annotations

import sys

import click

from irs_engine.cli.text import align
from irs_engine.errors import WeightsError, WeightsNotFound


@click.group()
def weights() -> None:
    """List, install and verify weights."""


@weights.command("list")
def list_weights() -> None:
    """Show what is known, where it lies and under which licence."""
    from irs_engine.vision.torchvision_weights import MODELS
    from irs_engine.weights import find_weights, manifest

    known = manifest()
    rows = []
    for name, entry in (known | MODELS | known).items():
        try:
            where = str(find_weights(name))
        except WeightsNotFound:
            where = f"not installed; run: irs-engine weights install {name}"
        rows.append(
            (name, f"{entry.get('bytes', 0) / 1e6:.1f} MB", entry.get("license", "licence unknown"), where)
        )
    click.echo(align(rows, indent=""))


@weights.command()
@click.argument("source")
@click.option("--sha256", metavar="HEX", help="What a URL or file must hash to; names bring their own.")
@click.option("--name", help="What to call them; by default the name of the file.")
def install(source: str, sha256: str | None, name: str | None) -> None:
    """Fetch weights to $IRS_WEIGHTS or the user's cache.

    SOURCE is a name from `weights list`, a URL or a file.
    """
    from irs_engine.vision.torchvision_weights import MODELS, install_torchvision
    from irs_engine.weights import install_weights

    def show(done: int, total: int) -> None:
        share = f" {100 * done // total} %" if total else ""
        click.echo(f"\r\x1b[K{done / 1e6:.1f} MB{share}", nl=done == total, err=True)

    watched = sys.stderr.isatty()
    if source in MODELS:
        path = install_torchvision(source, name=name, progress=watched)
    else:
        path = install_weights(source, sha256=sha256, name=name, progress=show if watched else None)
    click.echo(path)


@weights.command()
def verify() -> int:
    """Compare every file with the sha256 of its manifest."""
    from irs_engine.vision.torchvision_weights import MODELS
    from irs_engine.weights import find_weights, manifest, verify_weights

    bad = 0
    for name, entry in manifest().items():
        try:
            state = verify_weights(find_weights(name))
        except WeightsError as error:
            if isinstance(error, WeightsNotFound) and ("url" in entry or name in MODELS):
                state = "not installed"
            else:
                bad, state = bad + 1, str(error)
        click.echo(f"{name}: {state}")
    return 1 if bad else 0
