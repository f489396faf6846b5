"""Intervals: what looks with given confidences become."""

from irs_engine.results import Category, Interval, Tag
from irs_engine.video.intervals import Seen, merged

ANIMAL = Category("animal", "animal", "动物")


def looks(*confidences, scenes=None, name="dog"):
    """A look a second, half a second after its start."""
    return [
        Seen(
            second,
            second + 1.0,
            second + 0.5,
            (scenes or [0] * len(confidences))[second],
            (Tag(name, name, name, "狗", "object", ANIMAL, confidence),) if confidence else (),
        )
        for second, confidence in enumerate(confidences)
    ]


def intervals(*confidences, threshold=60, **options):
    found = merged(looks(*confidences, **options), threshold)
    return found[0].intervals if found else ()


def test_neighbours_become_one():
    assert intervals(0, 70, 90, 80, 0) == (Interval(1.0, 4.0, 90, 2.5),)


def test_what_is_not_seen_ends_it():
    assert intervals(70, 0, 80) == (Interval(0.0, 1.0, 70, 0.5), Interval(2.0, 3.0, 80, 2.5))


def test_weaker_looks_of_the_same_scene_belong_to_it():
    assert intervals(40, 70, 35, 80) == (Interval(0.0, 4.0, 80, 3.5),)


def test_the_next_scene_needs_a_look_of_its_own():
    assert intervals(70, 40, 40, scenes=[0, 1, 1]) == (Interval(0.0, 1.0, 70, 0.5),)
    assert intervals(70, 40, 65, scenes=[0, 1, 1]) == (Interval(0.0, 3.0, 70, 0.5),)


def test_nothing_reaches_the_threshold():
    assert intervals(40, 59, 50) == ()


def test_the_most_confident_come_first_and_limit_counts_tags():
    both = [
        Seen(a.start, a.end, a.time, a.scene, a.tags + b.tags)
        for a, b in zip(looks(70, 80), looks(90, 65, name="ball"), strict=True)
    ]
    assert [(tag.id, tag.confidence, tag.seconds) for tag in merged(both, 60)] == [
        ("ball", 90, 2.0),
        ("dog", 80, 2.0),
    ]
    assert [tag.id for tag in merged(both, 60, limit=1)] == ["ball"]
    assert merged([], 60) == ()
