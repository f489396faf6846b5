from __future__ import annotations

import cv2
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from irs_engine import _native
from irs_engine.resize import resize, resize_normalize

FILTERS = ["bilinear", "bicubic", "area"]

# float32 sums of up to a hundred products, against float64: in units of 1 for white.
TOLERANCE = 2e-6

# (width, height) before and after: down, up, both, identity, odd, and as small as can be.
SIZES = [
    ((60, 40), (7, 5)),
    ((61, 43), (17, 11)),
    ((5, 7), (31, 23)),
    ((50, 3), (7, 20)),
    ((33, 21), (33, 21)),
    ((1, 1), (1, 1)),
    ((1, 1), (9, 4)),
    ((13, 17), (1, 1)),
    ((1, 40), (6, 6)),
    ((700, 4), (300, 3)),  # wider than a tile
    ((3, 2), (700, 5)),
]


def noise(width, height, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_planes_are_those_of_the_oracle(isa, before, after, filter):
    pixels = noise(*before)
    expected = oracle.resize(pixels, after, filter=filter) / 255
    planes = resize_normalize(pixels, after, filter=filter)
    assert planes.shape == (3, after[1], after[0])
    np.testing.assert_allclose(planes, expected.transpose(2, 0, 1), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_pixels_are_those_of_the_oracle_rounded_once(isa, before, after, channels, filter):
    pixels = noise(*before, channels)
    expected = oracle.resize(pixels, after, filter=filter).clip(0, 255)
    resized = resize(pixels, after, filter=filter)
    assert resized.shape == (after[1], after[0], channels)
    assert np.abs(resized - expected).max() <= 0.5 + 255 * TOLERANCE


BOXES = [
    (0, 0, 40, 30),
    (0.5, 0.25, 39, 29.5),
    (10, 5, 20, 20),
    (3.3, 7.7, 11.1, 13.9),
    (39.5, 29.5, 0.5, 0.5),
    (7, 7, 1e-9, 1e-9),
    (40 - 1e-9, 0, 1e-9, 30),
]


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("box", BOXES)
def test_boxes_may_have_fractions(isa, box, filter):
    pixels = noise(40, 30)
    planes = resize_normalize(pixels, (9, 8), box=box, filter=filter)
    if min(box[2:]) > 1e-6:
        expected = oracle.resize(pixels, (9, 8), box, filter) / 255
        np.testing.assert_allclose(planes, expected.transpose(2, 0, 1), rtol=0, atol=TOLERANCE)
    assert np.isfinite(planes).all()


def test_normalisation():
    pixels, mean, std = noise(30, 20), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    planes = resize_normalize(pixels, (8, 6), mean=mean, std=std)
    expected = (oracle.resize(pixels, (8, 6)) / 255 - mean) / std
    np.testing.assert_allclose(planes, expected.transpose(2, 0, 1), rtol=0, atol=5 * TOLERANCE)


def test_bicubic_planes_overshoot_where_pixels_are_clamped():
    edge = np.zeros((8, 8, 3), np.uint8)
    edge[:, 4:] = 255
    planes = resize_normalize(edge, (32, 32), filter="bicubic")
    assert planes.min() < -0.01 and planes.max() > 1.01
    pixels = resize(edge, (32, 32), filter="bicubic")
    assert pixels.min() == 0 and pixels.max() == 255


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_every_isa_and_thread_count_gives_the_same_bits(isa, number):
    pixels, before = noise(700, 500), _native.num_threads()
    box = (10.25, 20.5, 600, 470.125)
    try:
        _native.set_num_threads(1)
        _native.set_isa("generic")
        planes = [resize_normalize(pixels, (301, 203), box=box, filter=filter) for filter in FILTERS]
        _native.set_num_threads(number)
        _native.set_isa(isa)
        for expected, filter in zip(planes, FILTERS, strict=True):
            again = resize_normalize(pixels, (301, 203), box=box, filter=filter)
            np.testing.assert_array_equal(again.view(np.uint32), expected.view(np.uint32))
    finally:
        _native.set_num_threads(before)


@pytest.mark.parametrize(("name", "filter"), [("BILINEAR", "bilinear"), ("BICUBIC", "bicubic")])
@pytest.mark.parametrize("box", [(0, 0, 90, 70), (3.5, 2.25, 80.5, 60)])
@pytest.mark.parametrize("size", [(20, 15), (33, 200)])
def test_pillow_agrees(name, filter, box, size):
    """Pillow rounds and clamps to bytes between the axes too: hence 1, and a smooth picture."""
    pixels = cv2.GaussianBlur(noise(90, 70), (0, 0), 2)
    left, top, width, height = box
    corners = (left, top, left + width, top + height)
    theirs = Image.fromarray(pixels).resize(size, Image.Resampling[name], box=corners)
    assert np.abs(resize(pixels, size, box=box, filter=filter) - np.asarray(theirs, np.int16)).max() <= 1


def test_area_agrees_with_opencv():
    pixels = noise(90, 60)
    for size in [(30, 20), (45, 60), (37, 23)]:
        theirs = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        assert np.abs(resize(pixels, size, filter="area") - theirs.astype(np.int16)).max() <= 1


@settings(max_examples=60, deadline=None)
@given(data=st.data(), filter=st.sampled_from(FILTERS))
def test_a_flat_picture_stays_flat(data, filter):
    """Weights sum to 1 wherever the box lies."""
    width, height, *size = (data.draw(st.integers(1, 80)) for _ in range(4))
    left, top = (data.draw(st.floats(0, side * 0.99)) for side in (width, height))
    box = (left, top, *(data.draw(st.floats(0.01, 1)) * rest for rest in (width - left, height - top)))
    value = data.draw(st.integers(0, 255))
    flat = np.full((height, width, 3), value, np.uint8)
    assert (resize(flat, tuple(size), box=box, filter=filter) == value).all()
    planes = resize_normalize(flat, tuple(size), box=box, filter=filter)
    np.testing.assert_allclose(planes, value / 255, rtol=0, atol=TOLERANCE)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), filter=st.sampled_from(FILTERS))
