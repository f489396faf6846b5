"""The NEON kernels, cross-compiled and run under emulation, against the oracles of their own tests."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from luma_networks import make_luma
from native import test_espcn, test_srcnn

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"

pytestmark = pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR) and CSRC.is_dir()),
    reason=f"needs {COMPILER}, {EMULATOR} and the C++ sources",
)

NETWORKS = {
    "espcn": (test_espcn.make_weights, test_espcn.expected, test_espcn.TOLERANCE),
    "srcnn": (lambda scale: test_srcnn.make_weights(), test_srcnn.expected, test_srcnn.TOLERANCE),
}


@pytest.fixture(scope="module", params=NETWORKS)
def program(request, tmp_path_factory):
    """(name of the network, the program that runs its kernel)."""
    pybind11 = pytest.importorskip("pybind11")
    path = tmp_path_factory.mktemp("aarch64") / request.param
    include = [CSRC, HERE / "emulated", pybind11.get_include(), sysconfig.get_path("include")]
    sources = [HERE / "emulated" / f"{request.param}.cpp", *sorted((CSRC / "core").glob("*.cpp"))]
    # The bindings to Python are compiled too, but never called: what they need may be missing.
    options = ["-std=c++17", "-O1", "-static", "-pthread", "-Wl,--unresolved-symbols=ignore-all"]
    subprocess.run(
        [COMPILER, *options, *(f"-I{folder}" for folder in include), *sources, "-o", path],
        check=True,
        capture_output=True,
    )
    return request.param, path


@pytest.mark.parametrize("scale", [3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (9, 23), (5, 70)])
def test_neon_agrees_with_the_oracle(program, size, scale):
    name, path = program
    make_weights, expected, tolerance = NETWORKS[name]
    arrays = [*make_weights(scale), make_luma(*size)]
    given = np.array([scale, *size], np.int32).tobytes() + b"".join(array.tobytes() for array in arrays)
    done = subprocess.run([EMULATOR, path], input=given, capture_output=True, check=True)
    found = np.frombuffer(done.stdout, np.float32).reshape(size[0] * scale, size[1] * scale)
    np.testing.assert_allclose(found, expected(size, scale), rtol=0, atol=tolerance)
