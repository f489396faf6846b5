"""Options and fixtures that all tests share."""

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from itertools import product

import hypothesis
import numpy as np
import pytest

# How long an example takes says nothing on a busy machine.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser):
    group = parser.getgroup("irs_engine")
    group.addoption("--isa", metavar="NAME", help="instruction set of the native code, as $IRS_ISA")
    group.addoption(
        "--device", choices=["cpu", "cuda"], default="cpu", help="where tests that ask for a device run"
    )


def pytest_configure(config):
    if config.getoption("--isa"):
        os.environ["IRS_ISA"] = config.getoption("--isa")  # read when the native module is imported


def pytest_generate_tests(metafunc):
    """A test that asks for `isa` runs with every instruction set of this machine."""
    named = (mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "isa" in metafunc.fixturenames and not any("isa" in names for names in named):
        from irs_engine import _native

        metafunc.parametrize("isa", _native.isas(), indirect=True)


@contextmanager
def instruction_set(name):
    from irs_engine import _native

    before = _native.isa()
    _native.set_isa(name)
    yield name
    _native.set_isa(before)


@pytest.fixture
def isa(request):
    """The instruction set that the native code uses during the test."""
    with instruction_set(request.param) as name:
        yield name


@pytest.fixture
def amx():
    """Like `isa`, for tests of what only AMX has."""
    from irs_engine import _native

    if "amx" not in _native.isas():
        pytest.skip("this CPU has no AMX")
    with instruction_set("amx"):
        yield


def pytest_collection_modifyitems(config, items):
    wanting = [item for item in items if item.get_closest_marker("cuda")]
    reason = wanting and why_no_cuda()
    for item in wanting:
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


def why_no_cuda():
    try:
        import torch
    except ImportError:
        return "torch is not installed"
    if torch.version.cuda is None:
        return "this torch is a CPU build"
    return "" if torch.cuda.is_available() else "torch finds no CUDA device"


@pytest.fixture(scope="session")
def device(request):
    """The name given with --device; skips where CUDA is asked for and missing."""
    name = request.config.getoption("--device")
    if name == "cuda" and (reason := why_no_cuda()):
        pytest.skip(reason)
    return name


def make_photo(width, height, seed=0):
    """(height, width, 3) RGB uint8: sky, hills, a sun, things with edges, and the noise of a sensor."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    image = np.stack([0.45 + 0.4 * y, 0.6 + 0.25 * y, 0.95 - 0.2 * y], axis=-1)
    for i, color in enumerate([(0.35, 0.45, 0.4), (0.25, 0.4, 0.2), (0.3, 0.25, 0.15)]):
        ridge = 0.45 + 0.17 * i + 0.05 * np.sin(x * random.uniform(5, 20) + random.uniform(0, 6))
        grain = 0.5 + 0.5 * np.sin(97 * x + 31 * i) * np.sin(83 * y)
        image = np.where((y > ridge)[..., None], np.array(color) + 0.12 * grain[..., None], image)
    image += 0.4 * np.exp(-((x - 0.75) ** 2 + (y - 0.2) ** 2) / 0.01)[..., None]
    for _ in range(8):
        left, top, size = random.uniform(0, 0.9), random.uniform(0.5, 0.9), random.uniform(0.03, 0.12)
        inside = (abs(x - left) < size) & (abs(y - top) < size / 2)
        image = np.where(inside[..., None], random.uniform(0, 1, 3), image)
    image += random.normal(0, 0.012, image.shape)
    return (image.clip(0, 1) * 255).round().astype(np.uint8)


@pytest.fixture(scope="session")
def photo():
    """(240, 320, 3) RGB uint8, drawn but with what photos have; read-only, as it is shared."""
    image = make_photo(320, 240)
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def tagger_weights(tmp_path_factory, detector_weights):
    """A tagger_s.safetensors of random numbers, beside it its manifest.json and the detector of
    `detector_weights`: files, not knowledge."""
    import torch
    from safetensors.torch import save_file

    from irs_engine.vision.nets.tagger_net import TaggerNet
    from irs_engine.vision.vocabulary import load_vocabulary

    torch.manual_seed(0)
    vocabulary = load_vocabulary()
    net = TaggerNet({head: len(vocabulary.labels(head)) for head in ("coco", "places")})
    path = tmp_path_factory.mktemp("weights") / "tagger_s.safetensors"
    save_file(net.state_dict(), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = {"file": path.name, "sha256": sha256, "bytes": path.stat().st_size, "license": "Apache-2.0"}
    entry["architecture"] = "TaggerNet"
    shutil.copy(detector_weights / "detector_s.safetensors", path.parent)
    (path.parent / "manifest.json").write_text(json.dumps({"tagger_s": entry}))
    return path


@pytest.fixture(scope="session")
def super_resolution_weights(tmp_path_factory):
    """A folder of {espcn, srcnn}_{x3, x4}{, _jpeg}.safetensors of random numbers."""
    import torch
    from safetensors.torch import save_file

    from irs_engine.enhance.nets import NETWORKS

    folder = tmp_path_factory.mktemp("super_resolution")
    torch.manual_seed(0)
    for model, network in NETWORKS.items():
        for scale, repair in product((3, 4), ("", "_jpeg")):
            net = network(scale)
            for layer in (net.conv1, net.conv2, net.conv3):
                torch.nn.init.normal_(layer.weight, 0.02, 0.1)
                layer.weight.data /= layer.weight.abs().sum((1, 2, 3), keepdim=True)
                torch.nn.init.normal_(layer.bias, 0, 0.05)
            save_file(net.state_dict(), folder / f"{model.lower()}_x{scale}{repair}.safetensors")
    return folder


@pytest.fixture(scope="session")
def haze_weights(tmp_path_factory):
    """A folder with a haze_s.safetensors of random numbers that give lively maps."""
    import torch
    from safetensors.torch import save_file

    from irs_engine.enhance.haze_net import HazeNet

    torch.manual_seed(0)
    net = HazeNet()
    for parameter in net.parameters():
        fan = parameter[0].numel() if parameter.ndim > 1 else 4
        torch.nn.init.normal_(parameter, 0, fan**-0.5)
    with torch.no_grad():
        net.maps.bias.copy_(torch.tensor([0.8, 0.7, 0.6, -0.5, 0.7, 1.5]))
    folder = tmp_path_factory.mktemp("haze")
    save_file(net.state_dict(), folder / "haze_s.safetensors")
    return folder


@pytest.fixture(scope="session")
def recapture_weights(tmp_path_factory):
    """A folder with a recapture_s.safetensors of random numbers that tell some pictures from others."""
    import torch
    from safetensors.torch import save_file

    from irs_engine.vision.nets.recapture_net import SIDE, RecaptureNet

    torch.manual_seed(0)
    net = RecaptureNet().train()
    pictures = torch.from_numpy(np.stack([make_photo(SIDE, SIDE, seed) for seed in range(4)])) / 255
    stripes = (2.2 * torch.arange(SIDE)).cos()[:, None].expand(SIDE, SIDE, 3) / 4 + 0.5
    pictures = torch.stack([*pictures, stripes, torch.rand(SIDE, SIDE, 3), 0.2 * pictures[0] + 0.6])
    pictures = pictures.permute(0, 3, 1, 2)
    with torch.no_grad():
        for _ in range(5):
            net.features(pictures)
        found = net.eval().classes(net.features(pictures))
        net.classes.weight /= found.std(0)[:, None]
        net.classes.bias.copy_((net.classes.bias - found.mean(0)) / found.std(0))
    folder = tmp_path_factory.mktemp("recapture")
    tensors = net.state_dict() | {"calibration": torch.tensor([1.5, 0.5])}
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, folder / "recapture_s.safetensors")
    return folder


@pytest.fixture(scope="session")
def detector_weights(tmp_path_factory):
    """A folder with a small detector_s.safetensors of random numbers that sees something everywhere."""
    import torch
    from safetensors.torch import save_file

    from irs_engine.vision.nets.detector_net import DetectorNet

    torch.manual_seed(5)
    net = DetectorNet(80, (8, 8, 16, 16))
    for head in net.heads:
        torch.nn.init.normal_(head.classes.weight, std=1.0)
        torch.nn.init.constant_(head.classes.bias, -1.0)
    pictures = torch.from_numpy(np.stack([make_photo(128, 128, seed) for seed in range(4)]))
    with torch.no_grad():
        for _ in range(5):
            net.train()(pictures.permute(0, 3, 1, 2) / 127.5 - 1)  # its norms learn what photos are like
    folder = tmp_path_factory.mktemp("detector")
    save_file(net.state_dict(), folder / "detector_s.safetensors")
    return folder
