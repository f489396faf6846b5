"""What people type into the search box, as a tree: words, quotes, OR, brackets, minus, dates, thresholds.

dog beach                   both
dog OR cat, (dog | cat) sea or; what stands beside each other binds closer
-person, NOT person         not
"living room", living room  names of several words need no quotes
dog:80                      with a confidence of at least 80
2024, 2024-07, 2024-07-14   taken then; 2019..2021, 2024-06.. and ..2020 are ranges, both ends included
狗 海滩, 狗海滩 -人 2024年7月   Chinese needs no spaces; full-width signs are the same as others
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeAlias

from irs_engine.album.names import TagNames
from irs_engine.errors import ParameterError

EPOCH = datetime(1970, 1, 1)
MOST = 100  # words and signs of a query: brackets in brackets must not exhaust the stack
_DAY = (
    r"(1[6-9]\d\d|20\d\d|21\d\d)(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?|年(?:(\d{1,2})月(?:(\d{1,2})[日号])?)?)?"
)
_DATE = re.compile(_DAY)
_RANGE = re.compile(rf"(?:{_DAY})?\.\.(?:{_DAY})?")
_TOKEN = re.compile(
    r'\s*(?:(?P<quoted>"[^"]*"(?::\d+(?:\.\d+)?)?)|(?P<sign>[()|]|-(?=\S))|(?P<word>[^\s()|"]+)|(?P<bad>"))'
)
_LEAST = re.compile(r"(.+):(?:>=)?(\d+(?:\.\d+)?)", re.DOTALL)
_QUOTES = str.maketrans("“”„「」『』", '"' * 7)
_OR, _NOT, _AND = {"or", "|", "或", "或者"}, {"not", "-"}, {"and", "&"}


@dataclass(frozen=True, slots=True)
class Named:
    """Photos with any of these tags."""

    name: str  # as typed
    keys: tuple[str, ...]
    least: float | None = None  # confidence; that of the search if None

    def __str__(self) -> str:
        return f'"{self.name}"' + (f":{self.least:g}" if self.least is not None else "")


@dataclass(frozen=True, slots=True)
class Taken:
    """Photos that were taken then: seconds since 1970 of local time, from `first` to before `end`."""

    first: float | None
    end: float | None

    def __str__(self) -> str:
        first, last = (
            "" if seconds is None else (EPOCH + timedelta(seconds=seconds)).date().isoformat()
            for seconds in (self.first, None if self.end is None else self.end - 1)
        )
        return first if first == last else f"{first}..{last}"


@dataclass(frozen=True, slots=True)
class Not:
    part: Node

    def __str__(self) -> str:
        return f"NOT ({self.part})" if isinstance(self.part, (All, Any)) else f"NOT {self.part}"


@dataclass(frozen=True, slots=True)
class All:
    """All of these; of no parts: every photo."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " AND ".join(f"({part})" if isinstance(part, Any) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of these."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(map(str, self.parts))


Node: TypeAlias = "Named | Taken | Not | All | Any"


def parse_query(text: str, names: TagNames) -> Node:
    """The tree of a query.

    Raises:
        ParameterError: A word is no name of a tag (the message has the nearest names), or a bracket, a quote
            or a word is missing.
    """
    return _Parser(text, names).parse()


def parse_when(text: str) -> Taken:
    """A year, month, day, or a range of them.

    Raises:
        ParameterError: It is none of these, or the calendar has no such day.
    """
    words = unicodedata.normalize("NFKC", text).strip()
    if match := _DATE.fullmatch(words):
        return Taken(*_span(match.groups(), text))
    if (match := _RANGE.fullmatch(words)) and words != "..":
        first, last = match.groups()[:5], match.groups()[5:]
        start = _span(first, text)[0] if first[0] else None
        end = _span(last, text)[1] if last[0] else None
        if start is not None and end is not None and end <= start:
            raise ParameterError(f"{text}: ends before it begins; swap the two")
        return Taken(start, end)
    raise ParameterError(
        f"{text!r}: expected a date such as 2024, 2024-07, 2024-07-14, or a range 2019..2021"
    )


def _span(parts: tuple[str | None, ...], text: str) -> tuple[float, float]:
    """Seconds since 1970 at the beginning and the end of a year, month or day."""
    year, month, day = int(parts[0] or 0), parts[1] or parts[3], parts[2] or parts[4]
    try:
        first = datetime(year, int(month or 1), int(day or 1))
    except ValueError as error:
        raise ParameterError(f"{text}: {error}") from error
    if day:
        days = 1
    elif month:
        days = calendar.monthrange(year, int(month))[1]
    else:
        days = 366 if calendar.isleap(year) else 365
    return (first - EPOCH).total_seconds(), (first + timedelta(days=days) - EPOCH).total_seconds()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    kind: str  # quoted, sign or word


