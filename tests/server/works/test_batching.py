"""What goes into a batch together."""

import asyncio
import threading

import pytest

pytest.importorskip("starlette")

from eventloop import in_loop, settle

from irs_engine.server.works.batching import Batcher


class Work:
    """Doubles numbers, a batch each time that it is let go on."""

    def __init__(self):
        self.batches = []
        self._go_on = threading.Semaphore(0)

    def __call__(self, batch):
        self.batches.append(list(batch))
        self._go_on.acquire()
        if "bad" in batch:
            raise ValueError("bad")
        return [2 * item for item in batch]

    def go_on(self, batches=1):
        self._go_on.release(batches)

    async def begun(self, batches):
        while len(self.batches) < batches:
            await asyncio.sleep(0.001)


async def ask(batcher, *items):
    tasks = [asyncio.create_task(batcher.result(item)) for item in items]
    await settle()
    return tasks


@in_loop
async def test_what_arrives_meanwhile_is_the_next_batch():
    batcher = Batcher(work := Work(), most=3)
    first = await ask(batcher, 1)
    await work.begun(1)  # nobody else was there: it does not wait for company
    later = await ask(batcher, 2, 3, 4, 5)
    work.go_on(3)
    assert await asyncio.gather(*first, *later) == [2, 4, 6, 8, 10]
    assert work.batches == [[1], [2, 3, 4], [5]]
    assert (batcher.batches, batcher.items) == (3, 5)
    await batcher.stop()


@in_loop
async def test_it_goes_on_after_a_pause():
    batcher = Batcher(work := Work(), most=3)
    work.go_on(2)
    assert await batcher.result(1) == 2
    await asyncio.sleep(0.01)
    assert await batcher.result(2) == 4
    await batcher.stop()


@in_loop
async def test_a_batch_waits_for_what_is_announced():
    batcher = Batcher(work := Work(), most=8, linger=60)
    work.go_on()
    with batcher.announced():
        (first,) = await ask(batcher, 1)
        assert not work.batches
    assert await asyncio.gather(first, batcher.result(2)) == [2, 4]
    assert work.batches == [[1, 2]]
    await batcher.stop()


@in_loop
async def test_quiet_is_where_one_client_asks_now_and_then():
    batcher = Batcher(work := Work(), most=3)
    assert batcher.quiet
    with batcher.announced():
        assert not batcher.quiet
    first = await ask(batcher, 1)
    await work.begun(1)
    assert not batcher.quiet  # it is worked on
    later = await ask(batcher, 2, 3)
    work.go_on(2)
    await asyncio.gather(*first, *later)
    await settle()
    assert not batcher.quiet  # there were two at once: the next one may have company too
    work.go_on()
    await batcher.result(4)
    await settle()
    assert batcher.quiet
    await batcher.stop()


@in_loop
async def test_it_does_not_wait_for_ever():
    batcher = Batcher(work := Work(), most=8, linger=0.01)
    work.go_on()
    with batcher.announced():
        assert await batcher.result(1) == 2
    await batcher.stop()


@in_loop
async def test_a_full_batch_waits_for_nobody():
    batcher = Batcher(work := Work(), most=2, linger=60)
    work.go_on()
    with batcher.announced():
        assert await asyncio.gather(*await ask(batcher, 1, 2)) == [2, 4]
    await batcher.stop()


@in_loop
async def test_who_gives_up_while_waiting_is_not_worked_on():
    batcher = Batcher(work := Work(), most=3)
    first = await ask(batcher, 1)
    await work.begun(1)
    second, third = await ask(batcher, 2, 3)
    second.cancel()
    work.go_on(2)
    assert await asyncio.gather(*first, third) == [2, 6]
    assert work.batches == [[1], [3]]
    await batcher.stop()


@in_loop
async def test_who_gives_up_while_worked_on_disturbs_no_other():
    batcher = Batcher(work := Work(), most=3)
    blocker = await ask(batcher, 0)
    await work.begun(1)
    first, second = await ask(batcher, 1, 2)
    work.go_on()
    await work.begun(2)
    first.cancel()
    work.go_on()
    assert await second == 4 and first.cancelled() and await blocker[0] == 0
    await batcher.stop()


@in_loop
async def test_an_error_is_told_to_all_of_the_batch_and_to_nobody_else():
    batcher = Batcher(work := Work(), most=2)
    blocker = await ask(batcher, 0)
    await work.begun(1)
    tasks = await ask(batcher, "bad", 1, 2)
    work.go_on(3)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError, int] and results[2] == 4
    assert await blocker[0] == 0
    await batcher.stop()


@in_loop
async def test_work_that_answers_too_little_leaves_nobody_waiting():
    batcher = Batcher(lambda batch: [], most=2)
    with pytest.raises(ValueError):
        await batcher.result(1)
    await batcher.stop()


@in_loop
async def test_stop_finishes_the_batch_and_cancels_the_rest():
    batcher = Batcher(work := Work(), most=1)
    (first,) = await ask(batcher, 1)
    await work.begun(1)
    (second,) = await ask(batcher, 2)
    stopping = asyncio.create_task(batcher.stop())
    await settle()
    work.go_on()
    await stopping
    assert await first == 2
    with pytest.raises(asyncio.CancelledError):
        await second
    assert work.batches == [[1]]
