"""Are the student's filters its own? Its rows beside the best matching rows of the teachers, by cosine.

    python -m irs_engine.train.similarity --weights weights/tagger_s.safetensors --teachers teachers/

Rows of equal length are compared: whole filters (the stem's 3 x 3 x 3), pixel-wise maps of equal fan-in, and
single 3x3 slices. Smooth 3x3 slices match by chance, so slices are also held against the teacher's slices
turned and mirrored, which no copy would produce: a copy shows as a share well above that one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from irs_engine.train.teachers import Faculty

CLOSE = 0.95


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
    """(n, 9) kernels in their seven other orientations, (7 n, 9)."""
    square = kernels.view(-1, 3, 3)
    rotations = [square.rot90(k, (1, 2)) for k in range(4)]
    return torch.cat([r for r in rotations[1:]] + [r.flip(2) for r in rotations]).flatten(1)


def compare(student: dict[str, Tensor], teachers: list[Tensor]) -> list[tuple[str, int, int, float, float]]:
    """(what, rows, rows to compare with, share above CLOSE, mean best cosine)."""
    ours = {name: value.float() for name, value in student.items() if value.ndim == 4}
    table = []
    for name, weight in ours.items():
        peers = [filters(t) for t in teachers if t[0].numel() == weight[0].numel() and weight[0].numel() > 9]
        if peers:
            others = torch.cat(peers)
            table.append((name, len(weight), len(others), *share_close(filters(weight), others)))
    own = torch.cat([slices(w) for w in ours.values() if w.shape[-1] == 3])
    theirs = torch.cat([slices(t) for t in teachers if t.shape[-1] == 3])
    own = own[torch.randperm(len(own), generator=torch.Generator().manual_seed(0))[:5000]]
    table.append(("3x3 slices", len(own), len(theirs), *share_close(own, theirs)))
    chance = turned(theirs)
    table.append(("3x3 slices, teachers' turned", len(own), len(chance), *share_close(own, chance)))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    arguments = parser.parse_args()
    faculty = Faculty(arguments.teachers, second_opinion=True)
    teachers = [p.detach() for p in faculty.parameters() if p.ndim == 4]
    table = compare(load_file(arguments.weights), teachers)
    for what, rows, others, share, mean in table:
        beside = f"{rows:6d} rows beside {others:6d}"
        print(f"{what:45s} {beside}: {100 * share:5.2f} % above {CLOSE}, mean best {mean:.3f}")
    whole = [(rows, share) for what, rows, _, share, _ in table if "slices" not in what]
    total = sum(rows * share for rows, share in whole) / sum(rows for rows, _ in whole)
    print(f"whole filters: {100 * total:.2f} % above {CLOSE} (limit: 2 %)")


if __name__ == "__main__":
    main()
