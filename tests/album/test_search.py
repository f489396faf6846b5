"""Search beside a plain evaluation of the same query on the same photos."""

import math

import numpy as np
import pytest
from stored_photos import store

from irs_engine.album import Album
from irs_engine.album.query import All, Any, Named, Not, Taken, parse_query, parse_when
from irs_engine.album.search import tag_names
from irs_engine.errors import ParameterError

WORDS = ["dog", "cat", "beach", "person", "animal"]
QUERIES = [
    "dog",
    "dog beach",
    "dog -person",
    "dog OR cat",
    "(dog OR cat) beach -person",
    "dog OR -beach",
    "-dog",
    "-(dog OR cat)",
    "--dog cat",
    "dog:90 cat",
    "dog:20",
    "dog:0 beach:99",
    "2020",
    "dog 2020",
    "dog OR 2020",
    "-2020 dog",
    "2019-06..2020 (cat | person) -animal",
    "-dog 2019..",
    "vehicle OR dog",
    "mammal:0",
    " OR ".join(["dog:90", "cat"] * 25),
    "",
]


@pytest.fixture(scope="module")
def photos():
    random = np.random.default_rng(3)
    found = []
    for number in range(300):
        tags = {word: round(float(random.uniform(20, 100)), 2) for word in WORDS if random.random() < 0.5}
        taken = (
            None if random.random() < 0.2 else parse_when("2018").first + random.uniform(0, 4 * 365 * 86400)
        )
        found.append({"path": f"/p/{number:03}.jpg", "tags": tags, "taken": taken})
    return found


@pytest.fixture(scope="module")
def searched(photos, tmp_path_factory):
    with Album(tmp_path_factory.mktemp("search") / "album.db") as album:
        store(album, photos)
        yield album


def judge(node, photo, tags, least):
    """Whether the query is true of a photo, and how probable that is."""
    if isinstance(node, Named):
        confidence = max([tags.get(key, 0.0) for key in node.keys])
        wanted = max(least if node.least is None else node.least, 1e-6)
        return confidence >= wanted, confidence / 100
    if isinstance(node, Taken):
        taken = photo["taken"]
        known = taken is not None
        fits = known and (node.first or -math.inf) <= taken and taken < (node.end or math.inf)
        return fits, 1.0
    if isinstance(node, Not):
        fits, score = judge(node.part, photo, tags, least)
        return not fits, 1.0 if isinstance(node.part, Taken) else 1 - score
    parts = [judge(part, photo, tags, least) for part in node.parts]
    if isinstance(node, All):
        return all(fits for fits, _ in parts), math.prod(score for _, score in parts)
    assert isinstance(node, Any)
    return any(fits for fits, _ in parts), 1 - math.prod(1 - score for fits, score in parts if fits)


@pytest.mark.parametrize("threshold", [50, 80])
@pytest.mark.parametrize("query", QUERIES)
def test_as_a_plain_evaluation(searched, photos, query, threshold):
    with searched.database.read() as connection:
        names = tag_names(connection)
    tree = parse_query(query, names)
    expected = {}
    for photo in photos:
        tags = {names.find(word)[0]: confidence for word, confidence in photo["tags"].items()}
        fits, score = judge(tree, photo, tags, threshold)
        if fits:
            expected[photo["path"]] = round(100 * score, 2)
    found = searched.search(query, threshold=threshold, limit=1000)
    assert {hit.photo.path: hit.confidence for hit in found.hits} == pytest.approx(expected, abs=0.011)
    assert found.total == len(expected)
    confidences = [hit.confidence for hit in found.hits]
    assert confidences == sorted(confidences, reverse=True)


def test_pages_are_parts_of_the_whole(searched):
    whole = searched.search("dog OR cat", limit=300)
    pages = [searched.search("dog OR cat", limit=40, offset=start) for start in range(0, 320, 40)]
    assert [hit.photo.id for page in pages for hit in page.hits] == [hit.photo.id for hit in whole.hits]
    assert {page.total for page in pages} == {whole.total} and pages[-1].hits == ()


def test_since_and_until_are_part_of_every_alternative(searched):
    within = searched.search("dog OR cat", since="2019", until="2019-06", limit=300)
    assert within.hits and all("2019-01" <= hit.photo.taken < "2019-07" for hit in within.hits)
    same = searched.search("(dog OR cat) 2019..2019-06", limit=300)
    assert [hit.photo.id for hit in same.hits] == [hit.photo.id for hit in within.hits]


def test_hypernyms_find_what_was_seen_as_their_kind(album):
    """The tagger gives the parents of a tag too; that is all that search needs."""
    labrador, beagle = store(
        album,
        [
            {"path": "/p/l.jpg", "tags": {"Labrador retriever": 90, "dog": 95, "animal": 97}},
            {"path": "/p/b.jpg", "tags": {"beagle": 60, "dog": 65, "animal": 70}},
        ],
    )
    for word in ("animal", "动物", "animals"):
        assert [hit.photo.id for hit in album.search(word).hits] == [labrador, beagle]
    assert [hit.photo.id for hit in album.search("dog -beagle").hits] == [labrador]


def test_corrections_count(album):
    (photo,) = store(album, [{"path": "/p/a.jpg", "tags": {"dog": 90, "beach": 80}}])
    album.correct(photo, add=["cat", "Holiday 2024"], remove=["dog"])
    assert album.search("dog:0").total == 0 and album.search("beach -dog").total == 1
    assert album.search("cat:100").total == 1 and album.search('"holiday 2024"').total == 1
    album.rename_tag("cat", en="Minka")
    assert album.search("minka").total == album.search("cat").total == 1


def test_a_confidence_of_the_threshold_itself_is_enough(album):
    """Whatever its binary fraction is."""
    confidences = [round(20 + 0.07 * step, 2) for step in range(1100)]
    store(album, [{"path": f"/p/{c}.jpg", "tags": {"dog": c}} for c in confidences])
    for rank, confidence in enumerate(confidences[::10]):
        assert album.search("dog", threshold=confidence).total == len(confidences) - 10 * rank
        assert album.search(f"dog:{confidence}").total == len(confidences) - 10 * rank


def test_a_known_tag_that_no_photo_has_is_no_error(searched):
    found = searched.search("zebra")
    assert (found.total, found.hits) == (0, ())


def test_photos_that_could_not_be_read_are_not_found(album, tmp_path):
    bad = tmp_path / "shots" / "bad.jpg"
    bad.parent.mkdir()
    bad.write_bytes(b"no picture")
    album.index(bad.parent)
    assert album.info().failed and album.search("").total == album.search("-dog").total == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 101}, "from 0 to 100"),
        ({"limit": 0}, "from 1 to"),
        ({"offset": -1}, "from 0"),
        ({"since": "soon"}, "expected a date"),
        ({"since": "2021", "until": "2020"}, "swap"),
    ],
)
def test_options_are_checked(searched, options, words):
    with pytest.raises(ParameterError, match=words):
        searched.search("dog", **options)


def test_result_as_json(searched):
    found = searched.search("dog", limit=1, language="zh").to_dict()
    assert found["query"] == '"dog"' and found["hits"][0]["photo"]["tags"][0]["name"]
