"""Are the student's filters its own? Its rows beside the best matching rows of the teachers, by cosine.

    python -m irs_engine.train.similarity --weights weights/tagger_s.safetensors --teachers teachers/

A tagger is held against the teachers of the tagger, a detector against those of detectors. Rows of equal
length are compared: whole filters (the stem's 3 x 3 x 3), pixel-wise maps of equal fan-in, and single slices
of 3x3 or 5x5. Smooth slices match by chance, so they are also held against the teacher's slices turned and
mirrored, which no copy would produce: a copy shows as a share well above that one.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from irs_engine.train.detection_teachers import PICODET, YOLOX, filters_of
from irs_engine.train.teachers import Faculty
from irs_engine.vision.nets.detector_net import DetectorNet
from irs_engine.weights import architecture_of

CLOSE = 0.95
SIDES = (3, 5)  # of slices
DETECTORS = (PICODET, YOLOX)


def share_close(rows: Tensor, others: Tensor) -> tuple[float, float]:
    """Share of (n, d) rows whose best absolute cosine with one of (m, d) others exceeds CLOSE, and the mean
    best.
    """
    others = F.normalize(others, dim=1).T
    # A few hundred rows at a time: the teachers have a million slices.
    best = torch.cat([(part @ others).abs().amax(1) for part in F.normalize(rows, dim=1).split(256)])
    return float((best > CLOSE).float().mean()), float(best.mean())


def filters(weight: Tensor) -> Tensor:
    return weight.flatten(1)


def slices(weight: Tensor) -> Tensor:
    return weight.flatten(0, 1).flatten(1)


def turned(kernels: Tensor) -> Tensor:
    """(n, d) square kernels in their seven other orientations, (7 n, d)."""
    side = math.isqrt(kernels.shape[1])
    square = kernels.view(-1, side, side)
    rotations = [square.rot90(k, (1, 2)) for k in range(4)]
    return torch.cat([r for r in rotations[1:]] + [r.flip(2) for r in rotations]).flatten(1)


def compare(student: dict[str, Tensor], teachers: list[Tensor]) -> list[tuple[str, int, int, float, float]]:
    """(what, rows, rows to compare with, share above CLOSE, mean best cosine)."""
    ours = {
        name: value.float() if value.ndim == 4 else value.float()[:, :, None, None]
        for name, value in student.items()
        if value.ndim in (2, 4)
    }
    table = []
    for name, weight in ours.items():
        if weight.shape[1] == 1:
            continue  # a slice
        peers = [filters(t) for t in teachers if t.shape[1] > 1 and t[0].numel() == weight[0].numel()]
        if peers:
            others = torch.cat(peers)
            table.append((name, len(weight), len(others), *share_close(filters(weight), others)))
    for side in SIDES:
        own, theirs = (
            [slices(w) for w in weights if w.shape[-1] == side] for weights in (ours.values(), teachers)
        )
        if own and theirs:
            rows, others = torch.cat(own), torch.cat(theirs)
            rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:5000]]
            what = f"{side}x{side} slices"
            table.append((what, len(rows), len(others), *share_close(rows, others)))
            chance = turned(others)
            table.append((f"{what}, teachers' turned", len(rows), len(chance), *share_close(rows, chance)))
    return table


def teachers_of(weights: Path, folder: Path) -> list[Tensor]:
    """The (outputs, inputs, h, w) filters of those that such weights may have learned from."""
    if architecture_of(weights) == DetectorNet.__name__:
        return [tensor for name in DETECTORS for tensor in filters_of(folder / name)]
    faculty = Faculty(folder, second_opinion=True)
    return [p.detach() for p in faculty.parameters() if p.ndim == 4]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    arguments = parser.parse_args()
    teachers = teachers_of(arguments.weights, arguments.teachers)
    table = compare(load_file(arguments.weights), teachers)
    for what, rows, others, share, mean in table:
        beside = f"{rows:6d} rows beside {others:6d}"
        print(f"{what:45s} {beside}: {100 * share:5.2f} % above {CLOSE}, mean best {mean:.3f}")
    whole = [(rows, share) for what, rows, _, share, _ in table if "slices" not in what]
    total = sum(rows * share for rows, share in whole) / sum(rows for rows, _ in whole)
    print(f"whole filters: {100 * total:.2f} % above {CLOSE} (limit: 2 %)")


if __name__ == "__main__":
    main()
