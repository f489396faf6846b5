"""All that can be set, from a TOML file, the environment, or by the caller; in this order the later one wins.

`IRS_SERVER_PORT=8080`, and of a table `IRS_SERVER_LOAD__QUEUE=100`. The README lists them.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

HOME = Path("~/.irs_engine/server")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DownloadSettings(_Table):
    """Pictures and videos that requests name by URL."""

    enabled: bool = True
    ports: tuple[int, ...] = (80, 443)
    allow_hosts: tuple[str, ...] = ()  # none: any public host
    allow_private: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    connect_seconds: float = Field(default=3, gt=0)
    first_byte_seconds: float = Field(default=5, gt=0)
    total_seconds: float = Field(default=10, gt=0)
    video_seconds: float = Field(default=60, gt=0)  # likewise, of a video
    at_once: int = Field(default=16, ge=1)


class Bucket(_Table):
    """A local folder that answers for an OBS bucket."""

    folder: Path
    public: bool = False  # anonymous public read
    account: str | None = None  # name of the account that owns it; none: every account of this server


class ObsSettings(_Table):
    domain: str = "myhuaweicloud.com"
    local_map: dict[str, Bucket] = {}


class LoadSettings(_Table):
    """What is done at once, and how long anybody is waited for."""

    queue: int = Field(default=64, ge=0)  # calls of an API that may wait for their turn
    concurrency: dict[str, int] = {"recapture-detect": 1}  # calls of an API at once
    concurrency_default: int = Field(default=4, ge=1)
    batch: int = Field(default=8, ge=1)  # pictures that are tagged together at most
    batch_wait_ms: float = Field(default=1.0, ge=0)
    workers: int = Field(default=2, ge=1)  # threads that decode and encode pictures
    connections: int = Field(default=1000, ge=1)
    header_seconds: float = Field(default=10, gt=0)  # for all headers of a request, and of an idle connection
    body_seconds: float = Field(default=60, gt=0)
    body_bytes_per_second: int = Field(default=16_384, ge=0)  # slower ones are cut off after 5 s
    wait_seconds: float = Field(default=30, gt=0)  # in the queue
    drain_seconds: float = Field(default=20, ge=0)  # for calls in progress when the server stops


class MusicSettings(_Table):
    """Background music of videos."""

    catalogue: Path | None = None  # of songs; none: $IRS_MUSIC_CATALOGUE, else ~/.irs_engine/music
    seconds: float = Field(default=60, gt=0)  # of work on a video, then what was heard is the answer


class Tier(_Table):
    """A price per 1,000 calls, from so many calls of the calendar month on."""

    above: int = Field(default=0, ge=0)
    per_thousand: float = Field(ge=0)


class PackageSettings(_Table):
    """So many calls of an API for so many months, paid in full when bought."""

    api: str
    calls: int = Field(ge=1)
    months: int = Field(ge=1, le=120)
    price: str  # decimal, in the currency


class BillingSettings(_Table):
    """The business side. By default nothing costs anything and everything is subscribed."""

    subscribed: bool = True  # are the services of a new account
    monthly_free_calls: int | None = Field(default=None, ge=0)  # per API; none: no limit without prices
    currency: str = "USD"
    prices: dict[str, tuple[Tier, ...]] = {}  # API or "default": tiers
    packages: dict[str, PackageSettings] = {}  # name: what can be bought


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="IRS_SERVER_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=0, le=65535)
    tls_port: int | None = Field(default=None, ge=0, le=65535)  # https beside http, on a port of its own
    data: Path = HOME
    database: str | None = None  # an SQLAlchemy URL; none: an SQLite file under `data`
    auth: Literal["on", "off"] = "on"
    region: str = "ap-southeast-1"
    hosts: tuple[str, ...] = ()  # names by which browsers may call it, beside loopback and `host`
    strict_parameters: bool = False  # refuse what is out of range where the reference is silent
    legacy_status_400: bool = False  # 400 where the reference's table says so and the gateway does not
    console: bool = True
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = Field(default=None, ge=1)
    weights: tuple[str, ...] = ()
    album: Path | None = None  # file of the operator's album, to be looked at; none: there is none
    log: Literal["text", "json"] = "text"
    download: DownloadSettings = DownloadSettings()
    obs: ObsSettings = ObsSettings()
    load: LoadSettings = LoadSettings()
    billing: BillingSettings = BillingSettings()
    music: MusicSettings = MusicSettings()

    @model_validator(mode="after")
    def _strangers_need_keys(self) -> Settings:
        if self.auth == "off" and not self.loopback:
            raise ValueError(f"auth is off: only a loopback address may be listened on, not {self.host}")
        return self

    @property
    def loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def folder(self) -> Path:
        """Of everything that is kept."""
        return self.data.expanduser()

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.folder / 'irs.db'}"

    @classmethod
    def read(cls, file: Path | None = None, **given: Any) -> Settings:
        """Of a TOML file (when there is one), the environment and what is given."""

        class FromFile(cls):  # type: ignore[misc, valid-type]
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

        return (FromFile if file else cls)(**given)
