"""Who is let in, in which order, and who is sent away."""

import asyncio

import pytest

pytest.importorskip("starlette")

from eventloop import in_loop, settle

from irs_engine.server.errors import ServiceError
from irs_engine.server.works.gate import Gate


class Visitors:
    """Tasks that go through a gate, note that they are inside, and leave when told."""

    def __init__(self, gate):
        self.gate, self.inside, self.tasks, self.leaving = gate, [], {}, {}

    async def send(self, name, size=1):
        self.leaving[name] = asyncio.Event()

        async def visit():
            async with self.gate.passed(size):
                self.inside.append(name)
                await self.leaving[name].wait()
                self.inside.remove(name)

        self.tasks[name] = asyncio.create_task(visit())
        await settle()
        return self.tasks[name]

    async def tell_to_leave(self, name):
        self.leaving[name].set()
        await settle()


@in_loop
async def test_in_order_as_there_is_room():
    visitors = Visitors(gate := Gate(2))
    for name in "abcd":
        await visitors.send(name)
    assert visitors.inside == ["a", "b"] and (gate.inside, gate.waiting) == (2, 2)
    await visitors.tell_to_leave("b")
    assert visitors.inside == ["a", "c"]
    await visitors.tell_to_leave("a")
    assert visitors.inside == ["c", "d"] and gate.waiting == 0
    for name in "cd":
        await visitors.tell_to_leave(name)
    assert (gate.inside, gate.waiting) == (0, 0)


@in_loop
async def test_a_full_queue_refuses():
    visitors = Visitors(gate := Gate(1, queue=2))
    for name in "abc":
        await visitors.send(name)
    refused = (await visitors.send("d")).exception()
    assert isinstance(refused, ServiceError) and (refused.code, refused.status) == ("APIG.0308", 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert (gate.inside, gate.waiting) == (1, 2)
    await visitors.tell_to_leave("a")
    assert not (await visitors.send("e")).done() and gate.waiting == 2  # there is a place again


@in_loop
async def test_no_queue_at_all():
    visitors = Visitors(Gate(1, queue=0))
    await visitors.send("a")
    assert (await visitors.send("b")).exception().code == "APIG.0308"


@in_loop
async def test_patience_ends():
    visitors = Visitors(gate := Gate(1, queue=5, patience=0.05))
    await visitors.send("a")
    waiting = await visitors.send("b")
    with pytest.raises(ServiceError, match=r"APIG.0308.*no turn within 0.05 s"):
        await waiting
    assert (gate.inside, gate.waiting) == (1, 0)
    await asyncio.sleep(0.1)
    assert visitors.inside == ["a"]  # who is inside may stay
    await visitors.tell_to_leave("a")
    await visitors.send("c")
    assert visitors.inside == ["c"]


@in_loop
async def test_a_cancelled_one_leaves_the_queue():
    visitors = Visitors(gate := Gate(1, queue=2))
    for name in "abc":
        await visitors.send(name)
    visitors.tasks["b"].cancel()
    await settle()
    assert gate.waiting == 1
    await visitors.tell_to_leave("a")
    assert visitors.inside == ["c"]


@in_loop
async def test_cancelled_when_its_turn_has_just_come():
    """It has been let in but does not know yet: the place must not be lost."""
    visitors = Visitors(gate := Gate(1))
    for name in "ab":
        await visitors.send(name)
    visitors.leaving["a"].set()
    await asyncio.sleep(0)  # a leaves and lets b in, whose task has not run
    assert gate.inside == 1 and gate.waiting == 0 and visitors.inside == []
    visitors.tasks["b"].cancel()
    await settle()
    assert gate.inside == 0
    await visitors.send("c")
    assert visitors.inside == ["c"]


@in_loop
async def test_an_error_inside_gives_the_place_back():
    gate = Gate(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with gate.passed():
                raise ZeroDivisionError
    assert gate.inside == 0


@in_loop
async def test_sizes():
    visitors = Visitors(gate := Gate(10))
    await visitors.send("six", 6)
    await visitors.send("huge", 50)
    await visitors.send("one", 1)  # would fit, but nobody overtakes: a large one has its turn
    assert visitors.inside == ["six"]
    await visitors.tell_to_leave("six")
    assert visitors.inside == ["huge"] and gate.inside == 50
    await visitors.tell_to_leave("huge")
    assert visitors.inside == ["one"]


@in_loop
async def test_a_small_one_goes_in_when_the_large_one_before_it_gives_up():
    visitors = Visitors(Gate(10))
    await visitors.send("six", 6)
    large = await visitors.send("large", 5)
    await visitors.send("small", 4)
    large.cancel()
    await settle()
    assert visitors.inside == ["six", "small"]


@in_loop
async def test_retry_after_grows_with_the_queue():
    """Each stays for as long as those before did."""
    gate = Gate(1, queue=3)
    for _ in range(50):
        await gate.enter()
        gate.leave(stayed=7.0)
    await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await settle()
    with pytest.raises(ServiceError) as refused:
        await gate.enter()
    assert int(refused.value.headers["Retry-After"]) == 28
    for task in waiting:
        task.cancel()


def test_many_with_every_fate():
    """Entering, leaving, losing patience and being cancelled in any order loses no place."""
    import random

    dice = random.Random(0)

    @in_loop
    async def storm():
        gate = Gate(3, queue=20, patience=0.02)
        most = 0

        async def visit():
            nonlocal most
            async with gate.passed(dice.choice((1, 1, 2, 5))):
                most = max(most, gate.inside)
                await asyncio.sleep(dice.choice((0, 0, 0.001, 0.01)))

        tasks = []
        for _ in range(1500):
            tasks.append(asyncio.create_task(visit()))
            if dice.random() < 0.3:
                dice.choice(tasks).cancel()
            if dice.random() < 0.2:
                await asyncio.sleep(dice.choice((0, 0.001)))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        kinds = {type(result) for result in results}
        assert kinds == {type(None), asyncio.CancelledError, ServiceError}
        assert (gate.inside, gate.waiting) == (0, 0) and most <= 5

    storm()
