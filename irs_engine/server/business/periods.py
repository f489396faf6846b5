"""Minutes, hours and months of the calendar, all in UTC. Times are seconds since 1970."""

from __future__ import annotations

import calendar
from datetime import datetime, timezone

MINUTE, HOUR = 60, 3600  # seconds


def minute_of(time: float) -> int:
    """Minutes since 1970."""
    return int(time // MINUTE)


def hour_of(time: float) -> int:
    """Hours since 1970."""
    return int(time // HOUR)


def month_of(time: float) -> str:
    """As "2026-11": such texts sort by time."""
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m")


def months_later(time: int, months: int) -> int:
    """The same day and time of day of a later month; its last day where it is too short."""
    start = datetime.fromtimestamp(time, timezone.utc)
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def iso(time: float) -> str:
    """As "2026-11-29T21:31:00Z"."""
    return datetime.fromtimestamp(int(time), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
