"""irs-engine account, irs-engine env: who may call the server, and how programs are pointed to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irs_engine.cli.account_groups import group
from irs_engine.cli.account_users import PASSWORD, key, read_password, show_once, user
from irs_engine.cli.server_settings import read_settings, server_options
from irs_engine.cli.text import align

if TYPE_CHECKING:
    from irs_engine.server.identity import Accounts

Command = Callable[..., Any]


@click.group()
@server_options
@click.pass_context
def account(context: click.Context, config: Path | None, data: Path | None) -> None:
    """Make and list accounts, their users, groups and access keys."""
    settings = read_settings(config, data=data)
    from irs_engine.server.identity import Accounts
    from irs_engine.server.store import Store

    store = Store(settings.database_url)
    context.call_on_close(store.close)
    context.obj = Accounts(store, settings)


@account.command("create")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help=PASSWORD)
@click.pass_obj
def create_account(accounts: Accounts, name: str, password_stdin: bool) -> None:
    """Make an account with its own user and an access key, and print how they get in, this once."""
    password = read_password(password_stdin)
    made = accounts.create_account(name, password)
    key = accounts.keys.create(accounts.user(made.id, name).id)
    (project,) = accounts.projects(made.id)
    show_once({"account": name, "password": password, "ak": key.ak, "sk": key.sk, "project_id": project.id})


@account.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per account and line.")
@click.pass_obj
def list_accounts(accounts: Accounts, as_json: bool) -> None:
    """Show every account."""
    rows = [("ACCOUNT", "ID", "MADE", "STATE")]
    for found in accounts.list_accounts():
        if as_json:
            click.echo(json.dumps(asdict(found)))
        state = "frozen" if found.frozen else "runs this server" if found.operator else ""
        rows.append((found.name, found.id, _date(found.created), state))
    if not as_json:
        click.echo(align(rows, indent=""))


@account.command()
@click.argument("name")
@click.pass_obj
def show(accounts: Accounts, name: str) -> None:
    """Show an account's projects, users, groups and keys as JSON."""
    found = accounts.account(name)
    parts = {
        "projects": [{"id": project.id, "name": project.name} for project in accounts.projects(found.id)],
        "users": [asdict(user) for user in accounts.list_users(found.id)],
        "groups": [asdict(group) for group in accounts.groups.list(found.id)],
        "keys": [_without_secret(asdict(key)) for key in accounts.keys.list(found.id)],
    }
    click.echo(json.dumps(asdict(found) | parts, indent=2))


@account.command()
@click.argument("name")
@click.pass_obj
def freeze(accounts: Accounts, name: str) -> None:
    """Refuse an account's calls, with AIS.0027, until it is unfrozen."""
    accounts.freeze(accounts.account(name).id)


@account.command()
@click.argument("name")
@click.pass_obj
def unfreeze(accounts: Accounts, name: str) -> None:
    """Answer an account's calls again."""
    accounts.freeze(accounts.account(name).id, frozen=False)


for _part in (user, key, group):
    account.add_command(_part)


@click.command()
@server_options
@click.option("--port", type=click.IntRange(1, 65535), help="When it is not the one of the settings.")
@click.option("--tls", is_flag=True, help="https, and where the certificate to trust lies.")
def env(config: Path | None, data: Path | None, port: int | None, tls: bool) -> None:
    """Print lines for a shell that point unchanged programs of the cloud's SDK to this server.

    \b
    eval "$(irs-engine env)"
    """
    ports: dict[str, Any] = {"tls_port" if tls else "port": port}
    settings = read_settings(config, data=data, **ports)
    from irs_engine.server.identity.first_start import environment, last_endpoint, read_credentials

    url = None if port else last_endpoint(settings, tls)
    if not (url or (settings.tls_port if tls else settings.port)):
        raise click.ClickException(
            "the server has no such port: say it with --port, or start the server once"
        )
    click.echo("\n".join(environment(settings, *read_credentials(settings), tls=tls, url=url)))


def _without_secret(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "sk"}


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
