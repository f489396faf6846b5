"""The minute series of SYS.IRS, as Cloud Eye and the console ask for them.

A minute without a call is one of 0 calls, not a gap.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from irs_engine.server.business.periods import MINUTE, minute_of
from irs_engine.server.business.tables import usage_minutes
from irs_engine.server.errors import ServiceError
from irs_engine.server.store import Store

NAMESPACE = "SYS.IRS"
DIMENSION = "call_of_interface"
UNIT = "times/min"
METRICS = {  # by name: the column
    "successful_call_times_of_service": "successful",
    "failed_call_times_of_service": "failed",
}
PERIODS = (1, 60, 300, 1200, 3600, 14400, 86400)  # seconds; 1: as measured, which is by the minute
MOST_POINTS = 10_080  # of an answer: a week of minutes
MOST_MINUTES = 366 * 24 * 60  # that an answer is made of
KEPT_MINUTES = 400 * 24 * 60  # months are kept for ever

FILTERS: dict[str, Callable[[Sequence[int]], float]] = {
    "sum": sum,
    "average": statistics.fmean,
    "max": max,
    "min": min,
    "variance": statistics.pvariance,
}


@dataclass(frozen=True, slots=True)
class Span:
    """Periods that follow each other."""

    start: int  # minutes since 1970
    step: int  # minutes of a period
    count: int

    @classmethod
    def of(cls, since: float, until: float, period: int) -> Span:
        """The periods in which there is any of the time from `since` to `until`, in seconds since 1970.

        Raises:
            ServiceError: `period` is none of PERIODS, the span is empty or too long.
        """
        if period not in PERIODS:
            raise ServiceError("AIP.0010", f"period: expected one of {', '.join(map(str, PERIODS))}")
        if not 0 <= since < until:
            raise ServiceError("AIP.0010", "from: expected a time before that of to")
        step = max(1, period // MINUTE)
        first, end = math.floor(since / MINUTE / step), math.ceil(until / MINUTE / step)
        count = end - first
        if count > MOST_POINTS or count * step > MOST_MINUTES:
            raise ServiceError(
                "AIP.0010",
                f"from, to: at most {MOST_POINTS:,} periods and {MOST_MINUTES:,} minutes at a time",
            )
        return cls(first * step, step, count)

    @property
    def end(self) -> int:
        return self.start + self.step * self.count

    def times(self) -> list[int]:
        """When each period begins, in seconds since 1970."""
        return [MINUTE * minute for minute in range(self.start, self.end, self.step)]


class Metrics:
    """Of all accounts."""

    def __init__(self, store: Store):
        self._store = store

    def series(
        self,
        account_id: str,
        span: Span,
        metric: str,
        filter: str = "sum",
        *,
        api: str | None = None,
        project_id: str | None = None,
        user_id: str | None = None,
    ) -> dict[str, list[float]]:
        """By API the values of all periods, of one metric.

        Args:
            filter: What becomes of the minutes of a period, one of FILTERS.
            api, project_id, user_id: Only calls to, in and by that; None: all of them. Without `api`, those
                that there was no call to are left out.
        """
        if metric not in METRICS:
            raise ServiceError("AIP.0012", f"metric_name: expected {' or '.join(METRICS)}")
        if filter not in FILTERS:
            raise ServiceError("AIP.0012", f"filter: expected one of {', '.join(FILTERS)}")
        minutes = self._minutes(account_id, span, METRICS[metric], api, project_id, user_id)
        combine = FILTERS[filter]
        # Periods without any call are most of them.
        nothing: float = 0
        found = {}
        for name, counts in minutes.items():
            values = [nothing] * span.count
            for number, of_period in _by_period(counts, span).items():
                rest = [0] * (span.step - len(of_period))
                values[number] = combine([*of_period, *rest])
            found[name] = values
        return found

    def _minutes(
        self,
        account_id: str,
        span: Span,
        column: str,
        api: str | None,
        project_id: str | None,
        user_id: str | None,
    ) -> dict[str, dict[int, int]]:
        c = usage_minutes.c
        query = (
            sa.select(c.api, c.minute, sa.func.sum(c[column]))
            .where(c.account_id == account_id, c.minute >= span.start, c.minute < span.end)
            .group_by(c.api, c.minute)
        )
        for value, of in ((api, c.api), (project_id, c.project_id), (user_id, c.user_id)):
            if value is not None:
                query = query.where(of == value)
        found: dict[str, dict[int, int]] = defaultdict(dict)
        if api is not None:
            found[api] = {}
        with self._store.read() as connection:
            for name, minute, calls in connection.execute(query):
                found[name][minute] = int(calls)
        return found

    def forget(self, now: float) -> None:
        """Delete minutes that are older than KEPT_MINUTES."""
        with self._store.write() as connection:
            connection.execute(
                usage_minutes.delete().where(usage_minutes.c.minute < minute_of(now) - KEPT_MINUTES)
            )


def _by_period(counts: dict[int, int], span: Span) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for minute, calls in counts.items():
        found[(minute - span.start) // span.step].append(calls)
    return found
