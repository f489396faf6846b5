"""What is installed and set up here, for the console."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from irs_engine.errors import IrsError
from irs_engine.server.apis import APIS, Api
from irs_engine.weights import find_weights, manifest

if TYPE_CHECKING:
    from irs_engine.server.app import Parts

PACKAGES = ("irs-engine", "torch", "numpy", "starlette", "uvicorn", "sqlalchemy")
# What the weights that answer a verb are called; the others work without any.
WEIGHTS = {
    "tag": ("tagger_s", "detector_s"),
    "detect_recapture": ("recapture_s",),
    "defog": ("haze_s",),
    "super_resolve": ("espcn_", "srcnn_"),
}


def about(parts: Parts) -> dict[str, Any]:
    """Reads small files: not for the event loop."""
    settings = parts.settings
    disk = shutil.disk_usage(settings.folder if settings.folder.exists() else "/")
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "machine": f"{platform.system()} {platform.machine()}",
        "device": str(parts.engine.device),
        "precision": parts.engine.precision,
        "threads": parts.engine.threads,
        "region": settings.region,
        "auth": settings.auth,
        "tls_port": settings.tls_port,
        "database": "SQLite" if parts.store.sqlite else "PostgreSQL",
        "disk": {"free": disk.free, "total": disk.total},
        "downloads": settings.download.enabled,
        "load": parts.works.snapshot(),
        "apis": [_api(api, parts) for api in APIS],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _api(api: Api, parts: Parts) -> dict[str, Any]:
    load = parts.settings.load
    return {
        "name": api.name,
        "service": api.service,
        "title": api.title,
        "path": api.paths[0],
        "installed": not (problem := "" if api.verb else parts.works.listening.problem),
        "problem": problem,
        "at_once": load.concurrency.get(api.name, load.concurrency_default),
        "models": _models(api.verb, parts),
    }


def _models(verb: str | None, parts: Parts) -> list[dict[str, Any]]:
    wanted = WEIGHTS.get(verb or "", ())
    found = []
    for name, entry in manifest().items():
        if not name.startswith(wanted or ("\0",)):
            continue
        try:
            find_weights(name, parts.engine.weights)
            installed = True
        except IrsError:
            installed = False
        kept = ("architecture", "license", "bytes")
        found.append({"name": name, "installed": installed, **{key: entry.get(key) for key in kept}})
    return found
