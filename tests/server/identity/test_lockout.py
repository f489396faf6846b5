"""Who has to wait, and for how long."""

from irs_engine.server.identity.lockout import FAILURES, LOCKED_SECONDS, REMEMBERED, Lockout


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def fail(lockout, who, times):
    for _ in range(times):
        lockout.failed(who)


def test_more_than_five_failures_in_a_row():
    clock = Clock()
    lockout = Lockout(clock)
    fail(lockout, "a", FAILURES)
    assert lockout.locked("a") == 0
    lockout.failed("a")
    assert lockout.locked("a") == LOCKED_SECONDS and lockout.locked("b") == 0
    clock.now += LOCKED_SECONDS - 1
    assert lockout.locked("a") == 1
    clock.now += 1
    assert lockout.locked("a") == 0
    fail(lockout, "a", FAILURES)  # from the beginning again
    assert lockout.locked("a") == 0


def test_success_forgives():
    lockout = Lockout(Clock())
    for _ in range(3):
        fail(lockout, "a", FAILURES)
        lockout.succeeded("a")
    assert lockout.locked("a") == 0


def test_it_does_not_grow():
    lockout = Lockout(Clock())
    fail(lockout, "first", FAILURES + 1)
    for number in range(REMEMBERED):
        lockout.failed(number)
    assert len(lockout._records) == REMEMBERED and lockout.locked("first") == 0
