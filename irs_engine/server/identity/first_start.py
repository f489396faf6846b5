"""The first start: one account, and how to use it, written where the server keeps everything."""

from __future__ import annotations

import configparser
import io
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from irs_engine.errors import IrsError
from irs_engine.server.identity.accounts import Accounts
from irs_engine.server.identity.keyring import write_private
from irs_engine.server.identity.passwords import new_password
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


class NoCredentials(IrsError):
    """There is no file with the credentials of the first account."""


@dataclass(frozen=True)
class FirstStart:
    """What was made. The secrets are in files that their owner alone reads."""

    account: str
    password: str = field(repr=False)
    ak: str
    sk: str = field(repr=False)
    project_id: str
    folder: Path

    def text(self, settings: Settings) -> str:
        """For people: how to use it. The password and the secret key are told this once, on a terminal."""
        return "\n".join(
            (
                "The first start made an account:",
                f"  account, user  {self.account}",
                f"  password       {self.password}",
                f"  access key     {self.ak}",
                f"  secret key     {self.sk}",
                f"  project id     {self.project_id} ({settings.region})",
                f"They are in {self.folder / 'credentials'}, which only you can read.",
                "Programs that use the cloud's SDK call this server, unchanged, after:",
                '  eval "$(irs-engine env)"',
            )
        )


def first_start(settings: Settings, store: Store) -> FirstStart | None:
    """Make the account that runs this server; None where there is one already.

    Writes `credentials`, of which the SDK reads the keys, and `env`, to be sourced by a shell.
    """
    accounts = Accounts(store, settings)
    if accounts.operator():  # without the work of hashing a password
        return None
    password = new_password()
    account = accounts.create_operator(password)
    if account is None:
        return None
    owner = accounts.user(account.id, account.name)
    key = accounts.keys.create(owner.id)
    assert key.sk
    (project,) = accounts.projects(account.id)
    made = FirstStart(account.name, password, key.ak, key.sk, project.id, settings.folder)
    write_private(settings.folder / "credentials", _credentials(made, account.id).encode())
    lines = environment(settings, key.ak, key.sk)
    write_private(settings.folder / "env", "".join(f"{line}\n" for line in lines).encode())
    return made


def endpoint(settings: Settings, tls: bool = False) -> str:
    """Where clients on this machine reach the server."""
    host = EVERYWHERE.get(settings.host, settings.host)
    port = settings.tls_port if tls else settings.port
    return f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{port}"


def remember_endpoint(settings: Settings) -> None:
    """Note where the server listens, for commands that do not know with which options it was started.

    Args:
        settings: With the ports that were bound.
    """
    found = {"http": endpoint(settings)} | (
        {"https": endpoint(settings, tls=True)} if settings.tls_port else {}
    )
    write_private(settings.folder / "endpoint.json", json.dumps(found).encode())


def last_endpoint(settings: Settings, tls: bool = False) -> str | None:
    """Where the server listened when it was last started; None: it never did, or not like that."""
    try:
        found = json.loads((settings.folder / "endpoint.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found.get("https" if tls else "http") if isinstance(found, dict) else None


def environment(settings: Settings, ak: str, sk: str, tls: bool = False, url: str | None = None) -> list[str]:
    """Lines for a shell, after which unchanged programs that use the cloud's SDK call this server.

    Args:
        url: Of the server, where that of the settings is not it.
    """
    url = url or endpoint(settings, tls)
    region = settings.region.replace("-", "_").upper()
    values = {
        f"HUAWEICLOUD_SDK_REGION_IMAGE_{region}": url,
        "HUAWEICLOUD_SDK_IAM_ENDPOINT": url,
        "HUAWEICLOUD_SDK_AK": ak,
        "HUAWEICLOUD_SDK_SK": sk,
    }
    if tls:
        values["REQUESTS_CA_BUNDLE"] = values["SSL_CERT_FILE"] = str(settings.folder / "ca.pem")
    return [f"export {name}={shlex.quote(value)}" for name, value in values.items()]


def read_credentials(settings: Settings) -> tuple[str, str]:
    """AK and SK of the first account.

    Raises:
        NoCredentials: The server was never started with this folder, or somebody took the file away.
    """
    file = settings.folder / "credentials"
    found = configparser.ConfigParser(interpolation=None)
    try:
        found.read_string(file.read_text())
        return found["basic"]["ak"], found["basic"]["sk"]
    except (OSError, KeyError, configparser.Error):
        raise NoCredentials(
            f"{file} has no access key: start the server once (irs-engine serve), or make a key with "
            "irs-engine account key create"
        ) from None


def _credentials(made: FirstStart, account_id: str) -> str:
    """In the form of the SDK's own file of profiles (HUAWEICLOUD_SDK_CREDENTIALS_FILE)."""
    file = configparser.ConfigParser(interpolation=None)
    keys = {"ak": made.ak, "sk": made.sk}
    file["basic"] = keys | {"project_id": made.project_id}
    file["global"] = keys | {"domain_id": account_id}
    file["console"] = {"account": made.account, "user": made.account, "password": made.password}
    written = io.StringIO()
    file.write(written)
    return written.getvalue()
