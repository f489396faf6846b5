"""The URL of a picture, taken apart strictly: what two programs could read differently is refused."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

import idna

LONGEST = 2048  # characters
DEFAULT_PORTS = {"http": 80, "https": 443}
MIDDLE = "!$&'()*+,;=:@~%/"  # stays as it is in a path, beside letters, digits and -._

_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\[(?P<host>[0-9A-Fa-f:.]+)\](?::(?P<port>[0-9]{1,5}))?")
_NAMED = re.compile(r"(?P<host>[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# Controls, space, DEL, the C1 controls; the backslash, which browsers take for a slash; halves of characters.
_NEVER = re.compile("[\x00-\x20\x7f-\x9f\\\\\ud800-\udfff]")


class UrlError(ValueError):
    """Not a URL that pictures are fetched from; says what is accepted, for people."""


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL in normal form, all ASCII.

    Args:
        host: A name in lower case and IDNA form without the dot at its end, or an address without brackets.
        path: Begins with "/"; percent-encoded as it was given, other characters than URLs may have encoded.
        query: Likewise; None where there is none.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str | None

    @property
    def target(self) -> str:
        """Of the request line."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(text: str) -> Url:
    """The URL in normal form.

    Raises:
        UrlError: It is malformed, too long, not http(s), has a user name, or characters that no URL has.
    """
    if len(text) > LONGEST:
        raise UrlError(f"a URL has {LONGEST} characters at most")
    if _NEVER.search(text):
        raise UrlError("a URL has no spaces, line breaks, control characters or backslashes")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise UrlError("expected http://... or https://...")
    scheme, authority = shape["scheme"].lower(), shape["authority"]
    if "@" in authority:
        raise UrlError("a URL with a user name or password is not accepted")
    if bracketed := _BRACKETED.fullmatch(authority):
        host, port = _address(bracketed["host"]), bracketed["port"]
    elif named := _NAMED.fullmatch(authority):
        host, port = _name(named["host"]), named["port"]
    else:
        raise UrlError("the host of the URL is malformed")
    number = DEFAULT_PORTS[scheme] if port is None else int(port)
    if not 1 <= number <= 65535:
        raise UrlError("the port of the URL is out of range")
    query = shape["query"]
    path = quote(shape["path"] or "/", safe=MIDDLE)
    return Url(scheme, host, number, path, None if query is None else quote(query, safe=MIDDLE + "?"))


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise UrlError("the host of the URL is malformed") from None


def _name(text: str) -> str:
    """A host name in lower case and ASCII; odd ways to write an IPv4 address are names here."""
    malformed = UrlError("the host of the URL is malformed")
    if len(text) > 254:
        raise malformed
    try:
        name = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode()
    except idna.IDNAError:
        raise malformed from None
    name = name[:-1] if name.endswith(".") else name
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise malformed
    return name
