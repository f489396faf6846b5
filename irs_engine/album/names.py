"""Which tags people mean by a word: names in both languages, other names, plurals, and the ends of names."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from irs_engine.vision.vocabulary import load_vocabulary

IRREGULAR = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "geese": "goose",
    "feet": "foot",
    "teeth": "tooth",
    "loaves": "loaf",
    "leaves": "leaf",
    "knives": "knife",
    "shelves": "shelf",
    "wolves": "wolf",
    "calves": "calf",
    "scarves": "scarf",
}
EVERYDAY = {  # what people type, and the tag that comes nearest; used where no tag has that very name
    "man": "person",
    "woman": "person",
    "human": "person",
    "child": "person",
    "kid": "person",
    "baby": "person",
    "boy": "person",
    "girl": "person",
    "city": "cityscape",
    "puppy": "dog",
    "kitten": "cat",
    "sea": "ocean",
    "seaside": "beach",
    "bike": "bicycle",
    "motorbike": "motorcycle",
    "plane": "airplane",
    "aeroplane": "airplane",
    "automobile": "car",
    "phone": "mobile phone",
    "cellphone": "mobile phone",
    "cell phone": "mobile phone",
    "tv": "television",
    "couch": "sofa",
    "woods": "forest",
    "hill": "mountain",
    "人们": "人",
    "男人": "人",
    "女人": "人",
    "孩子": "人",
    "婴儿": "人",
    "小狗": "狗",
    "小猫": "猫",
    "海": "海洋",
    "大海": "海洋",
    "海边": "海滩",
    "单车": "自行车",
    "轿车": "汽车",
    "电视": "电视机",
    "公交车": "公共汽车",
    "房子": "房屋",
    "塔": "塔楼",
    "羊": "绵羊",
    "河": "河流",
    "城市": "城市风光",
    "湖": "湖泊",
    "桥": "桥梁",
    "路": "道路",
}

LONGEST = 6  # words of a name of the vocabulary
Table: TypeAlias = dict[str, dict[str, None]]  # folded names, and the keys of those that are called so


@dataclass(frozen=True, slots=True)
class TagName:
    """A tag as an album knows it: the names are those that people see there."""

    key: str  # id of the vocabulary, or user:slug
    en: str
    zh: str


class TagNames:
    """Finds tags by what people call them.

    Args:
        tags: Those of the album. Tags of the vocabulary that no photo has are known too.
    """

    def __init__(self, tags: Iterable[TagName] = ()):
        vocabulary = load_vocabulary()
        self._own: Table = {}
        for tag in tags:
            entry = vocabulary[tag.key] if tag.key in vocabulary else None
            if entry is None or (entry.en, entry.zh) != (tag.en, tag.zh):
                _add(self._own, tag.key, tag.en, tag.zh, tag.key)
        self._names, self._others = _vocabulary_names()  # a renamed tag is found by its old names too
        self.longest = max([LONGEST, *(name.count(" ") + 1 for name in self._own)])  # words of a name

    def find(self, text: str) -> tuple[str, ...]:
        """Keys of the tags that are called so; none if nothing is.

        The first that finds something of: the name; another name or a category; the singular of an English
        word; an everyday word for it.
        """
        name = fold(text)
        for one in (name, *_singulars(name)):
            if one in self._own or one in self._names:
                return tuple({**self._own.get(one, {}), **self._names.get(one, {})})
            if one in self._others:
                return tuple(self._others[one])
            if one in EVERYDAY:
                return self.find(EVERYDAY[one])
        return ()

    def find_ending(self, text: str) -> tuple[str, ...]:
        """Keys of the tags whose name ends so, as the head of a noun does: of "terrier", or of 犬."""
        name = fold(text)
        if not name:
            return ()
        ends = [f" {one}" for one in (name, *_singulars(name))] if name.isascii() else [name]
        return tuple({key: None for known, key in self._pairs() if known.endswith(tuple(ends))})

    def nearest(self, text: str, count: int = 3) -> list[str]:
        """Names that look like this one, the most similar first."""
        name = fold(text)
        known = [one for one, key in self._pairs() if one != key]  # ids are not for people
        found = difflib.get_close_matches(name, known, count, cutoff=0.6)
        return found or sorted((one for one in known if name and name in one), key=len)[:count]

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Names, and the keys that have them."""
        for table in (self._own, self._names):
            for name, keys in table.items():
                for key in keys:
                    yield name, key


@lru_cache(maxsize=1)
def _vocabulary_names() -> tuple[Table, Table]:
    """The names of the vocabulary's tags, and what else they are called."""
    vocabulary = load_vocabulary()
    names: Table = {}
    others: Table = {}
    in_category: dict[str, list[str]] = {}
    for entry in vocabulary.tags:
        _add(names, entry.id, entry.en, entry.zh, entry.id)
        _add(others, entry.id, *_without_remark(entry.en), *_without_remark(entry.zh))
        in_category.setdefault(entry.category, []).append(entry.id)
    for head in vocabulary.heads:
        for key, said in zip(vocabulary.labels(head), vocabulary.source_names(head), strict=True):
            if key is not None:
                _add(others, key, *said.replace("_", " ").split(", "))
    for category in vocabulary.categories.values():
        for key in in_category.get(category.id, ()):
            _add(others, key, category.en, category.zh)
    return names, others


def _add(table: Table, key: str, *names: str) -> None:
    for name in names:
        table.setdefault(fold(name), {}).setdefault(key)


def fold(text: str) -> str:
    """As names are compared: no case, single spaces, hyphens as spaces, full-width signs as others."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("-", " ").split())


def _without_remark(name: str) -> Iterator[str]:
    """ "crane (bird)" is a crane."""
    short = re.sub(r"\s*[(（][^)）]*[)）]", "", name)
    if short != name:
        yield short


def _singulars(name: str) -> Iterator[str]:
    """What an English name may be the plural of."""
    *before, last = name.split(" ")
    if last in IRREGULAR:
        yield " ".join([*before, IRREGULAR[last]])
    elif len(last) > 2 and last.endswith("s") and not last.endswith("ss"):
        yield name[:-1]
        if last.endswith("es"):
            yield name[:-2]
        if last.endswith("ies"):
            yield name[:-3] + "y"
