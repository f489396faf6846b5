"""Requests signed with an access key: SDK-HMAC-SHA256.

    Authorization: SDK-HMAC-SHA256 Access=AK, SignedHeaders=a;b;c, Signature=HEX

Works on the bytes that came over the wire: what was decoded and encoded again on the way would be something
else than what was signed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "SDK-HMAC-SHA256"
DATE = "x-sdk-date"
PAYLOAD = "x-sdk-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()
MAX_HEADERS = 64  # that may be signed
_FORM = re.compile(
    rf"{ALGORITHM} +(?:Access|Credential)=(?P<ak>[0-9A-Za-z_-]{{1,64}})(?:/[^,\s]*)?, *"
    r"SignedHeaders=(?P<names>[^,\s]{1,4096}), *Signature=(?P<signature>[0-9a-fA-F]{64})"
)

Headers = Sequence[tuple[bytes, bytes]]  # names in lower case, as ASGI has them


class SignatureError(ValueError):
    """The request is not signed as it has to be; says in which way, which is no secret."""


@dataclass(frozen=True)
class Signed:
    """What a request says about its own signature, and all that is signed but for the body.

    Args:
        heads: Of the canonical request, in each of the ways in which known clients write it.
        payload: What was signed for the body: a hash, UNSIGNED, or None: the hash of whatever the body is.
    """

    access_key: str
    date: str
    signature: str
    heads: tuple[bytes, ...]
    payload: str | None

    @property
    def seconds(self) -> float:
        """When it was signed, since 1970."""
        return _parse_date(self.date).timestamp()

    def matches(self, secret: str, payload: str) -> bool:
        """Whether it was signed with this secret, for a body of this hash (or UNSIGNED)."""
        found = False
        for head in self.heads:
            canonical = hashlib.sha256(head + payload.encode()).hexdigest()
            text = f"{ALGORITHM}\n{self.date}\n{canonical}".encode()
            expected = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
            found |= hmac.compare_digest(expected, self.signature)  # no way out before the last one
        return found

    def covers(self, secret: str, digest: str) -> bool:
        """Whether it is right for a body of this SHA-256, and that body the one that was signed."""
        if self.payload is None:
            return self.matches(secret, digest)
        if digest == EMPTY_HASH and self.matches(secret, EMPTY_HASH):  # the SDK, whatever its header says
            return self.payload in (UNSIGNED, EMPTY_HASH)
        as_said = self.payload == UNSIGNED or hmac.compare_digest(self.payload.lower(), digest)
        return as_said & self.matches(secret, self.payload)


def read_signature(method: str, path: bytes, query: bytes, headers: Headers) -> Signed:
    """The signature of a request.

    Args:
        path, query: As they were sent, percent-encoded.

    Raises:
        SignatureError: There is none that could be valid.
    """
    found = _FORM.fullmatch(_only(headers, b"authorization").decode("latin-1").strip())
    if not found:
        raise SignatureError(f"Authorization: expected {ALGORITHM} Access=, SignedHeaders=, Signature=")
    names = found["names"].split(";")
    sorted_names = sorted({name.lower() for name in names})
    if len(sorted_names) != len(names) or len(names) > MAX_HEADERS:
        raise SignatureError(f"SignedHeaders: expected at most {MAX_HEADERS} names, each once")
    if DATE not in sorted_names:
        raise SignatureError("SignedHeaders: X-Sdk-Date is not among them")
    values = {name: _value(headers, name.encode("latin-1")) for name in sorted_names}
    if missing := [name for name, value in values.items() if value is None]:
        raise SignatureError(f"SignedHeaders: the request has no {missing[0]}")
    date = (values[DATE] or b"").decode("latin-1")
    _parse_date(date)
    block = b"".join(name.encode("latin-1") + b":" + (values[name] or b"") + b"\n" for name in sorted_names)
    start = method.upper().encode() + b"\n" + canonical_path(path) + b"\n"
    end = b"\n" + block + b"\n" + found["names"].encode("latin-1") + b"\n"
    heads = tuple(start + text + end for text in canonical_queries(query))
    return Signed(found["ak"], date, found["signature"].lower(), heads, _payload(headers))


def canonical_path(path: bytes) -> bytes:
    """Every part encoded in the one right way, with a slash at the end."""
    text = quote(unquote_to_bytes(path), safe="/~")
    return text.encode() if text.endswith("/") else text.encode() + b"/"


def canonical_queries(query: bytes) -> tuple[bytes, ...]:
    """Every way in which clients write the same query.

    In the order of what is encoded, as documented, or of what it stands for, as the SDK has it; and where a
    value is empty, with "=" after the name or, from the signer of 2019, without.
    """
    # Signed is what the application reads: "+" is a space to it.
    pairs = [
        tuple(unquote_to_bytes(side.replace(b"+", b" ")) for side in part.partition(b"=")[::2])
        for part in query.split(b"&")
        if part
    ]
    encoded = [(quote(name, safe="~"), quote(value, safe="~")) for name, value in sorted(pairs)]
    orders = (sorted(encoded), encoded)
    written = [
        "&".join(f"{name}={value}" if value or equals else name for name, value in order)
        for equals in (True, False)
        for order in orders
    ]
    return tuple(text.encode() for text in dict.fromkeys(written))


def _payload(headers: Headers) -> str | None:
    value = _value(headers, PAYLOAD.encode())
    if value is None:
        return None
    text = value.decode("latin-1")
    if text != UNSIGNED and not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise SignatureError(f"X-Sdk-Content-Sha256: expected the SHA-256 of the body, or {UNSIGNED}")
    content_type = (_value(headers, b"content-type") or b"").lower()
    if text == UNSIGNED and content_type.startswith((b"application/json", b"application/bson")):
        raise SignatureError(f"X-Sdk-Content-Sha256: {UNSIGNED} is not for JSON")
    return text


def _parse_date(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", text):
        raise SignatureError("X-Sdk-Date: expected YYYYMMDDTHHMMSSZ")
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise SignatureError("X-Sdk-Date: no such time") from None


def _only(headers: Headers, name: bytes) -> bytes:
    found = [value for key, value in headers if key == name]
    if len(found) != 1:
        raise SignatureError(f"{name.decode().title()}: expected once")
    return found[0]


def _value(headers: Headers, name: bytes) -> bytes | None:
    """Several of one name count as one, with commas between."""
    found = [value.strip() for key, value in headers if key == name]
    return b",".join(found) if found else None
