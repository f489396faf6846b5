import pytest

from irs_engine.train.runs import ahead


def test_ahead_keeps_the_order():
    steps = ahead(lambda step: step * step, start=3)
    assert [next(steps) for _ in range(4)] == [9, 16, 25, 36]
    steps.close()


def test_what_fails_ahead_is_raised_where_it_is_asked_for():
    steps = ahead(lambda step: 6 // (3 - step))
    assert [next(steps) for _ in range(3)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(steps)
