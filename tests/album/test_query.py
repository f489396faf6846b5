"""What queries mean, without an album."""

from datetime import datetime

import pytest

from irs_engine.album.names import EVERYDAY, LONGEST, TagName, TagNames, _vocabulary_names
from irs_engine.album.query import All, Any, Named, Not, Taken, leaves, parse_query, parse_when
from irs_engine.errors import ParameterError
from irs_engine.vision.vocabulary import load_vocabulary

DOG, CAT, BEACH, PERSON = "n02084071", "n02121620", "n09217230", "n00007846"
NAMES = TagNames()


def parse(text, names=NAMES):
    return parse_query(text, names)


def keys(text, names=NAMES):
    (leaf,) = leaves(parse(text, names))
    return leaf.keys


def seconds(*date):
    return (datetime(*date) - datetime(1970, 1, 1)).total_seconds()


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("dog beach", '"dog" AND "beach"'),
        ("dog AND beach", '"dog" AND "beach"'),
        ("dog & beach", '"dog" AND "beach"'),
        ("dog beach -person 2024", '"dog" AND "beach" AND NOT "person" AND 2024-01-01..2024-12-31'),
        ("dog OR cat beach", '"dog" OR "cat" AND "beach"'),
        ("(dog | cat) beach", '("dog" OR "cat") AND "beach"'),
        ("not (dog or cat)", 'NOT ("dog" OR "cat")'),
        ("--dog", 'NOT NOT "dog"'),
        ("living room lamp", '"living room" AND "lamp"'),
        ('"living room" -"living room"', '"living room" AND NOT "living room"'),
        ("dog:80 cat:>=35.5", '"dog":80 AND "cat":35.5'),
        ("living room:80", '"living room":80'),
        ('"living room":80', '"living room":80'),
        ("2024-07-14", "2024-07-14"),
        ("2024-02", "2024-02-01..2024-02-29"),
        ("2019..2021", "2019-01-01..2021-12-31"),
        ("-2024-07", "NOT 2024-07-01..2024-07-31"),
        ("狗海滩", '"狗" AND "海滩"'),
        ("（狗 或 猫）－人 2024年7月", '("狗" OR "猫") AND NOT "人" AND 2024-07-01..2024-07-31'),
        ("“living room”　狗：80", '"living room" AND "狗":80'),
        ("flip-flops", '"flip-flops"'),
        ("", ""),
    ],
)
def test_grammar(text, meaning):
    assert str(parse(text)) == meaning


def test_tree():
    assert parse("dog OR -cat 2024") == Any(
        (
            Named("dog", (DOG,)),
            All((Not(Named("cat", (CAT,))), Taken(seconds(2024, 1, 1), seconds(2025, 1, 1)))),
        )
    )


@pytest.mark.parametrize("text", ["dog", "Dogs", "DOG", "狗", DOG, "puppy", "puppies", "小狗"])
def test_what_a_dog_is_called(text):
    assert keys(text) == (DOG,)


def test_people_and_babies_are_persons():
    assert {keys(word) for word in ("person", "people", "baby", "children", "人们")} == {(PERSON,)}


def test_another_name_a_remark_a_category_and_the_end_of_a_name():
    vocabulary = load_vocabulary()
    assert [vocabulary[key].en for key in keys("puma")] == ["cougar"]
    assert {vocabulary[key].en for key in keys("crane")} >= {"crane (bird)"}
    assert {vocabulary[key].category for key in keys("daily use")} == {"daily-use"}
    courts = {vocabulary[key].en for key in keys("courts")}
    assert len(courts) > 1 and all(name.endswith(" court") for name in courts)


def test_everyday_words_lead_to_tags_and_stand_for_no_tag():
    names, _ = _vocabulary_names()
    assert not [word for word in EVERYDAY if word in names or not NAMES.find(word)]


def test_longest_name():
    assert max(name.count(" ") + 1 for table in _vocabulary_names() for name in table) == LONGEST


def test_names_of_the_album_count_too():
    own = TagNames([TagName("user:my-aunt-anna", "my aunt Anna", "安娜"), TagName(DOG, "Rex", "雷克斯")])
    assert str(parse("My Aunt Anna dog", own)) == '"My Aunt Anna" AND "dog"'
    assert keys("安娜", own) == ("user:my-aunt-anna",)
    assert keys("rex", own) == keys("dog", own) == (DOG,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("beech", " beach or "),
        ("dog sunnset", "'sunnset'"),
        ('"dog', 'a " is never closed'),
        ("(dog", "a ( is never closed"),
        ("dog)", "a ) has no ("),
        ("dog OR", "something is missing after 'OR'"),
        ("OR dog", "something is missing at the beginning"),
        ("()", "something is missing"),
        ("dog NOT", "something is missing after 'NOT'"),
        ("dog:101", "from 0 to 100"),
        ("2024-13", "month"),
        ("2023-02-29", "day"),
        ("2024..2020", "ends before it begins"),
        ("日落狗", "日落狗"),
        ("(" * 5000, "more than 100"),
        ("dog " * 5000, "more than 100"),
    ],
)
def test_errors_say_what_to_do(text, words):
    with pytest.raises(ParameterError) as error:
        parse(text)
    assert words in str(error.value)


def test_the_longest_queries_work():
    assert len(list(leaves(parse("dog " * 100)))) == 100
    assert str(parse("(" * 49 + "dog" + ")" * 49)) == '"dog"'


def test_when():
    assert parse_when("2024-06..") == Taken(seconds(2024, 6, 1), None)
    assert parse_when("..2020") == Taken(None, seconds(2021, 1, 1))
    assert parse_when("2024年12月31日") == Taken(seconds(2024, 12, 31), seconds(2025, 1, 1))
    assert parse_when("1999/12/31..2000-02") == Taken(seconds(1999, 12, 31), seconds(2000, 3, 1))
    for text in ("yesterday", "..", "24", ""):
        with pytest.raises(ParameterError, match="expected a date"):
            parse_when(text)
