import numpy as np
import pytest
from drawn_videos import RATE, scene, video

from irs_engine.video.frames import open_video
from irs_engine.video.scenes import LEAST_GAP, looks

pytest.importorskip("av", reason="needs irs-engine[video]")


def seen(frames, every=2.0, most=600, **options):
    """(start, scene, time of the frame) of every look."""
    with open_video(video(frames, **options)) as opened:
        return [(look.start, look.scene, look.frame.time) for look in looks(opened, every=every, most=most)]


def test_every_cut_begins_a_scene():
    frames = [*scene(1, 1.5), *scene(2, 1), *scene(3, 1.5)]
    found = seen(frames, every=100)
    assert [start for start, _, _ in found] == pytest.approx([0, 1.5, 2.5], abs=1.5 / RATE)
    assert [number for _, number, _ in found] == [0, 1, 2]
    assert all(0 <= time - start <= 3 / RATE for start, _, time in found)


def test_a_scene_that_goes_on_is_looked_at_again():
    found = seen(scene(1, 4), every=1)
    assert [start for start, _, _ in found] == pytest.approx([0, 1, 2, 3], abs=2 / RATE)
    assert {number for _, number, _ in found} == {0}


def test_things_that_move_are_no_cuts():
    assert len(seen(scene(1, 3, moving=7), every=100)) == 1


def test_a_cross_fade_is_looked_at_after_it():
    first, second = next(scene(1, 1)).astype(float), next(scene(2, 1)).astype(float)
    fade = [(first + (second - first) * share).astype(np.uint8) for share in np.linspace(0, 1, 8)]
    found = seen([*scene(1, 1), *fade, *scene(2, 2)], every=100)
    assert found[-1][1] >= 1 and found[-1][2] >= 1.2
    assert len(found) <= 3


def test_a_flash_is_no_scene():
    frames = list(scene(1, 3))
    frames[10] = np.full_like(frames[0], 255)
    assert len(seen(frames, every=100)) == 1


def test_a_scene_in_motion_is_looked_at_all_the_same():
    """A picture that never comes to rest is waited for, but not for ever."""
    frames = [*scene(1, 1), *(next(scene(seed, 1)) for seed in range(100, 130))]
    found = seen(frames, every=100)
    assert 2 <= len(found) <= 5 and found[1][2] <= 2.2


def test_no_more_looks_than_asked_for():
    frames = [frame for seed in range(30) for frame in scene(seed, 0.5)]
    assert len(seen(frames, most=8)) in range(5, 9)
    everything = seen(frames)
    assert len(everything) > 20
    times = [time for _, _, time in everything]
    assert min(np.diff(times)) >= LEAST_GAP - 1e-3


def test_a_video_that_does_not_know_its_length_grows_rarer():
    frames = [frame for seed in range(30) for frame in scene(seed, 0.5)]
    with open_video(video(frames)) as opened:
        opened.duration = 0.0  # as of a stream that was recorded
        found = [look.start for look in looks(opened, most=8)]
    assert 8 < len(found) < 20 and min(np.diff(found[9:])) > 0.7
