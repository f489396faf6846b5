"""irs-engine doctor: what runs here, and why not more."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--fast", is_flag=True, help="Do not load torch: no look at the device, no run of the networks."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def doctor(fast: bool, as_json: bool) -> int:
    """Say what runs here, and test it.

    The exit code is 1 if something is broken.
    """
    from irs_engine.doctor import doctor as examine

    report = examine(fast=fast)
    click.echo(report.to_json() if as_json else str(report))
    return 0 if report.ok else 1
