"""Turns are bounded, shared fairly, and never lost."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irs_engine.server.downloads.turns import NoTurn, Turns


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def waiting(turns, *users):
    return [asyncio.ensure_future(turns.take(user)) for user in users]


def test_no_user_has_all_turns():
    async def main():
        turns = Turns(4, waiting=10)
        tasks = waiting(turns, *"aaaaa", "b")
        await settle()
        assert [task.done() for task in tasks] == [True, True, True, False, False, True]
        for task in tasks:
            task.cancel()

    asyncio.run(main())


def test_whoever_has_fewest_is_next():
    async def main():
        turns = Turns(2, waiting=10)
        first = waiting(turns, "a", "b")
        await settle()
        queue = waiting(turns, "a", "a", "b", "c")
        await settle()
        assert all(task.done() for task in first) and not any(task.done() for task in queue)
        turns.give_back("a")
        await settle()
        assert [task.done() for task in queue] == [
            True,
            False,
            False,
            False,
        ]  # all have none but b; a was first
        turns.give_back("a")
        await settle()
        assert [task.done() for task in queue] == [True, True, False, False]
        turns.give_back("b")
        await settle()
        assert [task.done() for task in queue] == [True, True, True, False]
        turns.give_back("b")
        await settle()
        assert all(task.done() for task in queue)

    asyncio.run(main())


def test_a_full_queue():
    async def main():
        turns = Turns(1, waiting=4)
        tasks = waiting(turns, *"aaaa")
        await settle()
        with pytest.raises(NoTurn):  # three wait: no more of one user
            await turns.take("a")
        tasks += waiting(turns, "b")
        await settle()
        with pytest.raises(NoTurn):
            await turns.take("c")
        for task in tasks:
            task.cancel()
        await settle()
        turns.give_back("a")
        await asyncio.wait_for(turns.take("c"), 5)

    asyncio.run(main())


@given(st.integers(1, 4), st.integers(0, 5), st.lists(st.tuples(st.sampled_from("tgcr"), st.integers(0, 3))))
def test_whatever_happens_none_is_lost_and_none_is_made(at_once, room, steps):
    """Takes, gives back, cancels, and cancels at the very moment at which a turn is given."""

    async def main():
        turns = Turns(at_once, room)
        tasks = []

        def holding():
            return [(t, u) for t, u in tasks if t.done() and not t.cancelled() and t.exception() is None]

        for step, n in steps:
            if step == "t":
                tasks.append((asyncio.ensure_future(turns.take("abcd"[n])), "abcd"[n]))
                await settle()
            held = holding()
            if step in "gr" and held:
                tasks.remove(found := held[n % len(held)])
                turns.give_back(found[1])
                if step == "r":  # before those who got it know
                    for task, _ in tasks:
                        task.cancel()
            if step == "c" and tasks:
                tasks[n % len(tasks)][0].cancel()
            await settle()
            assert len(holding()) <= at_once
        for task, _ in tasks:
            task.cancel()
        await settle()
        for _, user in holding():
            turns.give_back(user)
        await settle()
        for user in "abcd" * at_once:
            await asyncio.wait_for(turns.take(user), 5)
            turns.give_back(user)
        assert (turns._free, turns._room, turns._waiting, turns._held) == (at_once, room, {}, {})

    asyncio.run(main())
