"""What the kernels take and refuse; every operator gets its views from the same functions."""

import numpy as np
import pytest

from irs_engine import _native


def resize(image, out=None, box=None):
    out = np.zeros((3, 3, 3), np.uint8) if out is None else out
    _native.resize(image, out, box or (0, 0, image.shape[1], image.shape[0]), 0)
    return out


def image(*shape):
    return np.arange(np.prod(shape)).astype(np.uint8).reshape(shape)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (image(4, 4, 3).astype(np.float32), r"image: expected uint8 .*, got float32 \(4, 4, 3\)"),
        (image(4, 4, 3).astype(np.int8), "got int8"),
        (image(4, 4, 2), r"uint8 \(height, width, 1\) or .*\(height, width, 4\), got uint8 \(4, 4, 2\)"),
        (image(4, 4, 3, 1), "got uint8 .4, 4, 3, 1"),
        (image(4), "image: expected"),
        (np.zeros((0, 4, 3), np.uint8), "image: expected at least one pixel"),
        (np.zeros((4, 0, 3), np.uint8), "image: expected at least one pixel"),
        (image(4, 4, 3)[:, ::-1], r"contiguous pixels, got strides \(12, -3, 1\); use numpy.ascontig"),
        (image(4, 4, 3)[:, ::2], "rows of contiguous pixels"),
        (image(4, 4, 3)[..., ::-1], "rows of contiguous pixels"),
        (image(3, 4, 4).transpose(1, 2, 0), "rows of contiguous pixels"),
    ],
)
def test_refused_images(given, message):
    with pytest.raises(ValueError, match=message):
        _native.resize(given, np.zeros((3, 3, 3), np.uint8), (0, 0, 4, 4), 0)


def test_lists_are_not_converted():
    with pytest.raises(TypeError):
        _native.resize([[[1, 2, 3]]], np.zeros((3, 3, 3), np.uint8), (0, 0, 1, 1), 0)


def test_refused_outputs():
    read_only = np.zeros((3, 3, 3), np.uint8)
    read_only.flags.writeable = False
    broadcast = np.lib.stride_tricks.as_strided(np.zeros((1, 9), np.uint8), (3, 3, 3), (0, 3, 1))
    for out, message in [
        (read_only, "out: expected an array that can be written to"),
        (broadcast, "out: the rows overlap"),
        (np.zeros((3, 3), np.uint8), r"out: expected uint8 \(height, width, 3\), got uint8 \(3, 3\)"),
        (np.zeros((3, 3, 3), np.uint16), "got uint16"),
    ]:
        with pytest.raises(ValueError, match=message):
            resize(image(4, 4, 3), out)


@pytest.mark.parametrize(
    "out",
    [np.zeros((3, 3, 4), np.float32)[:, :, 1:], np.zeros((3, 3, 3)), np.zeros((1, 3, 3), np.float32)],
    ids=["strided", "float64", "one plane"],
)
def test_refused_planes(out):
    with pytest.raises(ValueError, match="out: expected"):
        _native.resize_normalize(image(4, 4, 3), out, (0, 0, 4, 4), 0, (1, 1, 1), (0, 0, 0))


@pytest.mark.parametrize(
    "box",
    [
        (-1, 0, 2, 2),
        (0, 0, 5, 4),
        (0, 0.5, 4, 4),
        (0, 0, 0, 4),
        (0, 0, 4, -1),
        (float("nan"), 0, 1, 1),
        (0, 0, float("nan"), 1),
        (0, 0, float("inf"), 4),
    ],
)
def test_refused_boxes(box):
    with pytest.raises(ValueError, match=r"box: expected a part of 0\.\.4, got"):
        resize(image(4, 4, 3), box=box)


def test_boxes_may_be_off_by_rounding():
    resize(image(4, 4, 3), box=(-1e-12, 0.1 + 0.2, 4.000000001, 3.7))


def test_rows_may_lie_anywhere():
    whole = image(40, 20, 3)
    for view in [whole[5:35, 3:14], whole[::3, 3:14], whole[::-1], whole[30:4:-2, 2:18]]:
        assert not view.flags.c_contiguous
        np.testing.assert_array_equal(resize(view), resize(view.copy()))


def test_broadcast_and_read_only_images_are_read():
    row = image(1, 9, 3)
    np.testing.assert_array_equal(resize(np.broadcast_to(row, (5, 9, 3))), resize(np.repeat(row, 5, axis=0)))
    row.flags.writeable = False
    resize(row)


def test_outputs_may_be_strided_and_nothing_else_is_touched():
    frame = np.full((9, 9, 3), 77, np.uint8)
    resize(image(20, 20, 3), frame[2:8:2, 3:6])
    np.testing.assert_array_equal(frame[2:8:2, 3:6], resize(image(20, 20, 3)))
    frame[2:8:2, 3:6] = 77
    assert (frame == 77).all()


def test_strides_of_axes_of_length_one_mean_nothing():
    odd = np.lib.stride_tricks.as_strided(image(1, 1, 3), (1, 1, 3), (12345, 777, 1))
    assert (resize(odd) == [0, 1, 2]).all()
