import pytest
import torch

from irs_engine.device import choose_device, choose_threads, cuda_problem, wanted_device
from irs_engine.errors import DeviceError, ParameterError


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("IRS_DEVICE", raising=False)


def test_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu")


def test_auto_follows_the_machine(monkeypatch):
    assert choose_device().type == ("cpu" if cuda_problem() else "cuda")
    monkeypatch.setenv("IRS_DEVICE", "CPU")
    assert choose_device() == torch.device("cpu")


def test_an_argument_wins_over_the_variable(monkeypatch):
    monkeypatch.setenv("IRS_DEVICE", "cuda:7")
    assert wanted_device("cpu") == "cpu"
    assert wanted_device() == "cuda:7"


def test_cuda_where_there_is_none_says_why_not(monkeypatch):
    if cuda_problem() is None:
        pytest.skip("this machine has CUDA")
    with pytest.raises(DeviceError, match=r"CUDA cannot be used here: .+; use device='cpu' or 'auto'"):
        choose_device("cuda")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(DeviceError, match="torch is a CPU build"):
        choose_device("cuda:0")


@pytest.mark.cuda
def test_cuda():
    assert choose_device("cuda") == torch.device("cuda:0")
    with pytest.raises(DeviceError, match="use cuda:0 to"):
        choose_device("cuda:99")


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cuda:-1", "cuda:1.5", "", "CPU ", None])
def test_spelling(wanted):
    with pytest.raises(DeviceError, match="expected auto, cpu, cuda or cuda:N"):
        wanted_device(wanted)


def test_a_bad_variable_is_named(monkeypatch):
    monkeypatch.setenv("IRS_DEVICE", "tpu")
    with pytest.raises(DeviceError, match="IRS_DEVICE='tpu'"):
        choose_device()


def test_threads():
    assert choose_threads(3) == 3 and choose_threads() >= 1
    for wrong in (0, -1, 1.0, True, "2"):
        with pytest.raises(ParameterError, match="threads"):
            choose_threads(wrong)
