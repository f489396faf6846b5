"""Who calls, as identification found out and everything behind it relies on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ADMINISTRATOR = "Administrator"  # permissions, by the names of the cloud's system policies
TENANT_GUEST = "Tenant Guest"
OBS_VIEWER = "OBS Buckets Viewer"


@dataclass(frozen=True, slots=True)
class Caller:
    account_id: str
    account_name: str
    user_id: str
    user_name: str
    project_id: str | None  # None: the credentials are of the account, not of one of its projects
    project_name: str | None
    permissions: frozenset[str]
    by: Literal["token", "key", "session", "nobody"]  # "nobody" where authentication is off
