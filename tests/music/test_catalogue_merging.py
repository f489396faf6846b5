"""Which segments are merged, and the thread that does it."""

import math
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from irs_engine.music import merging
from irs_engine.music.database import SegmentRow
from irs_engine.music.merging import FANOUT, LARGEST, SMALLEST, MergingThread, all_to_merge, to_merge

SIZES = st.integers(1 << 10, 1 << 22)


def row(id, size, songs=1, living=None):
    return SegmentRow(id, f"{id}.irsm", songs, size, 0, 0, songs if living is None else living)


def settle(rows):
    """Merge as the catalogue does; the segments at last, and how many bytes were written."""
    written = 0
    while group := to_merge(rows):
        size, songs = sum(r.bytes * r.living // r.songs for r in group), sum(r.living for r in group)
        rows = [r for r in rows if r not in group]
        if songs:
            written += size
            rows.append(row(max([r.id for r in group + rows]) + 1, size, songs))
    return rows, written


@settings(max_examples=40)
@given(st.lists(SIZES, max_size=120))
def test_songs_are_in_few_segments_and_seldom_written(sizes):
    rows, written = [], 0
    for id, size in enumerate(sizes):
        rows, more = settle([*rows, row(1000 * id, size)])
        written += more
    total = sum(sizes)
    assert sum(r.bytes for r in rows) == total and sum(r.songs for r in rows) == len(sizes)
    tiers = 2 + math.log(max(total / SMALLEST, 1), FANOUT)
    assert len(rows) <= (FANOUT - 1) * tiers
    assert written <= total * FANOUT * tiers


@settings(max_examples=40)
@given(st.lists(st.tuples(SIZES, st.integers(1, 20), st.integers(0, 20)), max_size=30))
def test_no_segment_stays_mostly_tombstones(segments):
    rows, _ = settle(
        [row(id, size, songs, min(songs, living)) for id, (size, songs, living) in enumerate(segments)]
    )
    assert all(2 * r.living >= r.songs > 0 for r in rows)


@settings(max_examples=40)
@given(st.lists(st.integers(LARGEST // 9, LARGEST), max_size=12))
def test_no_segment_is_merged_beyond_the_largest(sizes):
    rows = [row(id, size) for id, size in enumerate(sizes)]
    for group in [to_merge(rows), *all_to_merge(rows)]:
        assert sum(r.bytes for r in group) <= LARGEST


@settings(max_examples=40)
@given(st.lists(st.tuples(SIZES, st.integers(1, 4)), max_size=30))
def test_merging_all_takes_each_segment_once_and_leaves_alone_what_is_well(segments):
    rows = [row(id, size, 4, living) for id, (size, living) in enumerate(segments)]
    groups = all_to_merge(rows)
    merged = [r.id for group in groups for r in group]
    assert len(set(merged)) == len(merged)
    assert {r.id for r in rows} - set(merged) <= (
        {r.id for r in rows if r.living == 4} if len(rows) < 2 else set()
    )


def test_the_thread_works_until_there_is_nothing_to_do_and_again_when_woken():
    left = [3]

    def step():
        left[0] -= 1
        return left[0] > 0

    thread = MergingThread(step)
    thread.wait()  # there is none yet
    thread.wake()
    thread.wait()
    assert left == [0]
    left[0] = 1
    thread.wake()
    thread.wait()
    assert left == [0]


def test_being_woken_at_work_is_not_forgotten():
    began, go_on, calls = threading.Event(), threading.Event(), []

    def step():
        calls.append(threading.current_thread())
        began.set()
        go_on.wait(60)
        return False

    thread = MergingThread(step)
    thread.wake()
    began.wait(60)
    thread.wake()
    go_on.set()
    thread.wait()
    assert len(calls) == 2 and calls[0] is calls[1]


def test_a_merge_that_fails_is_told_and_the_next_one_tried(caplog):
    outcomes = [OSError("disk full"), False]

    def step():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    thread = MergingThread(step)
    thread.wake()
    thread.wait()
    assert "disk full" in caplog.text and caplog.records[0].name == merging.__name__
    thread.wake()
    thread.wait()
    assert outcomes == []
