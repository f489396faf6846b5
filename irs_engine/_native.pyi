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
def luma(
    image: np.ndarray,  # (H, W, 3) uint8 or uint16
    out: np.ndarray,  # (H, W) float32 in 16/255..235/255
) -> None: ...
def merge_luma(
    image: np.ndarray,  # (H, W, 3) uint8 or uint16
    luma: np.ndarray,  # (n scale, W scale) float32
    out: np.ndarray,  # (n scale, W scale, 3), the type of the image
    first: int,  # row of the image that the first rows of out belong to
    scale: int,
) -> None: ...
def thumbnail(
    image: np.ndarray,  # (H, W, 3) uint8 or uint16
    out: np.ndarray,  # (h, w, 3) float32 in 0..1
) -> None: ...
def defog(
    image: np.ndarray,  # (H, W, 3) uint8 or uint16
    maps: np.ndarray,  # (h, w, 6) float32
    out: np.ndarray,  # (H, W, 3), the type of the image
    strength: float,  # 0 leaves the image as it is, 1 takes the haze away that was seen
    most: float,  # contrast is multiplied at most so many times
    exponent: float,  # the result is raised to it
) -> None: ...
def dark_enhance(
    image: np.ndarray,  # (H, W, 3) uint8 or uint16
    out: np.ndarray,  # (H, W, 3), the type of the image
    brightness: float,  # 0 leaves the image as it is, to 1
) -> None: ...
def bf16_pays() -> bool:
    """Whether torch's convolutions are quicker in bf16 than in fp32 on this CPU."""

def has_bf16() -> bool:
    """Whether networks may be asked for bf16: the instruction set in use is amx."""

def select_boxes(
    logits: np.ndarray,  # (places, classes) float32
    sides: np.ndarray,  # (places, 4 bins) float32: logits of left, top, right, bottom, in strides
    places: np.ndarray,  # (places, 3) float32: x, y and stride
    out: np.ndarray,  # (most, 6) float32: left, top, right, bottom, score, class; the likeliest first
    threshold: float,  # of the score
    most_overlap: float,  # intersection over union with a likelier box of the class
) -> int: ...
def suppress_boxes(
    boxes: np.ndarray,  # (n, 6) float32 as above, the likeliest first; those that stay move to the front
    most_overlap: float,
) -> int: ...

class Espcn:
    """ESPCN 5-3-3 with tanh; weights are float32, shaped as PyTorch's and copied."""

    band: int  # a band whose first row is a multiple of it has the bits of the whole picture
    halo: int  # rows of context that a band needs for that, where the picture goes on
    scale: int  # 3 or 4, as w3 says

    def __init__(
        self,
        w1: np.ndarray,  # (64, 1, 5, 5)
        b1: np.ndarray,  # (64)
        w2: np.ndarray,  # (32, 64, 3, 3)
        b2: np.ndarray,  # (32)
        w3: np.ndarray,  # (scale * scale, 32, 3, 3)
        b3: np.ndarray,  # (scale * scale)
    ) -> None: ...
    def run(
        self,
        luma: np.ndarray,  # (H, W) float32, 0..1; goes on with its edge samples
        out: np.ndarray,  # (n scale, W scale) float32
        first: int,  # row of luma that the first rows of out belong to
        bf16: bool,
    ) -> None: ...

class Srcnn:
    """Bicubic enlargement and SRCNN 9-5-5; weights are float32, shaped as PyTorch's and copied."""

    band: int
    halo: int
    scale: int

    def __init__(
        self,
        w1: np.ndarray,  # (64, 1, 9, 9)
        b1: np.ndarray,  # (64)
        w2: np.ndarray,  # (32, 64, 5, 5)
        b2: np.ndarray,  # (32)
        w3: np.ndarray,  # (1, 32, 5, 5)
        b3: np.ndarray,  # (1)
        scale: int,  # 3 or 4
    ) -> None: ...
    def run(
        self,
        luma: np.ndarray,  # (H, W) float32, 0..1; reflected by the enlargement, which goes on with its edges
        out: np.ndarray,  # (n scale, W scale) float32
        first: int,  # row of luma that the first rows of out belong to
        bf16: bool,
    ) -> None: ...

class HazeNet:
    """The network of irs_engine/enhance/haze_net.py; weights are float32, shaped as PyTorch's and copied."""

    def __init__(self, layers: list[tuple[np.ndarray, np.ndarray]]) -> None: ...
    def run(
        self,
        thumbnail: np.ndarray,  # (h, w, 3) float32, sides multiples of 32
        maps: np.ndarray,  # (h / 8, w / 8, 6) float32
    ) -> None: ...

def depthwise_gradient(
    x: np.ndarray,  # (N height, W, C) float32, C a multiple of 16
    gradient: np.ndarray,  # the same
    out: np.ndarray,  # (side, side, C) float32, side 3, 5 or 7
    height: int,  # of each of the N pictures
) -> None:
    """Of the kernels of a "same" depthwise convolution of stride 1."""

class MusicPeaks:
    """Peaks of the spectrogram of sound that comes in blocks, the same whatever their sizes."""

    def __init__(
        self,
        frame_reach: int,  # 1..15: frames and bins to each side within which a peak is the largest
        bin_reach: int,
        least: float,  # nepers above the mean around it
    ) -> None: ...
    def feed(self, samples: np.ndarray) -> None: ...  # (n,) float32, mono, 16 kHz
    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) int32 frames of 10 ms, ascending, and (n,) uint16 bins of 15.6 Hz; nothing can follow."""

def music_pairs(
    frames: np.ndarray,  # (n,) int32, ascending
    bins: np.ndarray,  # (n,) uint16, below 512
    fan: int,  # pairs of a peak
) -> tuple[np.ndarray, np.ndarray]:
    """(m,) uint32 keys of 23 bits, and (m,) int32 frames of the first peaks."""

def build_music_index(
    songs: list[tuple[np.ndarray, np.ndarray]],  # frames and bins as above
    fan: int,
    gap: int,  # hops of the timeline before each song
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The fields of irs_engine.music.index.IndexPart."""

def vote_music(
    keys: np.ndarray,  # (n,) uint32
    frames: np.ndarray,  # (n,) int32
    starts: np.ndarray,
    directory: np.ndarray,
    postings: np.ndarray,
    removed: np.ndarray,  # (songs,) bool
    early: int,  # hops before a song at which the query may begin
    least: int,  # votes
) -> tuple[np.ndarray, np.ndarray]:
    """(m,) int32 songs, ascending, and (m,) int32 votes: the most that an alignment of each has."""

def prove_music(
    frames: np.ndarray,  # of the query
    bins: np.ndarray,
    songs: list[np.ndarray],  # (n, 2) uint16 rows of IndexPart.peaks
    kernel: np.ndarray,  # (2, 3) float32, whole numbers: worth by bins and frames between two peaks
    usual: float,  # share of alignments, those of least worth, that say what chance gives
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each song float64 z, int32 coincidences, and int32 frame of the song at frame 0 of the query."""
