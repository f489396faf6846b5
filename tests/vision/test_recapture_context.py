"""What the whole photo says of a recapture, beside the network: it counts, and only with the right tagger."""

import numpy as np
import pytest
import torch
from conftest import make_photo
from safetensors.torch import load_file, save_file

import irs_engine as irs
from irs_engine.errors import WeightsError
from irs_engine.vision.nets.recapture_net import CLASSES, SIDE
from irs_engine.vision.recapture import RecaptureDetector
from irs_engine.vision.recapture_context import RecaptureContext, context_of
from irs_engine.vision.tagger import Tagger, trunk_of
from irs_engine.weights import load_weights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tagger():
    return Tagger(CPU, "fp32")


@pytest.fixture(scope="module")
def weights(recapture_weights, tagger, tmp_path_factory):
    """The random weights with a context of random numbers that fits the shipped tagger."""
    random = torch.Generator().manual_seed(0)
    folder = tmp_path_factory.mktemp("context")
    context = {
        "context.weight": torch.randn(len(CLASSES), tagger.net.feature_width, generator=random),
        "context.bias": torch.tensor([0.5, 0.0, -1.0]),
        "context.trunk": torch.tensor(tagger.trunk),
    }
    save_file(
        load_file(recapture_weights / "recapture_s.safetensors") | context, folder / "recapture_s.safetensors"
    )
    return folder


def test_it_is_added_to_what_the_network_says(weights, recapture_weights, tagger, photo):
    crops = make_photo(SIDE, SIDE)[None]
    detector = RecaptureDetector(CPU, "fp32", weights)
    found, each = detector.probabilities(crops, photo)
    plain, _ = RecaptureDetector(CPU, "fp32", recapture_weights).probabilities(crops)
    tensors = context_of(load_file(weights / "recapture_s.safetensors"))
    logits = tensors["weight"].numpy() @ tagger.features([photo])[0] + tensors["bias"].numpy()
    expected = plain * np.exp(logits)
    np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-4)
    np.testing.assert_allclose(each[-1], found, atol=1e-4)  # the whole view, here of the only crop
    np.testing.assert_allclose(detector.probabilities(crops)[0], plain, atol=1e-6)


def test_of_several_crops_only_the_whole_view_has_it(weights, recapture_weights, photo):
    crops = np.stack([make_photo(SIDE, SIDE, seed) for seed in range(3)])
    _, found = RecaptureDetector(CPU, "fp32", weights).probabilities(crops, photo)
    _, plain = RecaptureDetector(CPU, "fp32", recapture_weights).probabilities(crops)
    np.testing.assert_allclose(found[:2], plain[:2], atol=1e-6)
    assert np.abs(found[2] - plain[2]).max() > 0.01


def test_an_engine_asks_its_own_tagger(weights, photo):
    engine = irs.Engine(device="cpu", precision="fp32", weights=weights)
    detector = engine.load_recapture_detector()
    assert detector.context.tagger is engine.load_tagger()
    assert engine.detect_recapture(photo, threshold=1).reason == ""


def test_beside_another_tagger_the_shipped_one_is_asked(weights, tagger):
    tensors = context_of(load_file(weights / "recapture_s.safetensors"))

    class Other:
        trunk = tagger.trunk + 1

    assert RecaptureContext(tensors, Other, lambda: tagger).tagger is tagger
    with pytest.raises(WeightsError, match="another tagger"):
        RecaptureContext(tensors, Other)


def test_a_trunk_is_told_from_others_whatever_its_heads():
    tensors = load_weights("tagger_s")
    heads = {name: value + 1 for name, value in tensors.items() if name.startswith("heads.")}
    assert trunk_of(tensors | heads) == trunk_of(dict(reversed(tensors.items()))) == trunk_of(tensors)
    name = next(name for name in tensors if not name.startswith(("heads.", "calibration.")))
    assert trunk_of(tensors | {name: tensors[name] + 1}) != trunk_of(tensors)


def test_the_shipped_weights_fit_the_shipped_tagger(tagger):
    assert int(context_of(load_weights("recapture_s"))["trunk"]) == tagger.trunk
