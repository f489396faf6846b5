import threading

from irs_engine.server.identity import memory
from irs_engine.server.identity.memory import SECONDS, Memory


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_what_was_found_is_known_for_a_second():
    clock, looked = Clock(), []
    known = Memory(clock)
    assert known.get("a") is None
    assert known.ask("a", lambda asked: looked.append(asked), "x") is None  # "nobody" is an answer too
    assert known.get("a") == (None,) and looked == ["x"]
    clock.now += SECONDS
    assert known.get("a") is None
    clock.now -= 3600  # the clock was set
    assert known.get("a") is None


def test_a_change_is_never_remembered_away():
    """What was looked up before a change and comes after it is told, but not kept."""
    known = Memory(Clock())
    known.ask("a", str, "old")
    known.forget()
    assert known.get("a") is None

    looking, changed = threading.Event(), threading.Event()

    def find(asked):
        looking.set()
        assert changed.wait(5)
        return "old"

    thread = threading.Thread(target=known.ask, args=("a", find, ""))
    thread.start()
    assert looking.wait(5)
    known.forget()
    changed.set()
    thread.join()
    assert known.get("a") is None


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "MOST", 3)
    known = Memory(Clock())
    for key in "abcad":
        known.ask(key, str, key)
    assert [key for key in "abcd" if known.get(key)] == ["a", "c", "d"]
