"""Where the networks run, and why not on CUDA."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
from typing import TYPE_CHECKING

from irs_engine.errors import DeviceError, ParameterError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

GPU_FILES = ("nvidiactl", "nvidia0", "dxg", "kfd", "nvhost-gpu", "nvmap")  # CUDA, WSL, ROCm, Jetson


def choose_device(wanted: str = "auto") -> torch.device:
    """What `auto` ($IRS_DEVICE, else CUDA where it works), `cpu`, `cuda` or `cuda:N` means here."""
    import torch

    wanted = wanted_device(wanted)
    if wanted == "cpu":
        return torch.device("cpu")
    problem = cuda_problem()
    if wanted == "auto":
        log.info("device: %s", f"cpu, cuda not used: {problem}" if problem else "cuda:0")
        return torch.device("cpu" if problem else "cuda:0")
    if problem:
        raise DeviceError(
            f"device={wanted!r}: CUDA cannot be used here: {problem}; use device='cpu' or 'auto'"
        )
    index = int(wanted.partition(":")[2] or 0)
    if index >= (count := torch.cuda.device_count()):
        raise DeviceError(
            f"device={wanted!r}: this machine has {count} CUDA device(s); use cuda:0 to cuda:{count - 1}"
        )
    return torch.device("cuda", index)


def is_cpu(wanted: str = "auto") -> bool:
    """Whether that means the CPU; torch, which takes a second to import, is only asked if it has to be."""
    wanted = wanted_device(wanted)
    if wanted != "auto":
        return wanted == "cpu"
    if "torch" not in sys.modules and (not _torch_is_installed() or not _a_gpu_is_there()):
        return True
    return choose_device(wanted).type == "cpu"


def wants_bf16(precision: str, device_type: str) -> bool:
    """Whether networks in torch compute in bf16: `auto` does on CUDA, and on CPUs that are quicker with it.

    Those have AMX or are AMD's with AVX-512 for bf16; there it takes half to three quarters of the time.
    """
    if precision == "auto":
        from irs_engine import _native

        return device_type == "cuda" or _native.bf16_pays()
    return precision == "bf16"


def _torch_is_installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def _a_gpu_is_there() -> bool:
    """Whether a driver shows a GPU; where that cannot be told, yes."""
    return sys.platform != "linux" or any(os.path.exists(f"/dev/{name}") for name in GPU_FILES)


def wanted_device(wanted: str = "auto") -> str:
    """The spelling checked, $IRS_DEVICE put in place of `auto`; looks at no hardware."""
    check_device(wanted)
    chosen = os.environ.get("IRS_DEVICE")
    return check_device(chosen.lower(), "IRS_DEVICE") if wanted == "auto" and chosen else wanted


def check_device(wanted: str, source: str = "device") -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(wanted)):
        raise DeviceError(f"{source}={wanted!r}: expected auto, cpu, cuda or cuda:N")
    return wanted


def cuda_problem() -> str | None:
    """Why CUDA cannot be used here, in a few words; None where it can."""
    import torch

    if not torch.version.cuda and not torch.version.hip:
        return "torch is a CPU build"
    try:
        torch.cuda.init()  # says more than is_available()
    except (RuntimeError, AssertionError) as error:
        return _first_sentence(str(error))
    if torch.cuda.device_count() == 0:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        return "the driver shows no device" + (
            f" (CUDA_VISIBLE_DEVICES={hidden})" if hidden is not None else ""
        )
    return None


def _first_sentence(text: str) -> str:
    return re.split(r"\.\s|\n", text.strip(), maxsplit=1)[0].rstrip(".")


def choose_threads(wanted: int | None = None) -> int:
    """CPU threads to use: the argument, $IRS_NUM_THREADS, else the CPUs that this process may use."""
    from irs_engine import _native

    return check_threads(wanted) or _native.num_threads()


def check_threads(wanted: int | None) -> int | None:
    if wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1):
        raise ParameterError(f"threads={wanted!r}: expected a whole number from 1 up")
    return wanted
