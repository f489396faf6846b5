import time

import numpy as np
import pytest

from irs_engine.train.runs import ahead, twice


def test_ahead_keeps_the_order():
    steps = ahead(lambda step: step * step, start=3)
    assert [next(steps) for _ in range(4)] == [9, 16, 25, 36]
    steps.close()


def test_when_it_is_closed_nothing_is_made_any_more():
    """A thread inside torch aborts an interpreter that ends."""
    making = []

    def make(step):
        making.append(step)
        time.sleep(0.1)
        making.remove(step)

    steps = ahead(make)
    next(steps)
    steps.close()
    assert not making


def test_what_fails_ahead_is_raised_where_it_is_asked_for():
    steps = ahead(lambda step: 6 // (3 - step))
    assert [next(steps) for _ in range(3)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(steps)


def test_every_lesson_is_used_twice_and_at_once_only_once():
    used = list(twice(iter(range(200)), 10, np.random.default_rng(0)))
    assert [n for n in used if n < 150] != sorted(n for n in used if n < 150)
    for number in range(150):
        first, *again = (place for place, n in enumerate(used) if n == number)
        assert len(again) <= 1 and all(place > first + 1 for place in again)
    assert len(used) == 200 + 190 and len(set(used)) == 200
