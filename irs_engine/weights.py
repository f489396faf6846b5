"""Weights: safetensors files, each described by the manifest.json beside it, with its sha256.

Found in this order: the argument, $IRS_WEIGHTS, the package, the user's cache. Only `install_weights` uses a
network.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import re
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from irs_engine.errors import WeightsError, WeightsNotFound

log = logging.getLogger(__name__)

# file, sha256, bytes, license, architecture, input, labels, figures; url where it can be fetched
Entry = dict[str, Any]
Given = str | Path | Sequence[str | Path] | None  # what `find_weights` is given
Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0: not known)

CHUNK = 1 << 20
_verified: set[tuple[str, int, int, str]] = set()  # path, mtime, size, sha256
_manifest_lock = threading.Lock()


def package_directory() -> Path:
    """The weights that came with the package: installed, or `weights/` of a checkout."""
    spec = importlib.util.find_spec("irs_engine_weights")
    if spec and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(__file__).resolve().parent.parent / "weights"


def search_directories() -> dict[str, Path]:
    """Where weights are looked for, in order, by the name that people know the place by."""
    places = {
        "the package": package_directory(),
        "the user cache": Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "irs_engine",
    }
    chosen = os.environ.get("IRS_WEIGHTS")
    return {"$IRS_WEIGHTS": Path(chosen).expanduser(), **places} if chosen else places


def manifest(directory: Path | None = None) -> dict[str, Entry]:
    """Entries by name: those of one directory, or of all that are searched (the first found wins)."""
    if directory is None:
        last_first = reversed(search_directories().values())
        return {name: entry for place in last_first for name, entry in manifest(place).items()}
    file = directory / "manifest.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(f"{file}: not a readable manifest ({error}); repair or delete it") from error


def find_weights(name: str, given: Given = None, *, accepts: Collection[str] = ()) -> Path:
    """The file of the weights called `name`.

    Args:
        given: A file to use, the name of other weights that are installed, a folder to look in first, or
            several of these. A file that says it is of another architecture is for something else and passed
            over.
        accepts: Architectures beside that of the manifest that may take its place.
    """
    wanted = {manifest().get(name, {}).get("architecture"), *accepts} - {None}
    several = () if given is None else [given] if isinstance(given, str | Path) else given
    found = [_given(one) for one in several]  # a wrong one is an error even where another is used
    for path in found:
        of_file = None if path.is_dir() else architecture_of(path)
        if path.is_file() and (not wanted or of_file is None or of_file in wanted):
            return path
    folders = {f"the given folder {path.name}": path for path in found if path.is_dir()}
    places = folders | search_directories()
    for directory in places.values():
        path = directory / manifest(directory).get(name, {}).get("file", f"{name}.safetensors")
        if path.is_file():
            log.debug("%s: %s", name, path)
            return path
    where = ", ".join(f"{place} ({directory})" for place, directory in places.items())
    source = name if "url" in manifest().get(name, {}) else f"FILE_OR_URL --sha256 SHA256 --name {name}"
    raise WeightsNotFound(f"{name} is not in {where}; run: irs-engine weights install {source}")


def _given(file_or_name: str | Path) -> Path:
    """The file or folder, or the file of the weights that a manifest calls so."""
    path = Path(file_or_name).expanduser()
    if path.exists():
        return path
    for directory in search_directories().values():
        entry = manifest(directory).get(str(file_or_name))
        if entry and (directory / entry["file"]).is_file():
            return directory / entry["file"]
    raise WeightsNotFound(
        f"{file_or_name}: no such file or folder, and no installed weights are called so; give a "
        ".safetensors file, a folder of them, or a name from: irs-engine weights list"
    )


def architecture_of(path: Path) -> str | None:
    """What network a file is for, as itself or the manifest beside it says."""
    return weights_about(path).get("architecture") or (weights_entry(path) or {}).get("architecture")


def load_weights(name: str, given: Given = None, *, framework: str = "pt") -> dict[str, Any]:
    """The tensors of `find_weights` by name."""
    return read_weights(find_weights(name, given), framework=framework)


def read_weights(path: Path, *, framework: str = "pt") -> dict[str, Any]:
    """Tensors by name, torch's ("pt") or numpy's ("np"), after the sha256 has been checked."""
    from safetensors import SafetensorError, safe_open

    verify_weights(path)
    try:
        with safe_open(path, framework) as file:  # type: ignore[attr-defined]
            return {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error}); install it again") from error


def weights_about(path: Path) -> dict[str, str]:
    """What the file says of itself, such as its architecture."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:  # type: ignore[attr-defined]
            return file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error}); install it again") from error


