"""Recapture detection with a network of random numbers: everything but what a photo shows."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import zxingcpp
from conftest import make_photo
from image_files import saved
from PIL import Image
from safetensors.torch import load_file, save_file

import irs_engine as irs
from irs_engine.errors import ImageError, ParameterError, WeightsError
from irs_engine.image import read_rgb
from irs_engine.vision.nets.layers import fuse
from irs_engine.vision.nets.recapture_net import CLASSES, SIDE, build_recapture_net
from irs_engine.vision.recapture import LEAST_SIDE, RecaptureDetector, find_barcodes

CAT = Path(__file__).parent.parent / "data" / "cat.jpg"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def engine(recapture_weights):
    return irs.Engine(device="cpu", precision="fp32", weights=recapture_weights)


@pytest.fixture(scope="module")
def detector(engine):
    return engine.load_recapture_detector()


@pytest.fixture(scope="module")
def sure(recapture_weights, tmp_path_factory):
    """Engines by the answer that their weights give to any photo."""

    def engine(name, scale, shift):
        folder = tmp_path_factory.mktemp(name)
        tensors = load_file(recapture_weights / "recapture_s.safetensors")
        tensors["calibration"] = torch.tensor([scale, shift])
        save_file(tensors, folder / "recapture_s.safetensors")
        return irs.Engine(device="cpu", weights=folder)

    return {"original": engine("original", 1.0, -12.0), "recapture": engine("recapture", 1.0, 12.0)}


@pytest.fixture(scope="module")
def label():
    """A box with an EAN-13 in front of hills, and where its middle is."""
    code = zxingcpp.create_barcode("400638133393", zxingcpp.BarcodeFormat.EAN13)
    bars = np.array(zxingcpp.write_barcode_to_image(code, scale=3, add_quiet_zones=True))
    bars = cv2.resize(bars, (bars.shape[1], 120), interpolation=cv2.INTER_NEAREST)
    scene = make_photo(1400, 1000)
    top, left = 700, 900
    scene[top : top + bars.shape[0], left : left + bars.shape[1]] = bars[..., None]
    return scene, (left + bars.shape[1] // 2, top + 60)


@pytest.mark.parametrize("threshold", [0.51, 0.75, 0.95, 0.9999])
def test_a_sure_answer(sure, photo, threshold):
    original = sure["original"].detect_recapture(photo, threshold=threshold)
    assert (original.suggestion, original.category) == ("true", "")
    assert [label.label for label in original.detail] == ["original"]
    recaptured = sure["recapture"].detect_recapture(photo, threshold=threshold)
    assert (recaptured.suggestion, recaptured.category) == ("false", "recapture")
    assert [label.label for label in recaptured.detail] == ["recapture"]
    for result in (original, recaptured):
        assert result.score == result.detail[0].confidence > 0.999 and result.reason == ""


def test_the_default_threshold_is_that_of_the_service(sure, engine, photo):
    assert sure["original"].detect_recapture(photo) == sure["original"].detect_recapture(
        photo, threshold=0.95
    )
    result = engine.detect_recapture(photo)
    score = engine.detect_recapture(photo, threshold=1).score
    assert 0.5 < score < 0.95 and result.suggestion == "uncertainty"


def test_an_unsure_answer_names_both_the_likelier_first(engine, photo):
    result = engine.detect_recapture(photo, threshold=1)
    assert (result.suggestion, result.category, result.reason) == ("uncertainty", "recapture", "")
    first, second = result.detail
    assert {first.label, second.label} == {"original", "recapture"}
    assert first.confidence >= second.confidence and first.confidence + second.confidence == pytest.approx(1)
    assert result.score == first.confidence
    recapture = next(label for label in result.detail if label.label == "recapture")
    assert recapture.confidence == pytest.approx(result.screen + result.print, abs=1e-5)


def test_the_threshold_decides(engine, photo):
    score = engine.detect_recapture(photo, threshold=1).score
    likelier = engine.detect_recapture(photo, threshold=1).detail[0].label
    for threshold in (0.5, score - 1e-4):
        result = engine.detect_recapture(photo, threshold=threshold)
        assert result.suggestion == ("true" if likelier == "original" else "false")
        assert [label.label for label in result.detail] == [likelier] and result.score == score
    assert engine.detect_recapture(photo, threshold=score + 1e-4).suggestion == "uncertainty"


def test_threshold_zero_is_never_uncertain(sure, engine, photo):
    assert sure["recapture"].detect_recapture(photo, threshold=0).suggestion == "false"
    for some in (*sure.values(), engine):
        result = some.detect_recapture(photo, threshold=0)
        assert result.suggestion in ("true", "false") and len(result.detail) == 1
        assert (result.category == "") == (result.suggestion == "true")


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), "high", None])
def test_other_thresholds_are_refused(engine, photo, threshold):
    with pytest.raises(ParameterError, match="threshold"):
        engine.detect_recapture(photo, threshold=threshold)


def test_probabilities_sum_to_one(detector, photo):
    crops = np.stack(
        [make_photo(SIDE, SIDE, 0), make_photo(SIDE, SIDE, 1), np.zeros((SIDE, SIDE, 3), np.uint8)]
    )
    whole, each = detector.probabilities(crops)
    assert whole.shape == (len(CLASSES),) and each.shape == (3, len(CLASSES))
    np.testing.assert_allclose([whole.sum(), *each.sum(1)], 1, atol=1e-5)
    assert min(whole.min(), each.min()) >= 0 and np.ptp(each, axis=0).max() > 0.05  # the crops differ


def test_one_crop_alone_says_what_the_whole_says(detector):
    whole, each = detector.probabilities(make_photo(SIDE, SIDE)[None])
    np.testing.assert_allclose(whole, each[0], atol=1e-5)


def test_calibration_scales_and_shifts(detector, recapture_weights):
    crops = make_photo(SIDE, SIDE)[None]
    plain = RecaptureDetector(CPU, "fp32", recapture_weights)
    assert plain.calibration == (1.5, 0.5)
    plain.calibration = (1.0, 0.0)
    odds = np.log(plain.probabilities(crops)[0])
    expected = np.exp(1.5 * odds - [0.5, 0, 0])
    np.testing.assert_allclose(detector.probabilities(crops)[0], expected / expected.sum(), atol=1e-5)


def test_a_small_photo_is_uncertain(sure, photo):
    small = sure["original"].detect_recapture(photo[: LEAST_SIDE - 1])
    assert small.suggestion == "uncertainty" and small.reason.startswith("too small: 199 pixels")
    assert small.category == "recapture" and len(small.detail) == 2 and small.detail[0].label == "original"
    assert sure["original"].detect_recapture(photo[:LEAST_SIDE]).reason == ""


def test_a_compressed_photo_is_uncertain(sure, photo):
    found = sure["recapture"].detect_recapture(saved(photo, "JPEG", quality=20))
    assert found.suggestion == "uncertainty" and found.reason.startswith("too compressed: JPEG quality 20")
    assert sure["recapture"].detect_recapture(saved(photo, "JPEG", quality=35)).reason == ""


def test_a_blurred_photo_is_uncertain(sure, photo):
    blurred = cv2.GaussianBlur(photo, (0, 0), 6)
    found = sure["original"].detect_recapture(blurred)
    assert found.suggestion == "uncertainty" and found.reason.startswith("too blurred: edges of ")
    assert sure["original"].detect_recapture(np.full_like(photo, 90)).reason.startswith("too blurred")
    assert sure["original"].detect_recapture(cv2.GaussianBlur(photo, (0, 0), 0.7)).reason == ""


def test_a_reason_wins_over_any_threshold(sure, photo):
    assert sure["original"].detect_recapture(photo[:100], threshold=0).suggestion == "uncertainty"


@pytest.mark.parametrize("shape", [(1, 1), (1, 9000), (9000, 1), (15, 15), (2, 257), (255, 256)])
def test_tiny_pictures(engine, shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    result = engine.detect_recapture(pixels)
    assert result.size == (shape[1], shape[0]) and not result.barcode
    if min(shape) < LEAST_SIDE:
        assert result.reason.startswith("too small") and result.suggestion == "uncertainty"
    assert_inside(result)


def assert_inside(result):
    width, height = result.size
    for crop in result.crops:
        box = crop.box
        assert box.left >= 0 and box.top >= 0 and box.width > 0 and box.height > 0
        assert box.left + box.width <= width and box.top + box.height <= height


@pytest.mark.parametrize("size", [(320, 240), (200, 300), (700, 240), (1400, 1000)])
def test_crops_lie_in_the_photo(engine, label, size):
    result = engine.detect_recapture(np.ascontiguousarray(label[0][: size[1], : size[0]]))
    assert result.size == size and 2 <= len(result.crops) <= 10
    assert_inside(result)
    *crops, whole = result.crops
    assert (whole.box.left, whole.box.top, whole.box.width, whole.box.height) == (0, 0, *size)
    for crop in crops:
        assert (crop.box.width, crop.box.height) == (min(SIDE, size[0]), min(SIDE, size[1]))
        assert 0 <= crop.screen <= 1 and 0 <= crop.print <= 1 and crop.screen + crop.print <= 1 + 1e-5


def test_every_kind_of_picture(engine, photo):
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    expected = engine.detect_recapture(photo)
    deep = photo.astype(np.uint16) * 257
    for same in (saved(photo, "PNG"), saved(photo, "BMP"), Image.fromarray(photo), deep):
        assert engine.detect_recapture(same) == expected
    opaque = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])
    assert engine.detect_recapture(opaque) == expected
    assert engine.detect_recapture(torch.from_numpy(photo.copy()).permute(2, 0, 1)) == expected
    assert engine.detect_recapture(grey) == engine.detect_recapture(np.dstack([grey] * 3))
    for mode in ("CMYK", "P", "LA", "1"):
        assert engine.detect_recapture(Image.fromarray(photo).convert(mode)).size == (320, 240)
    assert engine.detect_recapture(CAT).size == (451, 300)


@pytest.mark.parametrize("bad", [b"", b"not a picture", np.zeros((0, 5, 3), np.uint8)])
def test_what_is_no_picture_is_refused(engine, bad):
    with pytest.raises(ImageError):
        engine.detect_recapture(bad)


def test_a_turned_photo_is_judged_as_it_is_shown(engine, photo):
    exif = Image.Exif()
    exif[274] = 6  # turned by 90 degrees
    file = saved(photo, "JPEG", quality=95, exif=exif)
    assert engine.detect_recapture(file).size == (240, 320)


def test_a_barcode_is_found_and_looked_at(engine, label):
    scene, (x, y) = label
    ((found_x, found_y),) = find_barcodes(scene)
    assert abs(found_x - x) < 20 and abs(found_y - y) < 70
    result = engine.detect_recapture(scene)
    first = result.crops[0].box
    assert result.barcode
    assert first.left <= x < first.left + SIDE and first.top <= y < first.top + SIDE


def test_a_barcode_is_found_where_it_is_in_a_large_photo(label):
    scene, (x, y) = label
    ((found_x, found_y),) = find_barcodes(cv2.resize(scene, None, fx=2.5, fy=2.5))
    assert abs(found_x - 2.5 * x) < 40 and abs(found_y - 2.5 * y) < 160


def test_in_a_small_photo_a_barcode_is_looked_at_too(engine, label):
    scene, (x, y) = label
    result = engine.detect_recapture(np.ascontiguousarray(scene[y - 80 : y + 80, x - 300 : x + 300]))
    assert result.barcode and result.reason.startswith("too small")
    first = result.crops[0].box
    assert abs(first.left + first.width / 2 - 300) < 40


def test_elsewhere_there_is_no_barcode(engine, photo):
    assert find_barcodes(photo) == [] and not engine.detect_recapture(photo).barcode
    assert find_barcodes(read_rgb(CAT).pixels) == []


def test_it_can_be_drawn_and_written(engine, label):
    scene, _ = label
    for picture in (scene, np.ascontiguousarray(scene[:20, :30])):
        result = engine.detect_recapture(picture)
        before = picture.copy()
        drawn = result.draw(picture)
        assert drawn.mode == "RGB" and min(drawn.size) > 40 and np.array_equal(picture, before)
        assert '"suggestion": "' in result.to_json()


def test_sure_crops_are_green_or_red(sure, photo):
    def share(name, color):
        drawn = np.asarray(sure[name].detect_recapture(photo).draw(photo)).astype(int)
        return (np.abs(drawn - color).max(2) < 12).mean()

    green, red = (0x12, 0xA9, 0x77), (0xE5, 0x48, 0x4D)
    assert share("original", green) > 10 * share("original", red)
    assert share("recapture", red) > 10 * share("recapture", green)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 2e-3), ("bf16", 0.06)])
def test_fused_and_packed_it_says_what_the_plain_network_says(recapture_weights, precision, tolerance):
    crops = np.stack([make_photo(SIDE, SIDE, seed) for seed in range(2)])
    tensors = load_file(recapture_weights / "recapture_s.safetensors")
    net = build_recapture_net(tensors)
    with torch.inference_mode():
        logits = net(torch.from_numpy(crops).permute(0, 3, 1, 2)[None] / 255)[0]
    expected = (1.5 * logits - torch.tensor([0.5, 0, 0])).softmax(0).numpy()
    found = RecaptureDetector(CPU, precision, recapture_weights)
    np.testing.assert_allclose(found.probabilities(crops)[0], expected, atol=tolerance)  # bf16 has 8 bits
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in found.net.modules())


def test_fusing_alone_changes_nothing(recapture_weights):
    net = build_recapture_net(load_file(recapture_weights / "recapture_s.safetensors"))
    x = torch.rand(1, 2, 3, SIDE, SIDE)
    with torch.inference_mode():
        before = net(x)
        torch.testing.assert_close(fuse(net)(x), before, rtol=1e-3, atol=1e-4)


def test_half_precision_of_the_weights_is_enough(detector, recapture_weights, tmp_path):
    tensors = load_file(recapture_weights / "recapture_s.safetensors")
    save_file({name: value.half() for name, value in tensors.items()}, tmp_path / "recapture_s.safetensors")
    crops = make_photo(SIDE, SIDE)[None]
    half = RecaptureDetector(CPU, "fp32", tmp_path)
    np.testing.assert_allclose(half.probabilities(crops)[0], detector.probabilities(crops)[0], atol=0.01)


@pytest.mark.parametrize("change", ["missing", "shape", "unknown"])
def test_weights_that_do_not_fit_are_refused(recapture_weights, tmp_path, change):
    tensors = load_file(recapture_weights / "recapture_s.safetensors")
    if change == "missing":
        del tensors["classes.weight"]
    elif change == "shape":
        tensors["classes.weight"] = torch.zeros(4, 160)
    else:
        tensors["other"] = torch.zeros(1)
    save_file(tensors, tmp_path / "recapture_s.safetensors")
    with pytest.raises(WeightsError, match="RecaptureNet"):
        RecaptureDetector(CPU, weights=tmp_path)


def test_weights_without_a_calibration_are_used_as_they_are(recapture_weights, tmp_path):
    tensors = load_file(recapture_weights / "recapture_s.safetensors")
    del tensors["calibration"]
    save_file(tensors, tmp_path / "recapture_s.safetensors")
    assert RecaptureDetector(CPU, weights=tmp_path).calibration == (1.0, 0.0)


def test_threads_share_one_detector(engine, photo):
    expected = engine.detect_recapture(photo)
    with ThreadPoolExecutor(4) as pool:
        assert all(found == expected for found in pool.map(engine.detect_recapture, [photo] * 6))


def test_it_is_loaded_once(recapture_weights, photo):
    engine = irs.Engine(device="cpu", weights=recapture_weights)
    with ThreadPoolExecutor(4) as pool:
        found = set(map(id, pool.map(lambda _: engine.load_recapture_detector(), range(4))))
    assert len(found) == 1


def test_it_is_a_verb_of_the_package(recapture_weights, photo, monkeypatch):
    monkeypatch.setattr(irs.default_engine(), "weights", recapture_weights)
    monkeypatch.setattr(irs.default_engine(), "_recapture_detector", None)
    result = irs.detect_recapture(photo, threshold=1)
    assert isinstance(result, irs.RecaptureResult) and result.suggestion == "uncertainty"


@pytest.mark.cuda
def test_cuda_agrees_with_the_cpu(detector, recapture_weights):
    crops = np.stack([make_photo(SIDE, SIDE, seed) for seed in range(3)])
    there = RecaptureDetector(torch.device("cuda"), "fp32", recapture_weights)
    for found, expected in zip(there.probabilities(crops), detector.probabilities(crops), strict=True):
        np.testing.assert_allclose(found, expected, atol=5e-3)