class _Parser:
    """Recursive descent: any = all (OR all)*, all = one+, one = (- | NOT) one | ( any ) | date | name."""

    def __init__(self, text: str, names: TagNames):
        self.names = names
        self.tokens = list(islice(_tokens(text), MOST + 1))
        if len(self.tokens) > MOST:
            raise ParameterError(f"a query of more than {MOST} words and signs; ask for less at once")
        self.at = 0

    def parse(self) -> Node:
        node = self._any() if self.tokens else All(())
        if self.at < len(self.tokens):
            raise ParameterError("a ) has no (; remove it, or put the name in quotes")
        return node

    def _any(self) -> Node:
        parts = [self._all()]
        while self._next_is(_OR):
            self.at += 1
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.tokens) and not self._next_is(_OR) and not self._next_is({")"}):
            if parts and self._next_is(_AND):
                self.at += 1
            parts += self._one()
        if not parts:
            after = f"after {self.tokens[self.at - 1].text!r}" if self.at else "at the beginning"
            raise ParameterError(f"something is missing {after}: expected a tag or a date")
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self) -> list[Node]:
        if self.at == len(self.tokens):
            raise ParameterError(
                f"something is missing after {self.tokens[-1].text!r}: expected a tag or a date"
            )
        token = self.tokens[self.at]
        if self._next_is(_NOT):
            self.at += 1
            first, *rest = self._one()
            return [Not(first), *rest]
        if self._next_is({"("}):
            self.at += 1
            inside = self._any()
            if not self._next_is({")"}):
                raise ParameterError("a ( is never closed; add a ), or put the name in quotes")
            self.at += 1
            return [inside]
        if token.kind == "quoted":
            self.at += 1
            name, least = _split_least(token.text)
            return [self._named(name.strip('"'), least)]
        if _DATE.fullmatch(token.text) or _RANGE.fullmatch(token.text):
            self.at += 1
            return [parse_when(token.text)]
        return self._words()

    def _words(self) -> list[Node]:
        """The longest name that begins here: living room, not living and room."""
        words: list[str] = []
        least = None
        for token in self.tokens[self.at : self.at + self.names.longest]:
            if token.kind != "word" or (words and token.text.casefold() in _OR | _NOT | _AND):
                break
            word, least = _split_least(token.text)
            words.append(word)
            if least is not None:
                break
        for find in (self.names.find, self.names.find_ending):
            for count in range(len(words), 0, -1):
                name = " ".join(words[:count])
                if keys := find(name):
                    self.at += count
                    return [Named(name, keys, least if count == len(words) else None)]
            if pieces := self._joined(words[0]):
                self.at += 1
                *firsts, last = pieces
                return [*(Named(n, k) for n, k in firsts), Named(*last, least if len(words) == 1 else None)]
        raise self._unknown(words[0])

    def _joined(self, word: str) -> list[tuple[str, tuple[str, ...]]]:
        """Chinese names without spaces between them, the longest first; none if something is left over."""
        found: list[tuple[str, tuple[str, ...]]] = []
        while word and not word.isascii():
            for length in range(len(word), 0, -1):
                if keys := self.names.find(word[:length]):
                    found.append((word[:length], keys))
                    word = word[length:]
                    break
            else:
                return []
        return [] if word else found

    def _named(self, name: str, least: float | None) -> Named:
        keys = self.names.find(name) or self.names.find_ending(name)
        if not keys:
            raise self._unknown(name)
        return Named(name, keys, least)

    def _unknown(self, name: str) -> ParameterError:
        near = self.names.nearest(name)
        hint = f"did you mean {' or '.join(near)}?" if near else "`irs-engine tags --search TEXT` lists tags"
        return ParameterError(f"no tag is called {name!r}; {hint}")

    def _next_is(self, words: set[str]) -> bool:
        if self.at == len(self.tokens):
            return False
        token = self.tokens[self.at]
        return token.kind != "quoted" and token.text.casefold() in words


def _tokens(text: str) -> Iterator[_Token]:
    text = unicodedata.normalize("NFKC", text.translate(_QUOTES)).rstrip().translate(_QUOTES)
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup == "bad":
            raise ParameterError('a " is never closed; add one at the end of the name')
        kind = match.lastgroup or ""
        yield _Token(match.group(kind), kind)
        at = match.end()


def _split_least(text: str) -> tuple[str, float | None]:
    """dog:80 is a dog of 80."""
    match = _LEAST.fullmatch(text)
    if match is None:
        return text, None
    least = float(match.group(2))
    if least > 100:
        raise ParameterError(f"{text}: expected a confidence from 0 to 100 after the colon")
    return match.group(1), least


def leaves(node: Node) -> Iterator[Named | Taken]:
    """The words and dates of a tree, from left to right."""
    if isinstance(node, (Named, Taken)):
        yield node
    elif isinstance(node, Not):
        yield from leaves(node.part)
    else:
        for part in node.parts:
            yield from leaves(part)
