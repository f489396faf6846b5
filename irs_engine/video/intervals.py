"""Tags over time: what single frames show, merged into intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from irs_engine.results import Interval, Tag, VideoTag

KEPT = 0.5  # share of the threshold that keeps a tag on within a scene, once it was seen there


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen from `start` until `end`, seconds, by one look at `time`."""

    start: float
    end: float
    time: float
    scene: int
    tags: tuple[Tag, ...]  # those with KEPT of the threshold or more


def merged(seen: Sequence[Seen], threshold: float, limit: int | None = None) -> tuple[VideoTag, ...]:
    """Tags with their intervals, the most confident first.

    An interval needs one look at which the tag has the threshold. Looks of the same scene beside it belong to
    it while they still have KEPT of that: a dog that turns away is still there, and the next scene has to
    show one of its own. Its confidence is the highest of its looks: what is missed once is not gone.

    Args:
        seen: In order, each ending where the next one starts.
    """
    tags: dict[str, Tag] = {}
    runs: dict[str, list[list[tuple[Seen, float]]]] = {}
    for before, now in zip([None, *seen], seen, strict=False):
        for tag in now.tags:
            tags.setdefault(tag.id, tag)
            known = runs.setdefault(tag.id, [])
            goes_on = known and before is not None and known[-1][-1][0] is before
            if goes_on and before is not None and before.scene == now.scene:
                known[-1].append((now, tag.confidence))
            else:
                known.append([(now, tag.confidence)])
    found = []
    for id, tag in tags.items():
        intervals = _joined([_interval(run) for run in runs[id]], threshold)
        if intervals:
            best = max(interval.confidence for interval in intervals)
            found.append(VideoTag(tag.id, tag.name, tag.en, tag.zh, tag.kind, tag.category, best, intervals))
    return tuple(sorted(found, key=lambda tag: -tag.confidence)[:limit])


def _interval(run: Sequence[tuple[Seen, float]]) -> Interval:
    best, confidence = max(run, key=lambda one: one[1])
    return Interval(round(run[0][0].start, 3), round(run[-1][0].end, 3), confidence, round(best.time, 3))


def _joined(intervals: Sequence[Interval], threshold: float) -> tuple[Interval, ...]:
    """Those with the threshold; where a scene follows another one and both show it, one interval."""
    found: list[Interval] = []
    for now in (one for one in intervals if one.confidence >= threshold):
        if found and found[-1].end >= now.start:
            last = found.pop()
            best = max(last, now, key=lambda one: one.confidence)
            now = Interval(last.start, now.end, best.confidence, best.peak)
        found.append(now)
    return tuple(found)
