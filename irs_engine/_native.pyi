"""The native kernels. Arrays go in and out as they are: callers allocate, and pass what the comments say."""

import numpy as np

__version__: str

def isas() -> list[str]:
    """Instruction sets that this CPU runs, weakest first."""

def isa() -> str:
    """What the kernels use: the strongest of them, unless $IRS_ISA or `set_isa` says otherwise."""

def set_isa(name: str) -> None:
    """For tests and measurements; ValueError for one that is not in `isas()`."""

def num_threads() -> int:
    """Threads that a kernel may use: `set_num_threads`, else $IRS_NUM_THREADS, else `usable_cpus()`."""

def set_num_threads(count: int) -> None: ...
def usable_cpus() -> int:
    """CPUs within the affinity mask and the cgroup quota of this process."""

def cgroup_cpus(root: str = "") -> int:
    """The cgroup quota in CPUs, rounded up, or 0 where there is none; `root` stands for /."""

def parallel_ranges(count: int, grain: int, fail_at: int = -1) -> list[tuple[int, int]]:
    """Runs parallel_for over nothing and lists its ranges; fails inside it at `fail_at`. For tests."""

def resize_normalize(
    image: np.ndarray,  # (H, W, 3) uint8
    out: np.ndarray,  # (3, h, w) float32
    box: tuple[float, float, float, float],
    filter: int,
    scale: tuple[float, float, float],
    offset: tuple[float, float, float],
) -> None: ...
def resize(
    image: np.ndarray,  # (H, W[, C]) uint8, 1, 3 or 4 channels
    out: np.ndarray,  # (h, w[, C]) uint8
    box: tuple[float, float, float, float],
    filter: int,
) -> None: ...
