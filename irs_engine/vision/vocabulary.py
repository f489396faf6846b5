"""All tags that the tagging network can give: names in both languages, kinds, categories, and what is a what.

The truth is in three tables beside this file: `vocabulary.tsv` has a row for a tag, `labels.tsv` a row for an
output of the network, `categories.tsv` a row for a category. A tag inherits the evidence of its children.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

from irs_engine.results import Category


@dataclass(frozen=True, slots=True)
class TagEntry:
    id: str  # WordNet 3.0 synset such as n02084071, else source:slug
    en: str
    zh: str
    kind: str  # object, scene, or concept: a group of other tags
    category: str  # id of a Category
    parents: tuple[str, ...]  # ids; the first one gave the category


class Vocabulary:
    """Tags by id, their hypernyms, and the tag of every class of every head."""

    def __init__(
        self,
        tags: tuple[TagEntry, ...],
        labels: dict[str, tuple[str | None, ...]],
        categories: dict[str, Category],
        source_names: dict[str, tuple[str, ...]],
    ):
        self.tags = tags
        self.categories = categories
        self._labels = labels
        self._by_id = {tag.id: tag for tag in tags}
        self._ancestors: dict[str, tuple[str, ...]] = {}
        self._source_names = source_names

    def __getitem__(self, id: str) -> TagEntry:
        return self._by_id[id]

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def heads(self) -> tuple[str, ...]:
        return tuple(self._labels)

    def labels(self, head: str) -> tuple[str | None, ...]:
        """The tag id of every class of a head, in the order of its outputs; None = hidden."""
        return self._labels[head]

    def source_names(self, head: str) -> tuple[str, ...]:
        """What the makers of the head's classes call them, in the order of its outputs."""
        return self._source_names[head]

    def with_head(self, head: str, tags: Sequence[TagEntry | None]) -> Vocabulary:
        """With another head whose classes mean these tags, which may be new ones; None = hidden."""
        own = {tag.id: tag for tag in tags if tag is not None and tag.id not in self}
        return Vocabulary(
            (*self.tags, *own.values()),
            {**self._labels, head: tuple(None if tag is None else tag.id for tag in tags)},
            self.categories,
            {**self._source_names, head: tuple("" if tag is None else tag.en for tag in tags)},
        )

    def ancestors(self, id: str) -> tuple[str, ...]:
        """Ids of all hypernyms, nearest first, each once."""
        known = self._ancestors.get(id)
        if known is None:
            known = self._ancestors[id] = self._climb(id)
        return known

    def _climb(self, id: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        level = self._by_id[id].parents
        while level:
            found.update(dict.fromkeys(level))
            level = tuple(up for parent in level for up in self._by_id[parent].parents)
        return tuple(found)

    @cached_property
    def _names(self) -> list[list[str]]:
        names = {tag.id: [tag.en.casefold(), tag.zh.casefold(), tag.id] for tag in self.tags}
        pairs = ((self._labels[head], of_head) for head, of_head in self._source_names.items())
        for tag_id, source in (pair for both in pairs for pair in zip(*both, strict=True)):
            if tag_id in names:
                names[tag_id] += source.casefold().replace("_", " ").split(", ")
        return list(names.values())

    def search(self, text: str) -> list[TagEntry]:
        """Tags found by a name in either language, by id, or by another name in `labels.tsv` (puma: cougar).

        The exact ones come first, then whole words, prefixes and parts.
        """
        wanted = " ".join(text.casefold().split())
        if not wanted:
            return []
        found = []
        for tag, names in zip(self.tags, self._names, strict=True):
            hits = [
                (_rank(wanted, name), place > 1, len(name))
                for place, name in enumerate(names)
                if wanted in name
            ]
            if hits:
                found.append((min(hits), tag))
        return [tag for _, tag in sorted(found, key=lambda hit: (hit[0], hit[1].en))]


def _rank(wanted: str, name: str) -> int:
    if name == wanted:
        return 0
    if f" {wanted} " in f" {name} " or (not name.isascii() and name.endswith(wanted)):
        return 1  # a whole word; a Chinese noun has its head at the end
    if name.startswith(wanted):
        return 2
    return 3 if f" {wanted}" in name else 4


@lru_cache(maxsize=1)
def load_vocabulary() -> Vocabulary:
    """The vocabulary of the package, read once."""
    tags = tuple(
        TagEntry(id, en, zh, kind, category, tuple(parents.split(",")) if parents else ())
        for id, en, zh, kind, category, parents in _rows("vocabulary.tsv")
    )
    labels: dict[str, list[str | None]] = {}
    source_names: dict[str, list[str]] = {}
    for head, index, source, tag in _rows("labels.tsv"):
        of_head = labels.setdefault(head, [])
        if int(index) != len(of_head):
            raise ValueError(f"labels.tsv: {head} {index} is out of order, expected {len(of_head)}")
        of_head.append(None if tag == "-" else tag)
        source_names.setdefault(head, []).append(source)
    categories = {id: Category(id, en, zh) for id, en, zh in _rows("categories.tsv")}
    return Vocabulary(
        tags,
        {head: tuple(ids) for head, ids in labels.items()},
        categories,
        {head: tuple(names) for head, names in source_names.items()},
    )


def _rows(name: str) -> list[list[str]]:
    lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]
