"""Fitting what the whole photo says of a recapture: it is found where there is something to find."""

import cv2
import pytest
import torch
from conftest import make_photo
from safetensors.torch import load_file

from irs_engine.train import recapture_context
from irs_engine.train.recapture_context import fit, main, of_real
from irs_engine.vision.nets.recapture_net import CLASSES
from irs_engine.vision.recapture import RecaptureDetector
from irs_engine.vision.tagger import Tagger


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.jpg"), make_photo(480, 420, number)[..., ::-1])
    return folder


def test_fit_finds_classes_and_balances_them():
    random = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 900 + [1] * 60 + [2] * 40)
    features = torch.randn(1000, 8, generator=random)
    features[torch.arange(1000), labels] += 4
    weight, bias = fit(features, labels, torch.full((1000,), 1e-3, dtype=torch.float64))
    found = (features @ weight.T + bias).argmax(1)
    assert weight.shape == (3, 8) and (found == labels).float().mean() > 0.95
    doubled, _ = fit(2 * features, labels, torch.full((1000,), 1e-3, dtype=torch.float64))
    torch.testing.assert_close(2 * doubled, weight, rtol=0.01, atol=1e-4)  # features are standardised


def test_real_photos_count_as_they_are_and_as_squares(photos, tmp_path):
    for name, some in (("original", range(4)), ("screen", range(1))):
        (tmp_path / "source" / name).mkdir(parents=True)
        for number in some:
            (tmp_path / "source" / name / f"{number}.jpg").write_bytes(
                (photos / f"{number}.jpg").read_bytes()
            )
    (tmp_path / "source" / "screen" / "broken.jpg").write_bytes(b"no photo")
    features, labels, weights = of_real(Tagger(torch.device("cpu")), [tmp_path / "source"])
    assert labels.tolist() == [0] * 8 + [1] * 2 and features.shape[0] == 10
    assert weights.sum() == pytest.approx(1) and weights[0] == pytest.approx(weights[8] * 2**-0.5)


def test_what_is_fitted_is_what_the_detector_uses(recapture_weights, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(recapture_context, "BATCH", 4)
    out = tmp_path / "out.safetensors"
    raw = recapture_weights / "recapture_s.safetensors"
    arguments = ["--weights", str(raw), "--photos", str(photos), "--views", "10", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["recapture_context", *arguments])
    main()
    detector, tensors = RecaptureDetector(torch.device("cpu"), "fp32", out), load_file(out)
    assert detector.calibration == (1.5, 0.5) and len(detector.context.logits(make_photo(300, 200))) == 3
    assert tensors["context.weight"].shape == (len(CLASSES), detector.context.tagger.net.feature_width)
    assert tensors["context.weight"].isfinite().all() and tensors["context.weight"].abs().max() > 0
