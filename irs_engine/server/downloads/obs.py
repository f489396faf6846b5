"""URLs of the cloud's object storage (OBS), answered from local folders: programs with such URLs just run.

Who may read: everybody what a bucket shares publicly; the holder of a URL with a temporary signature what its
signer may read; an account that authorised the service its own buckets. A refusal never tells what exists.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import stat
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

import anyio
from anyio.to_thread import run_sync

from irs_engine.server.caller import ADMINISTRATOR, OBS_VIEWER, Caller
from irs_engine.server.downloads.url import Url
from irs_engine.server.errors import ServiceError
from irs_engine.server.settings import Bucket, ObsSettings

READERS = 4  # files that are read at once
ISSUER = ("AccessKeyId", "AWSAccessKeyId")
TEMPORARY = (*ISSUER, "Expires", "Signature")
# Parameters that are signed with the resource; they ask for headers of the answer, which has none here.
RESPONSE = re.compile(r"response-(content-(type|language|disposition|encoding)|expires|cache-control)")
SIGNED = re.compile(rf"{RESPONSE.pattern}|x-obs-.*", re.IGNORECASE)
# These ask for something else than the object as it is, or are signed in another way.
ELSEWHERE = re.compile(r"x-image-.*|x-oss-process|x-amz-.*|versionid|acl|torrent|tagging", re.IGNORECASE)


SecretOf = Callable[[str], Awaitable[str | None]]  # of an access key, by its id; None: none that may be used
AccountOf = Callable[[str], Awaitable[str | None]]  # the name of the account of an access key
Authorised = Callable[[str], Awaitable[bool]]  # by the account's id


@dataclass(frozen=True, slots=True)
class Object:
    bucket: str
    key: tuple[str, ...]  # folders and the file's name
    path: str  # of the URL, as it was signed
    query: dict[str, str]


class LocalObs:
    """The buckets of the settings.

    Args:
        secret_of: Finds what was signed with.
        authorised: Whether an account lets the service read its buckets.
        account_of: Finds whose key signed, which has to be the bucket's account, whoever has the URL. None:
            it is not known, and the caller has to be of the bucket's account instead.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        settings: ObsSettings,
        secret_of: SecretOf,
        authorised: Authorised,
        account_of: AccountOf | None = None,
        clock: Callable[[], float] = time.time,
    ):
        self._buckets = settings.local_map
        self._host = re.compile(
            rf"(?P<bucket>[a-z0-9][a-z0-9.-]*)\.obs(?:\.[a-z0-9-]+)?\.{re.escape(settings.domain.lower())}"
        )
        self._secret_of, self._account_of = secret_of, account_of
        self._authorised, self._clock = authorised, clock
        self._readers = anyio.CapacityLimiter(READERS)

    def object_of(self, url: Url) -> Object | None:
        """What a URL names in one of the buckets; None where it is none of theirs.

        Raises:
            ServiceError: ModelArts.4703, it names no object, or asks for what is not done here.
        """
        shape = self._host.fullmatch(url.host)
        if shape is None or shape["bucket"] not in self._buckets:
            return None
        query = _query(url.query or "")
        if odd := next(filter(ELSEWHERE.fullmatch, query), None):
            raise ServiceError("ModelArts.4703", f"the parameter {odd} is not known here")
        return Object(shape["bucket"], _key(url.path), url.path, query)

    async def read(self, wanted: Object, caller: Caller, most: int) -> bytes:
        """Its bytes.

        Args:
            most: Bytes that are accepted.

        Raises:
            ServiceError: It may not be read (AIS.0024, ModelArts.4702, ModelArts.4203), is not there
                (ModelArts.4706) or not readable (ModelArts.4704), is empty (AIS.0025), too large (AIS.0023).
        """
        bucket = self._buckets[wanted.bucket]
        if any(name in wanted.query for name in TEMPORARY):
            await self._check_signature(wanted, bucket, caller)
        elif not bucket.public:
            await self._check_authorisation(bucket, caller)
        return await run_sync(_read, bucket.folder, wanted.key, most, limiter=self._readers)

    async def _check_signature(self, wanted: Object, bucket: Bucket, caller: Caller) -> None:
        issuer = next((wanted.query[name] for name in ISSUER if name in wanted.query), "")
        secret = await self._secret_of(issuer)
        expires, given = wanted.query.get("Expires", ""), wanted.query.get("Signature", "")
        # An unknown key costs the same work.
        expected = [signature(secret or "nobody's", expires, resource) for resource in _resources(wanted)]
        right = any([hmac.compare_digest(each, given.encode()) for each in expected])
        fresh = re.fullmatch("[0-9]{1,12}", expires) is not None and self._clock() < int(expires)
        account = await self._account_of(issuer) if self._account_of else caller.account_name
        owned = bucket.public or bucket.account in (None, account)
        if not (secret and right and fresh and owned):
            raise ServiceError("AIS.0024")

    async def _check_authorisation(self, bucket: Bucket, caller: Caller) -> None:
        if bucket.account not in (None, caller.account_name):
            raise ServiceError("AIS.0024")
        if not await self._authorised(caller.account_id):
            raise ServiceError("ModelArts.4702", "the account has not authorised the service to read OBS")
        if not caller.permissions & {ADMINISTRATOR, OBS_VIEWER}:
            raise ServiceError("ModelArts.4203", f"the user needs the permission {OBS_VIEWER}")


