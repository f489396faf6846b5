"""The calendar, in UTC."""

from datetime import datetime, timezone

import pytest

from irs_engine.server.business.periods import hour_of, iso, minute_of, month_of, months_later


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


@pytest.mark.parametrize(
    "start, months, end",
    [
        ("2026-01-01T08:00:05", 12, "2027-01-01T08:00:05"),  # the overview's own example
        ("2026-01-31T00:00:00", 1, "2026-02-28T00:00:00"),
        ("2028-01-31T00:00:00", 1, "2028-02-29T00:00:00"),
        ("2026-11-30T23:59:59", 3, "2027-02-28T23:59:59"),
        ("2026-12-15T12:00:00", 1, "2027-01-15T12:00:00"),
    ],
)
def test_months_end_on_the_same_day_or_the_last(start, months, end):
    assert months_later(at(start), months) == at(end)


def test_a_moment_is_in_one_minute_hour_and_month():
    last = at("2026-11-30T23:59:59") + 0.999
    assert month_of(last) == "2026-11" and month_of(last + 0.001) == "2026-12"
    assert minute_of(last + 0.001) == minute_of(last) + 1
    assert hour_of(last + 0.001) == hour_of(last) + 1
    assert iso(last) == "2026-11-30T23:59:59Z"
