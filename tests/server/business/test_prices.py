"""Money is exact, tiers begin where they say."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irs_engine.errors import ParameterError
from irs_engine.server.business.prices import Prices, Schedule, to_nano, to_text
from irs_engine.server.settings import BillingSettings, Tier


@pytest.mark.parametrize(
    "amount, nano, text",
    [
        (0.1, 100_000_000, "0.1"),
        ("12.50", 12_500_000_000, "12.5"),
        (-3, -3_000_000_000, "-3"),
        ("0.000000001", 1, "0.000000001"),
        (Decimal("-0.25"), -250_000_000, "-0.25"),
        (1e-7, 100, "0.0000001"),
        (1_000_000_000, 10**18, "1000000000"),
        (0, 0, "0"),
    ],
)
def test_amounts_are_whole_billionths(amount, nano, text):
    assert to_nano(amount) == nano
    assert to_text(nano) == text


@given(st.integers(-(10**18), 10**18))
def test_every_amount_comes_back_from_its_text(nano):
    assert to_nano(to_text(nano)) == nano
    assert Fraction(to_text(nano)) == Fraction(nano, 10**9)


@pytest.mark.parametrize(
    "amount",
    [
        "",
        "ten",
        "nan",
        "inf",
        "1e99",
        "1000000000.01",
        "0.0000000001",
        "1." + 40 * "0" + "1",
        "1e-999999",
        True,
    ],
)
def test_what_cannot_be_kept_is_refused(amount):
    with pytest.raises(ParameterError, match=r"amount|decimals"):
        to_nano(amount)


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 10**9)), min_size=1, unique_by=lambda tier: tier[0]
    ),
    st.integers(0, 60),
)
def test_a_call_costs_what_the_last_tier_that_began_says(tiers, before):
    schedule = Schedule.of("defog", [Tier(above=above, per_thousand=p / 10**6) for above, p in tiers])
    begun = [(above, price) for above, price in tiers if above <= before]
    assert schedule.price(before) == (max(begun)[1] if begun else 0)


def test_the_default_prices_are_for_apis_without_their_own():
    prices = Prices(
        BillingSettings(
            prices={"default": [Tier(per_thousand=2)], "defog": [], "dark-enhance": [Tier(per_thousand=3)]}
        )
    )
    assert prices.schedule("image-tagging").price(0) == to_nano("0.002")
    assert prices.schedule("dark-enhance").price(0) == to_nano("0.003")
    assert prices.schedule("defog") is None


def test_free_calls_are_without_limit_only_where_nothing_has_a_price():
    priced = Prices(BillingSettings(prices={"defog": [Tier(per_thousand=1)]}))
    assert priced.free_calls("defog") == 0 and priced.free_calls("image-tagging") is None
    assert Prices(BillingSettings(monthly_free_calls=5)).free_calls("defog") == 5


@pytest.mark.parametrize(
    "prices, named",
    [
        ({"defogg": [Tier(per_thousand=1)]}, "defogg"),
        ({"defog": [Tier(per_thousand=1), Tier(per_thousand=2)]}, "defog"),
        ({"defog": [Tier(per_thousand=0.0000001)]}, "defog"),
    ],
)
def test_prices_that_make_no_sense_name_the_api(prices, named):
    with pytest.raises(ParameterError, match=f"prices of .?{named}"):
        Prices(BillingSettings(prices=prices))
