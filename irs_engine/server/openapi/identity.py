"""Tokens, sessions, users, groups, keys: what is asked and answered.

The routes are where the addresses are; a test holds these descriptions against them.
"""

from __future__ import annotations

from irs_engine.server.openapi.endpoint import IDENTITY, MANAGEMENT, Endpoint
from irs_engine.server.openapi.schemas import flag, items, number, record, text

TIME = number("Seconds since 1970.")
PERMISSIONS = items(text(enum=["Administrator", "Tenant Guest", "OBS Buckets Viewer"]))
ME = record(
    account_id=text(),
    account_name=text(),
    user_id=text(),
    user_name=text(),
    project_id={"type": ["string", "null"]},
    project_name={"type": ["string", "null"]},
    permissions=PERMISSIONS,
    by=text(enum=["token", "key", "session", "nobody"]),
    operator=flag("An administrator of the account that runs this server."),
    csrf_token=text("To a session: goes into X-CSRF-Token of every change."),
    optional=("csrf_token",),
)
ACCOUNT = record(id=text(), name=text(), frozen=flag(), operator=flag(), created=TIME)
USER = record(
    id=text(),
    account_id=text(),
    name=text(),
    owner=flag("The account's own user."),
    enabled=flag(),
    created=TIME,
)
GROUP = record(id=text(), account_id=text(), name=text(), permissions=PERMISSIONS, members=items(text()))
KEY = record(
    ak=text(),
    user_id=text(),
    user_name=text(),
    enabled=flag(),
    created=TIME,
    sk=text("The secret; in the answer to its creation alone."),
    optional=("sk",),
)
PROJECT = record(id=text(), name=text("Like its region."), domain_id=text(), parent_id=text(), enabled=flag())
PROJECTS = record(projects=items(PROJECT))
TOKEN_REQUEST = record(
    auth=record(
        identity=record(
            methods=items(text(enum=["password"])),
            password=record(
                user=record(name=text(), password=text(), domain=record("Of the account.", name=text()))
            ),
        ),
        scope=record(
            "Of a token for the APIs the project.",
            project=record(name=text("Such as ap-southeast-1; or its id."), optional=("name",)),
        ),
        optional=("scope",),
    )
)
TOKEN = record(
    "The token itself is in the header X-Subject-Token.",
    token=record(
        expires_at=text(), issued_at=text(), methods=items(text()), user=record(id=text(), name=text())
    ),
)

ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/v3/auth/tokens"): Endpoint(
        IDENTITY, "A token for a password", TOKEN, TOKEN_REQUEST, {"nocatalog": text()}, 201, open=True
    ),
    ("GET", "/v3/projects"): Endpoint(
        IDENTITY, "Projects of the account", PROJECTS, query={"name": text(), "enabled": flag()}
    ),
    ("GET", "/v3/auth/projects"): Endpoint(
        IDENTITY, "Projects of the account, by another name", PROJECTS, query={"name": text()}
    ),
    ("GET", "/v3/auth/domains"): Endpoint(
        IDENTITY, "The account", record(domains=items(record(id=text(), name=text(), enabled=flag())))
    ),
    ("POST", "/irs/v1/session"): Endpoint(
        MANAGEMENT,
        "Sign in, as a browser",
        ME,
        record(account=text(), user=text(), password=text(), optional=("user",)),
        status=201,
        open=True,
    ),
    ("DELETE", "/irs/v1/session"): Endpoint(MANAGEMENT, "Sign out", status=204),
    ("GET", "/irs/v1/me"): Endpoint(MANAGEMENT, "Who one is and may do", ME),
    ("PUT", "/irs/v1/me/password"): Endpoint(
        MANAGEMENT, "Change one's password", body=record(password=text(), new_password=text()), status=204
    ),
    ("GET", "/irs/v1/users"): Endpoint(MANAGEMENT, "Users", record(users=items(USER))),
    ("POST", "/irs/v1/users"): Endpoint(
        MANAGEMENT,
        "Create a user",
        record(user=USER),
        record(
            name=text(),
            password=text(),
            groups=items(text(), "Names."),
            optional=("password", "groups"),
        ),
        status=201,
    ),
    ("PATCH", "/irs/v1/users/{user_id}"): Endpoint(
        MANAGEMENT,
        "Enable or disable a user, or set its password",
        record(user=USER),
        record(enabled=flag(), password=text(), optional=("enabled", "password")),
    ),
    ("GET", "/irs/v1/groups"): Endpoint(MANAGEMENT, "Groups", record(groups=items(GROUP))),
    ("POST", "/irs/v1/groups"): Endpoint(
        MANAGEMENT, "Create a group", record(group=GROUP), record(name=text()), status=201
    ),
    ("DELETE", "/irs/v1/groups/{group_id}"): Endpoint(MANAGEMENT, "Delete a group", status=204),
    ("PUT", "/irs/v1/groups/{group_id}/members/{user_id}"): Endpoint(
        MANAGEMENT, "Put a user into a group", status=204
    ),
    ("DELETE", "/irs/v1/groups/{group_id}/members/{user_id}"): Endpoint(
        MANAGEMENT, "Take a user out of a group", status=204
    ),
    ("PUT", "/irs/v1/groups/{group_id}/permissions/{permission}"): Endpoint(
        MANAGEMENT, "Give a group a permission", status=204
    ),
    ("DELETE", "/irs/v1/groups/{group_id}/permissions/{permission}"): Endpoint(
        MANAGEMENT, "Take a permission from a group", status=204
    ),
    ("GET", "/irs/v1/keys"): Endpoint(MANAGEMENT, "Access keys", record(keys=items(KEY))),
    ("POST", "/irs/v1/keys"): Endpoint(
        MANAGEMENT,
        "Create an access key",
        record(key=KEY),
        record("By default of the caller.", user_id=text(), optional=("user_id",)),
        status=201,
    ),
    ("PATCH", "/irs/v1/keys/{ak}"): Endpoint(
        MANAGEMENT, "Enable or disable an access key", body=record(enabled=flag()), status=204
    ),
    ("DELETE", "/irs/v1/keys/{ak}"): Endpoint(MANAGEMENT, "Delete an access key", status=204),
    ("GET", "/irs/v1/accounts"): Endpoint(
        MANAGEMENT, "Accounts, to the operator", record(accounts=items(ACCOUNT))
    ),
    ("POST", "/irs/v1/accounts"): Endpoint(
        MANAGEMENT,
        "Create an account, as the operator",
        record(account=ACCOUNT),
        record(name=text(), password=text(), user=text(), optional=("user",)),
        status=201,
    ),
    ("PATCH", "/irs/v1/accounts/{account_id}"): Endpoint(
        MANAGEMENT,
        "Freeze or thaw an account, as the operator",
        record(account=ACCOUNT),
        record(frozen=flag()),
    ),
}
