"""Money, and what a call costs: never a float, always whole billionths of the currency.

A price per 1,000 calls with six decimals is then exact for a single call, and 64 bits hold nine billion.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from irs_engine.errors import ParameterError
from irs_engine.server.apis import BY_NAME
from irs_engine.server.settings import BillingSettings, Tier

NANO = 10**9
LEAST = Decimal("1e-9")  # of the currency, that is told apart
MOST = 10**9  # of the currency, that an amount may be
DEFAULT = "default"  # the name of the prices of APIs that have none of their own


def to_nano(amount: Decimal | float | str) -> int:
    """An amount of the currency in billionths.

    Raises:
        ParameterError: Not a number, beyond MOST, or with more than nine decimals.
    """
    try:
        value = Decimal(str(amount))  # str: a float is the decimal number that was written
    except InvalidOperation:
        raise ParameterError(f"{amount!r} is no amount of money") from None
    if not value.is_finite() or abs(value) > MOST:
        raise ParameterError(f"{amount!r}: expected an amount of at most {MOST:,}")
    if value % LEAST:
        raise ParameterError(f"{amount!r}: at most nine decimals are kept")
    return int(value.scaleb(9))


def to_text(nano: int) -> str:
    """An amount in the currency, exactly and without needless zeros: "-0.25"."""
    whole, rest = divmod(abs(nano), NANO)
    text = f"{whole}.{rest:09}".rstrip("0").rstrip(".")
    return f"-{text}" if nano < 0 else text


@dataclass(frozen=True, slots=True)
class Schedule:
    """Tiered prices of an API."""

    above: tuple[int, ...]  # calls of the month after which each price holds, ascending
    nano: tuple[int, ...]  # of one call

    @classmethod
    def of(cls, name: str, tiers: Iterable[Tier]) -> Schedule:
        ordered = sorted(tiers, key=lambda tier: tier.above)
        above = tuple(tier.above for tier in ordered)
        if len(set(above)) < len(above):
            raise ParameterError(f"prices of {name}: two tiers begin above the same number of calls")
        return cls(above, tuple(_per_call(name, tier) for tier in ordered))

    def price(self, before: int) -> int:
        """Of a call before which there were so many successful ones in its month, in billionths."""
        tier = bisect_right(self.above, before) - 1
        return self.nano[tier] if tier >= 0 else 0


def _per_call(name: str, tier: Tier) -> int:
    nano, rest = divmod(to_nano(tier.per_thousand), 1000)
    if rest:
        raise ParameterError(f"prices of {name}: {tier.per_thousand!r}: at most six decimals are kept")
    return nano


class Prices:
    """What is free, and what the rest costs."""

    def __init__(self, billing: BillingSettings):
        if unknown := sorted(billing.prices.keys() - BY_NAME.keys() - {DEFAULT}):
            raise ParameterError(
                f"prices of {unknown[0]!r}: no API is called so; there are {', '.join(BY_NAME)} and {DEFAULT}"
            )
        self.currency = billing.currency
        self._free = billing.monthly_free_calls
        found = {name: billing.prices.get(name, billing.prices.get(DEFAULT, ())) for name in BY_NAME}
        self._schedules = {name: Schedule.of(name, tiers) for name, tiers in found.items() if tiers}

    def schedule(self, api: str) -> Schedule | None:
        """None: the API cannot be paid for by use."""
        return self._schedules.get(api)

    def free_calls(self, api: str) -> int | None:
        """Of a calendar month; None: as many as are wanted, as is so by default."""
        if self._free is None and api in self._schedules:
            return 0
        return self._free
