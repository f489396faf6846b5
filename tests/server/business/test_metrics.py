"""The series of SYS.IRS: every minute of what is asked for, those without calls too."""

import pytest
from service_calls import DAY, HOUR, MINUTE, NOON, caller, calls, id_of

from irs_engine.server.business.metrics import KEPT_MINUTES, MOST_POINTS, Span
from irs_engine.server.errors import ServiceError

A = id_of("a")
OK, FAILED = "successful_call_times_of_service", "failed_call_times_of_service"


@pytest.fixture
def busy(make, clock):
    """Minutes 0, 1 and 7 after noon with 1, 3 and 2 calls of ann, 1 of bob that failed in another project."""
    business = make()
    for minute, number in ((0, 1), (1, 3), (7, 2)):
        clock.now = NOON + minute * MINUTE + 30
        calls(business, number)
    calls(business, 1, caller(user="bob", project="p2"), ok=False)
    calls(business, 4, caller("b"))
    calls(business, 1, api="dark-enhance")
    return business.metrics


def test_minutes_without_calls_are_zero(busy):
    span = Span.of(NOON, NOON + 9 * MINUTE, 60)
    assert busy.series(A, span, OK) == {
        "defog": [1, 3, 0, 0, 0, 0, 0, 2, 0],
        "dark-enhance": 7 * [0] + [1, 0],
    }
    assert busy.series(A, span, FAILED)["defog"] == 7 * [0] + [1, 0]
    assert busy.series(A, span, OK, api="super-resolution") == {"super-resolution": 9 * [0]}


def test_only_whose_and_where_is_asked_for(busy):
    span = Span.of(NOON, NOON + HOUR, 3600)
    assert busy.series(A, span, FAILED, user_id="id-of-bob")["defog"] == [1]
    assert busy.series(A, span, FAILED, project_id="p2")["defog"] == [1]
    assert busy.series(A, span, FAILED, project_id="p1", api="defog")["defog"] == [0]
    assert busy.series(id_of("b"), span, OK) == {"defog": [4]}


@pytest.mark.parametrize(
    "filter, values",
    [
        ("sum", [4, 2]),
        ("max", [3, 2]),
        ("min", [0, 0]),
        ("average", [4 / 5, 2 / 5]),
        ("variance", [(1 + 9) / 5 - (4 / 5) ** 2, 4 / 5 - (2 / 5) ** 2]),
    ],
)
def test_minutes_of_a_longer_period_are_combined(busy, filter, values):
    span = Span.of(NOON, NOON + 10 * MINUTE, 300)
    assert busy.series(A, span, OK, filter, api="defog")["defog"] == pytest.approx(values)


def test_a_span_is_made_of_whole_periods():
    span = Span.of(NOON + 1, NOON + HOUR + 1, 3600)
    assert span.times() == [NOON, NOON + HOUR]
    assert Span.of(NOON, NOON + HOUR, 3600).times() == [NOON]
    assert Span.of(NOON, NOON + 61, 1).times() == [NOON, NOON + MINUTE]


@pytest.mark.parametrize(
    "since, until, period",
    [
        (NOON, NOON, 60),
        (NOON, NOON - 1, 60),
        (NOON, NOON + HOUR, 61),
        (NOON, NOON + (MOST_POINTS + 1) * MINUTE, 60),
        (NOON - 500 * DAY, NOON, 86400),
    ],
)
def test_spans_have_to_make_sense(since, until, period):
    with pytest.raises(ServiceError, match=r"AIP\.0010"):
        Span.of(since, until, period)


def test_unknown_metrics_and_filters_are_an_error(busy):
    span = Span.of(NOON, NOON + HOUR, 60)
    with pytest.raises(ServiceError, match="metric_name"):
        busy.series(A, span, "laughter")
    with pytest.raises(ServiceError, match="filter"):
        busy.series(A, span, OK, "median")


def test_old_minutes_are_forgotten(busy):
    span = Span.of(NOON, NOON + 9 * MINUTE, 60)
    busy.forget(NOON + MINUTE * (KEPT_MINUTES + 1))
    assert busy.series(A, span, OK)["defog"] == [0, 3, 0, 0, 0, 0, 0, 2, 0]
