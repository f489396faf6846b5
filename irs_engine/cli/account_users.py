"""irs-engine account user, irs-engine account key: who is in an account, and how they get in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from irs_engine.cli.text import align

if TYPE_CHECKING:
    from irs_engine.server.identity import Accounts

PASSWORD = "The new password is read from standard input; by default one is made and printed."


@click.group()
def user() -> None:
    """Users of an account: they may do what the groups that they are in may."""


@user.command("create")
@click.argument("account")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help=PASSWORD)
@click.option("--group", multiple=True, help="To be a member of; may be repeated.")
@click.pass_obj
def create_user(
    accounts: Accounts, account: str, name: str, password_stdin: bool, group: tuple[str, ...]
) -> None:
    """Make a user and print the password, this once."""
    within = accounts.account(account)
    groups = [accounts.groups.get(within.id, name) for name in group]
    password = read_password(password_stdin)
    made = accounts.create_user(within.id, name, password)
    for each in groups:
        accounts.groups.add(each.id, made.id)
    show_once({"account": within.name, "user": made.name, "password": password})


@user.command("password")
@click.argument("account")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help=PASSWORD)
@click.pass_obj
def set_password(accounts: Accounts, account: str, name: str, password_stdin: bool) -> None:
    """Give a user a new password; ends its tokens and sessions."""
    found = accounts.user(accounts.account(account).id, name)
    password = read_password(password_stdin)
    accounts.set_password(found.id, password)
    show_once({"account": account, "user": found.name, "password": password})


@user.command()
@click.argument("account")
@click.argument("name")
@click.pass_obj
def disable(accounts: Accounts, account: str, name: str) -> None:
    """Refuse a user; ends its tokens and sessions."""
    accounts.enable_user(accounts.user(accounts.account(account).id, name).id, enabled=False)


@user.command()
@click.argument("account")
@click.argument("name")
@click.pass_obj
def enable(accounts: Accounts, account: str, name: str) -> None:
    """Let a user in again."""
    accounts.enable_user(accounts.user(accounts.account(account).id, name).id, enabled=True)


@click.group()
def key() -> None:
    """Access keys, with which programs sign their requests."""


@key.command("create")
@click.argument("account")
@click.argument("user", required=False)
@click.pass_obj
def create_key(accounts: Accounts, account: str, user: str | None) -> None:
    """Make a key for a user, by default the account's own, and print it, this once."""
    within = accounts.account(account)
    users = accounts.list_users(within.id)  # the own user is the first
    made = accounts.keys.create(accounts.user(within.id, user).id if user else users[0].id)
    show_once({"user": made.user_name, "ak": made.ak, "sk": made.sk})


@key.command("delete")
@click.argument("account")
@click.argument("ak")
@click.pass_obj
def delete_key(accounts: Accounts, account: str, ak: str) -> None:
    """Delete a key; ends the tokens of its user too."""
    accounts.keys.delete(accounts.keys.get(accounts.account(account).id, ak).ak)


@key.command("disable")
@click.argument("account")
@click.argument("ak")
@click.pass_obj
def disable_key(accounts: Accounts, account: str, ak: str) -> None:
    """Refuse a key; ends the tokens of its user too."""
    accounts.keys.enable(accounts.keys.get(accounts.account(account).id, ak).ak, enabled=False)


@key.command("enable")
@click.argument("account")
@click.argument("ak")
@click.pass_obj
def enable_key(accounts: Accounts, account: str, ak: str) -> None:
    """Accept a key again."""
    accounts.keys.enable(accounts.keys.get(accounts.account(account).id, ak).ak, enabled=True)


def read_password(from_stdin: bool) -> str:
    from irs_engine.server.identity.passwords import new_password

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return new_password()


def show_once(found: dict[str, Any]) -> None:
    """What is not kept, or not in this form."""
    click.echo(align([(name, str(value)) for name, value in found.items()], indent=""))
