"""Who may call: accounts with their users, groups and projects, and what proves who somebody is.

Ids are 32 hexadecimal digits, times are seconds since 1970 (UTC).
"""

from __future__ import annotations

import sqlalchemy as sa

from irs_engine.server.store import metadata

NAME = sa.String(64)
ID = sa.String(32)
DIGEST = sa.String(64)  # SHA-256, hexadecimal: whoever reads the database cannot use what it is of


def _belongs_to(column: str, *, key: bool = False, index: bool = False) -> sa.Column[str]:
    """A reference to the row above, which takes this one along when it goes."""
    name = {"accounts": "account_id", "users": "user_id", "user_groups": "group_id"}[column.split(".")[0]]
    return sa.Column(
        name, ID, sa.ForeignKey(column, ondelete="CASCADE"), nullable=False, primary_key=key, index=index
    )


accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", NAME, nullable=False, unique=True),
    sa.Column("frozen", sa.Boolean, nullable=False, default=False),
    # Of whoever runs this server: its administrators make and freeze accounts.
    sa.Column("operator", sa.Boolean, nullable=False, default=False),
    sa.Column("created", sa.Double, nullable=False),
)
projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", ID, primary_key=True),
    _belongs_to("accounts.id"),
    sa.Column("name", NAME, nullable=False),  # of a region
    sa.Column("created", sa.Double, nullable=False),
    sa.UniqueConstraint("account_id", "name"),
)
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", ID, primary_key=True),
    _belongs_to("accounts.id"),
    sa.Column("name", NAME, nullable=False),
    sa.Column("owner", sa.Boolean, nullable=False, default=False),  # the account's own user
    sa.Column("enabled", sa.Boolean, nullable=False, default=True),
    sa.Column("password", sa.String(256)),  # argon2id; none: keys only
    sa.Column("created", sa.Double, nullable=False),
    sa.UniqueConstraint("account_id", "name"),
)
user_groups = sa.Table(
    "user_groups",
    metadata,
    sa.Column("id", ID, primary_key=True),
    _belongs_to("accounts.id"),
    sa.Column("name", NAME, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.UniqueConstraint("account_id", "name"),
)
group_permissions = sa.Table(
    "group_permissions",
    metadata,
    _belongs_to("user_groups.id", key=True),
    sa.Column("permission", NAME, primary_key=True),
)
group_members = sa.Table(
    "group_members",
    metadata,
    _belongs_to("user_groups.id", key=True),
    _belongs_to("users.id", key=True, index=True),
)
access_keys = sa.Table(
    "access_keys",
    metadata,
    sa.Column("ak", sa.String(32), primary_key=True),
    _belongs_to("users.id", index=True),
    sa.Column("secret", sa.LargeBinary, nullable=False),  # sealed, see keyring.py
    sa.Column("enabled", sa.Boolean, nullable=False, default=True),
    sa.Column("created", sa.Double, nullable=False),
)
tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("digest", DIGEST, primary_key=True),
    _belongs_to("users.id", index=True),
    # None: the token is of the account and opens no API on pictures.
    sa.Column("project_id", ID, sa.ForeignKey("projects.id", ondelete="CASCADE")),
    sa.Column("issued", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False, index=True),
)
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", DIGEST, primary_key=True),
    _belongs_to("users.id", index=True),
    sa.Column("issued", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False, index=True),
)
