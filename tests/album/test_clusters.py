"""Albums that are proposed: where time and place cut, what is alike, and what it is called."""

import numpy as np
import pytest
from stored_photos import WIDTH, store

from irs_engine.errors import ParameterError

HOUR, DAY = 3600.0, 86400.0
START = 1_720_000_000.0  # 2024-07-03 09:46:40


def series(name, count, start, step, **facts):
    return [{"path": f"/p/{name}/{i:02}.jpg", "taken": start + i * step, **facts} for i in range(count)]


@pytest.fixture
def trips(album):
    """A day at the beach, an evening with a cat, and a walk in another city, with others between."""
    store(
        album,
        [
            *series("beach", 12, START, 600, tags={"beach": 90, "dog": 80, "animal": 85}, place=(54.1, 13.8)),
            *series("cat", 9, START + 20 * HOUR, 60, tags={"cat": 95, "animal": 95}),
            *series("city", 10, START + 30 * DAY, 900, tags={"tower": 70}, place=(41.40, 2.17)),
            *series("single", 3, START + 60 * DAY, 9 * DAY, tags={"tree": 60}),
            {"path": "/p/scan.jpg", "tags": {"person": 90}},
        ],
    )
    return album


def test_events(trips):
    found = trips.cluster("time")
    assert [(one.name, len(one.photos), one.first[:10]) for one in found] == [
        ("dog · beach · 2024-07-03", 12, "2024-07-03"),
        ("tower · 2024-08-02", 10, "2024-08-02"),
        ("cat · 2024-07-04", 9, "2024-07-04"),
    ]
    assert found[0].place.latitude == 54.1 and found[2].place is None
    paths = [trips.photo(id).path for id in found[0].photos]
    assert paths == [f"/p/beach/{i:02}.jpg" for i in range(12)]
    assert [one.name.split(" · ")[0] for one in trips.cluster("time", language="zh")] == [
        "狗",
        "塔楼",
        "猫",
    ]


def test_one_event_becomes_two_where_places_are_far_apart(album):
    near = series("near", 8, START, 60, place=(48.14, 11.58))
    far = series("far", 8, START + 480, 60, place=(50.11, 8.68))
    store(album, [*near, *far])
    assert [len(one.photos) for one in album.cluster("time")] == [8, 8]


def test_a_steady_series_is_one_event(album):
    store(album, series("walk", 60, START, 5 * 60))
    assert [len(one.photos) for one in album.cluster("time")] == [60]


def test_places(album):
    square = [
        {"path": f"/p/a{i}.jpg", "place": (48.10 + 0.004 * i, 11.5), "tags": {"church": 90}} for i in range(9)
    ]
    other = [{"path": f"/p/b{i}.jpg", "place": (-33.86, 151.2 + 0.001 * i)} for i in range(8)]
    alone = [{"path": "/p/c.jpg", "place": (0.0, -70.0)}, {"path": "/p/d.jpg"}]
    store(album, [*square, *other, *alone])
    assert [(one.name, len(one.photos)) for one in album.cluster("place")] == [
        ("church · 48.12°N 11.50°E", 9),
        ("33.86°S 151.20°E", 8),
    ]
    assert len(album.cluster("place", limit=1)) == 1


def test_content(album):
    random = np.random.default_rng(0)
    middles = 3 * random.standard_normal((4, WIDTH))
    names = ["dog", "car", "flower", "church"]
    photos = [
        {
            "path": f"/p/{i:03}.jpg",
            "embedding": middles[i % 4] + 0.3 * random.standard_normal(WIDTH),
            "tags": {names[i % 4]: 90},
        }
        for i in range(80)
    ]
    store(album, photos)
    found = album.cluster("content", least=5)
    assert sum(len(one.photos) for one in found) > 60
    for one in found:
        kinds = {album.photo(id).tags[0].en for id in one.photos}
        assert kinds == {one.name}
    assert {one.name for one in found} == set(names)
    assert found == album.cluster("content", least=5)


def test_what_has_nothing_in_common_is_not_proposed(album):
    random = np.random.default_rng(0)
    store(album, [{"path": f"/p/{i}.jpg", "embedding": random.standard_normal(512)} for i in range(200)])
    assert album.cluster("content", least=4) == []


def test_all_kinds_at_once(trips):
    kinds = [one.kind for one in trips.cluster()]
    assert kinds == sorted(kinds, key=["time", "place", "content"].index) and {"time", "place"} <= set(kinds)


def test_empty_and_wrong(album):
    assert album.cluster() == []
    with pytest.raises(ParameterError, match="time, place, content"):
        album.cluster("mood")
    with pytest.raises(ParameterError, match="from 2"):
        album.cluster(least=1)
