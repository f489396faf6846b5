"""What goes wrong with accounts, users, groups and keys."""

from __future__ import annotations

from irs_engine.server.errors import ServiceError


class AccountError(ServiceError):
    """Something asked for cannot be done; people at the command line are told the detail alone."""

    def __str__(self) -> str:
        return self.detail or self.message


def missing(what: str, name: str) -> AccountError:
    return AccountError("AIP.0012", f"there is no {what} {name!r}")


def taken(what: str, name: str) -> AccountError:
    return AccountError("AIP.0014", f"the {what} {name!r} exists already")
