"""irs-engine account group: what users of an account may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from irs_engine.server.identity import Accounts


@click.group()
def group() -> None:
    """Groups of users, which permissions are given to."""


@group.command("create")
@click.argument("account")
@click.argument("name")
@click.option("--permission", multiple=True, help='Such as "Tenant Guest"; may be repeated.')
@click.pass_obj
def create_group(accounts: Accounts, account: str, name: str, permission: tuple[str, ...]) -> None:
    """Make a group."""
    made = accounts.groups.create(accounts.account(account).id, name)
    for each in permission:
        accounts.groups.grant(made.id, each)


@group.command("delete")
@click.argument("account")
@click.argument("name")
@click.pass_obj
def delete_group(accounts: Accounts, account: str, name: str) -> None:
    """Delete a group; its members lose what it gave them."""
    accounts.groups.delete(_group_id(accounts, account, name))


@group.command()
@click.argument("account")
@click.argument("name")
@click.argument("user")
@click.pass_obj
def add(accounts: Accounts, account: str, name: str, user: str) -> None:
    """Make a user a member."""
    user_id = accounts.user(accounts.account(account).id, user).id
    accounts.groups.add(_group_id(accounts, account, name), user_id)


@group.command()
@click.argument("account")
@click.argument("name")
@click.argument("user")
@click.pass_obj
def remove(accounts: Accounts, account: str, name: str, user: str) -> None:
    """Make a user a member no more."""
    user_id = accounts.user(accounts.account(account).id, user).id
    accounts.groups.remove(_group_id(accounts, account, name), user_id)


@group.command()
@click.argument("account")
@click.argument("name")
@click.argument("permission")
@click.pass_obj
def grant(accounts: Accounts, account: str, name: str, permission: str) -> None:
    """Give a permission to all members."""
    accounts.groups.grant(_group_id(accounts, account, name), permission)


@group.command()
@click.argument("account")
@click.argument("name")
@click.argument("permission")
@click.pass_obj
def revoke(accounts: Accounts, account: str, name: str, permission: str) -> None:
    """Take a permission from the group."""
    accounts.groups.revoke(_group_id(accounts, account, name), permission)


def _group_id(accounts: Accounts, account: str, name: str) -> str:
    return accounts.groups.get(accounts.account(account).id, name).id