def signature(secret: str, expires: str, resource: str) -> bytes:
    """Of a GET without headers of its own, valid until `expires` (seconds since 1970): base64 of HMAC-SHA1.

    Args:
        resource: "/bucket/key", percent-encoded, with the parameters that are signed.
    """
    text = f"GET\n\n\n{expires}\n{resource}"
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest())


def _resources(wanted: Object) -> set[str]:
    """The ways in which clients write the same resource: encoded as it came, or as the official SDK does."""
    signed = [f"{name}={value}" for name, value in sorted(wanted.query.items()) if SIGNED.fullmatch(name)]
    tail = "?" + "&".join(signed) if signed else ""
    paths = {wanted.path, quote(unquote_to_bytes(wanted.path), safe="/~")}
    return {f"/{wanted.bucket}{path}{tail}" for path in paths}


def _query(text: str) -> dict[str, str]:
    """A plus sign is one, as in base64 that somebody forgot to encode."""
    pairs = [pair.partition("=") for pair in text.split("&") if pair]
    found = {unquote(name): unquote(value) for name, _, value in pairs}
    if len(found) != len(pairs):
        raise ServiceError("ModelArts.4703", "a parameter is given twice")
    return found


def _key(path: str) -> tuple[str, ...]:
    """Decoded once; never leads out of its bucket by itself."""
    try:
        key = tuple(unquote_to_bytes(path).decode().removeprefix("/").split("/"))
    except UnicodeDecodeError:
        key = ()
    if not key or any(part in ("", ".", "..") or "\0" in part for part in key):
        raise ServiceError("ModelArts.4703", "it names no object")
    return key


def _read(folder: Path, key: tuple[str, ...], most: int) -> bytes:
    try:
        with ExitStack() as stack:
            found = _open(folder, key, stack)
            about = os.fstat(found)
            if not stat.S_ISREG(about.st_mode):
                raise FileNotFoundError
            if about.st_size > most:
                raise ServiceError("AIS.0023", f"at most {most:,} bytes are accepted")
            with os.fdopen(os.dup(found), "rb") as file:
                data = file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ServiceError("ModelArts.4706") from None
    except (OSError, ValueError):  # no permission, a disk that fails, a name too long
        raise ServiceError("ModelArts.4704") from None
    if not data:
        raise ServiceError("AIS.0025")
    if len(data) > most:
        raise ServiceError("AIS.0023", f"at most {most:,} bytes are accepted")
    return data


def _open(folder: Path, key: tuple[str, ...], stack: ExitStack) -> int:
    """A descriptor of the file, which lies under the folder even if somebody moves links about meanwhile.

    Links that stay inside the folder are followed. Which folders they lead through is found first; those are
    then opened one by one from the bucket's own, and none of them may be a link any more.
    """
    root = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(root, *key))
    if os.path.commonpath((root, real)) != root or real == root:
        raise FileNotFoundError
    # O_NONBLOCK: a pipe that nobody writes to is not waited for.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    opened = os.open(root, flags | os.O_DIRECTORY)
    stack.callback(os.close, opened)
    *folders, name = os.path.relpath(real, root).split(os.sep)
    for part in folders:
        opened = os.open(part, flags | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=opened)
        stack.callback(os.close, opened)
    opened = os.open(name, flags | os.O_NOFOLLOW, dir_fd=opened)
    stack.callback(os.close, opened)
    return opened