def weights_entry(path: Path) -> Entry | None:
    """What the manifest beside the file says of it; None where it says nothing: a file of the user's own."""
    return next((entry for entry in manifest(path.parent).values() if entry.get("file") == path.name), None)


def verify_weights(path: Path) -> str:
    """Return "ok" or "not in a manifest"; raise if the sha256 is another. Unchanged files are read once."""
    entry = weights_entry(path)
    if entry is None:
        log.info("%s: no manifest names it, its sha256 is not checked", path)
        return "not in a manifest"
    stat = path.stat()
    state = (str(path), stat.st_mtime_ns, stat.st_size, entry["sha256"])
    if state not in _verified:
        with path.open("rb") as file:
            found = _copy(file)
        if found != entry["sha256"]:
            raise WeightsError(
                f"{path}: sha256 is {found}, its manifest says {entry['sha256']}; "
                "the file is damaged or was replaced, install it again"
            )
        _verified.add(state)
    return "ok"


def install_weights(
    source: str, *, sha256: str | None = None, name: str | None = None, progress: Progress | None = None
) -> Path:
    """Fetch weights into $IRS_WEIGHTS or the user's cache; the file appears whole and checked, or not at all.

    Args:
        source: A name whose manifest entry has a url, or an http(s) URL or a file, which then need `sha256`.
        name: What to call them; the stem of the file by default.
    """
    entry = manifest().get(source, {})
    if "url" in entry:
        source, sha256, name = entry["url"], entry["sha256"], name or source
    is_url = source.startswith(("http://", "https://"))
    if not is_url and not Path(source).is_file():
        raise WeightsNotFound(
            f"{source}: neither a file, an http(s) URL nor the name of weights that can be fetched; for such "
            "names see: irs-engine weights list"
        )
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256 or ""):
        raise WeightsError(
            f"{source}: sha256={sha256!r}: give the 64 hexadecimal digits that its publisher states"
        )

    def write(path: Path) -> None:
        with path.open("wb") as file, _open(source, is_url) as (stream, total):
            digest = _copy(stream, file, progress, total)
        if digest != sha256.lower():  # type: ignore[union-attr]
            raise WeightsError(f"{source}: its sha256 is {digest}, expected {sha256}; nothing was installed")
        _check_format(path, source)

    return install_file(name or Path(source.partition("?")[0]).stem, {**entry, "source": source}, write)


def install_file(name: str, entry: Entry, write: Callable[[Path], None]) -> Path:
    """Install what `write` writes to the path that it is given; if it raises, nothing is left of it.

    Args:
        name: What to call the weights.
        entry: What the manifest is to say of them, beside the file, its sha256 and its size.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise WeightsError(
            f"name={name!r}: expected letters, digits, '_', '-' and '.'; choose one with --name"
        )
    directory = next(place for key, place in search_directories().items() if key != "the package")
    target = directory / f"{name}.safetensors"
    directory.mkdir(parents=True, exist_ok=True)
    handle, created = tempfile.mkstemp(prefix=".install-", dir=directory)
    os.close(handle)
    temporary = Path(created)
    try:
        write(temporary)
        with temporary.open("rb") as file:
            found = {"file": target.name, "sha256": _copy(file), "bytes": temporary.stat().st_size}
        temporary.chmod(0o644)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _add_to_manifest(directory, name, {**entry, **found})
    return target


@contextlib.contextmanager
def _open(source: str, is_url: bool) -> Iterator[tuple[BinaryIO, int]]:
    """The bytes of a URL or file, and how many there are (0: not known)."""
    import http.client
    import urllib.request

    try:
        if is_url:
            with urllib.request.urlopen(source, timeout=30) as answer:
                yield answer, int(answer.headers.get("Content-Length") or 0)
        else:
            with open(source, "rb") as file:
                yield file, os.path.getsize(source)
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(f"{source}: cannot be fetched ({error}); nothing was installed") from error


def _copy(
    source: BinaryIO, target: BinaryIO | None = None, progress: Progress | None = None, total: int = 0
) -> str:
    """Copy to the target, if any; return the sha256 of what passed by."""
    digest, done = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        if target:
            target.write(chunk)
        done += len(chunk)
        if progress:
            progress(done, total)
    return digest.hexdigest()


def _check_format(file: Path, source: str) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np"):  # type: ignore[attr-defined]
            pass
    except SafetensorError as error:
        raise WeightsError(f"{source}: not a safetensors file ({error}); nothing was installed") from error


def _add_to_manifest(directory: Path, name: str, entry: Entry) -> None:
    with _manifest_lock:
        text = json.dumps({**manifest(directory), name: entry}, indent=2, ensure_ascii=False) + "\n"
        temporary = directory / f".manifest-{os.getpid()}.json"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, directory / "manifest.json")