def test_transposed_pictures_give_transposed_results(data, filter):
    width, height, *size = (data.draw(st.integers(1, 60)) for _ in range(4))
    pixels = noise(width, height, seed=width * 100 + height)
    straight = resize_normalize(pixels, tuple(size), filter=filter)
    turned = resize_normalize(pixels.transpose(1, 0, 2).copy(), tuple(size[::-1]), filter=filter)
    np.testing.assert_allclose(turned.transpose(0, 2, 1), straight, rtol=0, atol=TOLERANCE)


def test_any_layout_of_the_array_gives_the_same():
    pixels = noise(50, 40)
    views = [pixels[::-1], pixels[:, ::-1], pixels[..., ::-1], pixels[5:30, 7:43], pixels[::2, ::3]]
    for view in [*views, pixels.transpose(1, 0, 2)]:
        for function in (resize, resize_normalize):
            np.testing.assert_array_equal(function(view, (13, 11)), function(view.copy(), (13, 11)))
    pixels.flags.writeable = False
    resize(pixels, (13, 11))


def test_grey_without_a_channel_axis():
    grey = noise(30, 20, 1)
    np.testing.assert_array_equal(resize(grey[..., 0], (7, 5)), resize(grey, (7, 5))[..., 0])


def test_writes_into_a_batch():
    pixels, batch = noise(30, 20), np.full((3, 3, 6, 8), 7, np.float32)
    assert resize_normalize(pixels, (8, 6), out=batch[1]).base is batch
    np.testing.assert_array_equal(batch[1], resize_normalize(pixels, (8, 6)))
    assert (batch[0] == 7).all() and (batch[2] == 7).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (0, 5)}, "size: expected a width and a height of at least 1"),
        ({"size": (5, -1)}, "size: expected"),
        ({"filter": "lanczos"}, "filter: expected one of bilinear, bicubic, area, got 'lanczos'"),
        ({"box": (0, 0, 31, 20)}, "box: expected a part of 0..30"),
        ({"mean": (1, 2)}, "mean: expected three numbers"),
        ({"std": (1, 0, 1)}, "std: expected numbers other than 0"),
        ({"pixels": np.zeros(3, np.uint8)}, "pixels: expected"),
        ({"pixels": np.zeros((4, 4, 3))}, "image: expected uint8 .* got float64"),
        ({"pixels": np.zeros((4, 4), np.uint8)}, "image: expected uint8"),
        ({"out": np.zeros((3, 5, 8), np.float32)}, r"out: expected float32 \(3, 6, 8\), got .* \(3, 5, 8\)"),
        ({"out": np.zeros((3, 6, 8))}, "out: expected float32"),
    ],
)
def test_errors_say_what_is_accepted(change, message):
    arguments = {"pixels": noise(30, 20), "size": (8, 6)} | change
    with pytest.raises(ValueError, match=message):
        resize_normalize(arguments.pop("pixels"), arguments.pop("size"), **arguments)
