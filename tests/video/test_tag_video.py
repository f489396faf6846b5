import json

import numpy as np
import pytest
from drawn_videos import scene, video
from PIL import Image

from irs_engine.engine import Engine
from irs_engine.errors import ParameterError
from irs_engine.results import Category, Interval, VideoResult, VideoTag
from irs_engine.timeline import MARGIN, NAMES, STRIP, WIDTH
from irs_engine.video import tagging

pytest.importorskip("av", reason="needs irs-engine[video]")


@pytest.fixture(scope="module")
def engine(tagger_weights):
    return Engine(device="cpu", weights=tagger_weights.parent)


@pytest.fixture(scope="module")
def clip():
    return video([*scene(1, 1.2), *scene(2, 1.2)])


def test_frames_have_the_tags_of_pictures(engine, clip):
    """By weights of random numbers, so what is seen means nothing; that it is the same does."""
    progress = []
    result = engine.tag_video(
        clip, threshold=5, limit=9, detect=False, language="zh", on_progress=lambda *now: progress.append(now)
    )
    assert result.size == (96, 64) and len(result.frames) == len(result.scenes) == 2
    assert result.duration == pytest.approx(2.4, abs=0.25)
    assert result.scenes == pytest.approx((0, 1.2), abs=0.15)
    assert len(result.tags) == 9 and all(tag.name == tag.zh for tag in result.tags)
    confidences = [tag.confidence for tag in result.tags]
    assert confidences == sorted(confidences, reverse=True)
    alone = engine.tag(next(scene(2, 1)), threshold=0, detect=False)
    expected = {tag.id: tag.confidence for tag in alone.tags}
    for tag in result.tags:
        for interval in tag.intervals:
            assert 0 <= interval.start <= interval.peak < interval.end <= result.duration
            if interval.start == result.scenes[1]:
                assert interval.confidence == pytest.approx(expected[tag.id], abs=6)  # video is lossy
    assert progress[-1][1] == pytest.approx(2.4, abs=0.1) and 0 < progress[-1][0] <= progress[-1][1]


def test_results_are_plain_and_draw_themselves(engine, clip):
    result = engine.tag_video(clip, threshold=5, detect=False)
    told = json.loads(result.to_json())
    assert told.keys() == {"tags", "size", "duration", "scenes", "frames"}
    assert told["tags"][0]["intervals"][0].keys() == {"start", "end", "confidence", "peak"}
    assert [time for time, _ in result.pictures] == list(result.frames)
    assert result.draw().width == WIDTH


def test_long_videos_keep_few_pictures(engine, monkeypatch):
    monkeypatch.setattr(tagging, "PICTURES", 4)
    frames = [frame for seed in range(12) for frame in scene(seed, 0.5)]
    result = engine.tag_video(video(frames), threshold=90, detect=False)
    assert len(result.frames) >= 10
    times = [time for time, _ in result.pictures]
    assert times[0] == 0 and 2 <= len(times) <= 4 and set(times) <= set(result.frames)
    assert max(np.diff(times)) <= 2.2 * min(np.diff(times))


def test_where_things_are_helps_too(engine, clip):
    assert engine.tag_video(clip, threshold=30).tags


@pytest.mark.parametrize(
    "options",
    [{"every": 0}, {"every": float("nan")}, {"most": 0}, {"most": 2.5}, {"threshold": 101}, {"tiles": True}],
)
def test_bad_options(engine, clip, options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        engine.tag_video(clip, **options)


def test_a_timeline_shows_when_tags_are_seen(engine, clip):
    pictures = engine.tag_video(clip, threshold=90, detect=False).pictures
    animal = Category("animal", "animal", "动物")
    dog = VideoTag(
        "dog", "dog", "dog", "狗", "object", animal, 90.0, (Interval(0, 2, 90.0, 1), Interval(6, 8, 10.0, 7))
    )
    sheet = VideoResult((dog,), (96, 64), 8.0, (0.0, 4.0), (0.0,), pictures).draw()
    left, right = MARGIN + NAMES, WIDTH - MARGIN
    row = np.asarray(sheet.convert("RGB"))[MARGIN + STRIP + 12 + 44 + 12].astype(int)
    blue = row[:, 2] - row[:, 0]
    scale = (right - left) / 8
    strong, nothing, weak = (blue[round(left + second * scale)] for second in (1, 3, 7))
    assert strong > 150 and nothing < 10 and nothing < weak < strong / 2
    assert isinstance(sheet, Image.Image)
    empty = VideoResult((), (96, 64), 0.0, (0.0,), (0.0,)).draw()
    assert empty.width == WIDTH
