"""Who calls: accounts, users and groups, and the ways in which a request proves whose it is."""

from irs_engine.server.identity.accounts import Account, Accounts, User
from irs_engine.server.identity.authenticate import Credentials, Identity
from irs_engine.server.identity.first_start import (
    FirstStart,
    endpoint,
    environment,
    first_start,
    remember_endpoint,
)
from irs_engine.server.identity.iam_routes import iam_routes
from irs_engine.server.identity.management_routes import management_routes
from irs_engine.server.identity.people import PERMISSIONS

__all__ = [
    "PERMISSIONS",
    "Account",
    "Accounts",
    "Credentials",
    "FirstStart",
    "Identity",
    "User",
    "endpoint",
    "environment",
    "first_start",
    "iam_routes",
    "management_routes",
    "remember_endpoint",
]
