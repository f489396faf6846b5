"""Teach the tagger classes of one's own: a linear head on its features, in a minute or two on a CPU.

    irs-engine train classifier --data heads/ --out heads.safetensors

The file has all that the tagger knows, and beside it the head OWN, whose classes are tags like all others.
Every seventh photo of a class is kept to judge by, and to make confidences mean what they say.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from irs_engine.batches import read_ahead
from irs_engine.device import choose_device, choose_threads
from irs_engine.errors import IrsError
from irs_engine.image import Rgb, read_rgb
from irs_engine.resize import resize_normalize
from irs_engine.train.calibrate import fit_few
from irs_engine.train.class_folders import NONE, ClassFolders, Photos, read_class_folders
from irs_engine.train.own_files import find_start, named_out, part_of, prepare_out, put_in_place
from irs_engine.train.progress import Progress, time_left
from irs_engine.train.sheets import MOST, RIGHT, WRONG, Tile, write_sheet
from irs_engine.vision.detector import tags_of
from irs_engine.vision.nets.tagger_net import TaggerNet
from irs_engine.vision.tagger import MEAN, OWN, SHORT_SIDE, STD, WEIGHTS, Tagger, prepare
from irs_engine.weights import read_weights, weights_about

CROPS = 4  # views of a photo that are learned from, beside the whole and its mirror image
LEAST_CROP = 0.65  # of a side
LIGHT = 0.3  # how much brighter or darker, in powers of e
EPOCHS, BATCH, RATE, DECAY = 20, 256, 5e-3, 5.0
THRESHOLD = 60  # the default of `tag`
MOST_LISTED = 12  # classes of a table of what is taken for what


@dataclass(frozen=True)
class Features:
    """What the tagger sees in views of photos."""

    vectors: np.ndarray  # (photos, views, feature) float32
    labels: np.ndarray  # (photos,)


def train_classifier(
    data: str | Path,
    out: str | Path,
    *,
    start: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> dict[str, float]:
    """Learn the classes of a folder of folders; writes `out`, and beside it a sheet of photos (.png).

    Args:
        start: The tagger to add them to; the shipped one by default.

    Returns:
        Shares of the photos kept back that are taken for what they are: by class, and of "all".

    Raises:
        DatasetError: See `read_class_folders`.
    """
    progress = progress or Progress()
    where, out = choose_device(device), named_out(out)
    folders = read_class_folders(data, progress)
    prepare_out(out, TaggerNet.__name__, folders.shown)
    learn, judge = folders.split()
    counts = ", ".join(
        f"{name} {sum(of == i for _, of in folders.photos)}" for i, name in enumerate(folders.names)
    )
    progress.line(f"photos: {counts}; {len(judge)} of them are kept to judge by")
    if NONE not in folders.names:
        progress.line(f"every photo will be one of these: a folder {NONE}/ of other photos would change that")
    base = find_start(WEIGHTS, TaggerNet.__name__, start)
    tagger = Tagger(where, weights=base, threads=choose_threads())
    seen = features(tagger, learn, CROPS, progress)
    head = learn_head(seen, features(tagger, judge, None, progress), folders.names, progress)
    _write(base, head, folders.shown, out)
    return _judged(Tagger(where, weights=out), folders, judge, out, progress)


def features(tagger: Tagger, photos: Photos, crops: int | None, progress: Progress) -> Features:
    """Views of each photo as vectors: the whole, and with `crops` its mirror image and so many parts."""
    vectors = []
    started = time.monotonic()
    read = read_ahead((path for path, _ in photos), _read, readers=choose_threads(), depth=8)
    for number, (_, photo) in enumerate(read):
        if isinstance(photo, IrsError):
            raise photo
        rng = np.random.default_rng(number)
        views = np.stack([prepare(photo.pixels)] if crops is None else list(_views(photo.pixels, crops, rng)))
        with torch.inference_mode():
            x = torch.from_numpy(views).to(tagger.device, tagger.dtype, memory_format=torch.channels_last)
            vectors.append(tagger.net.pooled(x).float().cpu().numpy())
        done = number + 1
        left = time_left((time.monotonic() - started) / done * (len(photos) - done))
        progress.passing(f"{done} of {len(photos)} photos seen, {left}")
    return Features(np.stack(vectors), np.array([label for _, label in photos]))


def _views(pixels: np.ndarray, crops: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """As the tagger's network takes them, all of one shape."""
    whole = prepare(pixels)
    yield whole
    yield whole[..., ::-1]
    height, width = pixels.shape[:2]
    for _ in range(crops):
        w, h = (side * rng.uniform(LEAST_CROP, 1) for side in (width, height))
        box = (rng.uniform(0, width - w), rng.uniform(0, height - h), w, h)
        part = resize_normalize(pixels, (whole.shape[2], whole.shape[1]), box=box, mean=MEAN, std=STD)
        lit = (part + 1) * np.exp(rng.uniform(-LIGHT, LIGHT)).astype(np.float32) - 1
        yield np.clip(lit[..., :: rng.choice([-1, 1])], -1, 1)


def _read(path: Path) -> Rgb:
    return read_rgb(path, at_least=SHORT_SIDE)


@dataclass(frozen=True)
class Head:
    weight: torch.Tensor  # (classes, feature)
    bias: torch.Tensor  # (classes,)
    calibration: tuple[float, float]  # slope and shift of the log-odds


def learn_head(learn: Features, judge: Features, names: Sequence[str], progress: Progress) -> Head:
    """A softmax classifier of vectors; a class of few photos counts as much as one of many."""
    torch.manual_seed(0)
    _, views, size = learn.vectors.shape
    x = torch.from_numpy(learn.vectors).flatten(0, 1)
    labels = torch.from_numpy(learn.labels).repeat_interleave(views)
    mean, scale = x.mean(0), x.std(0)
    scale += 0.05 * scale.mean()  # what hardly varies stays small
    counts = torch.bincount(labels, minlength=len(names))
    weights = counts.sum() / (len(names) * counts)
    held_out = (torch.from_numpy(judge.vectors[:, 0]) - mean) / scale
    truth = torch.from_numpy(judge.labels)
    x = (x - mean) / scale

    net = nn.Linear(size, len(names))
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    steps = -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, EPOCHS * steps)
    for epoch in range(EPOCHS):
        sums = 0.0
        for batch in torch.randperm(len(x)).split(BATCH):
            loss = F.cross_entropy(net(x[batch]), labels[batch], weights)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            sums += loss.item() / steps
        with torch.no_grad():
            logits = net(held_out)
        shares = right_shares(logits.argmax(1).numpy(), judge.labels, names)
        loss = F.cross_entropy(logits, truth)
        figures = f"loss {sums:.3f}  of photos kept back {loss:.3f}  {_percents(shares)}"
        progress.line(f"epoch {epoch + 1} of {EPOCHS}  {figures}")
    weight = net.weight.detach() / scale
    calibration = calibrated(logits.softmax(1).numpy(), judge.labels, [name != NONE for name in names])
    return Head(weight, net.bias.detach() - weight @ mean, calibration)


def right_shares(found: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Of all, and of each class."""
    of_class = {name: float((found[truth == i] == i).mean()) for i, name in enumerate(names)}
    return {"all": float((found == truth).mean()), **of_class}


def _percents(shares: dict[str, float]) -> str:
    return "right: " + ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())


def calibrated(probabilities: np.ndarray, truth: np.ndarray, shown: Sequence[bool]) -> tuple[float, float]:
    """Slope and shift for (N, classes) probabilities of classes of which some are shown."""
    right = truth[:, None] == np.arange(probabilities.shape[1])
    return fit_few(probabilities[:, shown].ravel(), right[:, shown].ravel())


def _write(base: Path, head: Head, classes: Sequence[str | None], out: Path) -> None:
    tensors = read_weights(base)
    old = [name for name in tensors if name.split(".")[1:2] == [OWN]]
    tensors = {name: value for name, value in tensors.items() if name not in old}
    tensors |= {
        f"heads.{OWN}.weight": head.weight.half(),
        f"heads.{OWN}.bias": head.bias.half(),
        f"calibration.{OWN}": torch.tensor(head.calibration),
    }
    about = {"architecture": TaggerNet.__name__, "classes": json.dumps(classes, ensure_ascii=False)}
    save_file(tensors, part_of(out), weights_about(base) | about)
    put_in_place(out)


# What came of it, by the file itself.


def _judged(
    tagger: Tagger, folders: ClassFolders, judge: Photos, out: Path, progress: Progress
) -> dict[str, float]:
    """Tell how often each class is taken for which, and what tags are shown; write the sheet."""
    names = folders.names
    ids = [tag.id for tag in tagger.scorer.tags]
    columns = [ids.index(tag.id) for tag in tags_of([name for name in names if name != NONE])]  # NONE is last
    truth = np.array([label for _, label in judge])
    found, confidences = np.empty_like(truth), np.empty((len(truth), len(columns)))
    for number, (path, _) in enumerate(judge):
        logits = tagger.logits([_read(path).pixels])
        found[number] = logits[OWN][0].argmax()
        confidences[number] = 100 * tagger.scorer(logits)[0, columns]
    shares = right_shares(found, truth, names)
    progress.line(f"the file: {_percents(shares)}")
    if len(names) <= MOST_LISTED:
        table = np.zeros((len(names), len(names)), int)
        np.add.at(table, (truth, found), 1)
        progress.line(_confusion(table, names))
    shown, right = confidences >= THRESHOLD, truth[:, None] == np.arange(len(columns))
    progress.line(
        f"at the threshold {THRESHOLD}: {(shown & right).sum()} of {right.sum()} photos get their tag, "
        f"{(shown & ~right).any(1).sum()} a wrong one"
    )
    wrong = found != truth
    order = np.argsort(~wrong, kind="stable")
    chosen = [
        *order[wrong[order]][: MOST // 2],
        *np.random.default_rng(0).permutation(np.flatnonzero(~wrong)),
    ]
    tiles = []
    for number in chosen[:MOST]:
        tile = Tile(_read(judge[number][0]).pixels)
        name = names[found[number]]
        text = name if name == NONE else f"{name} {confidences[number, found[number]]:.0f}"
        tile.caption(*((f"{text}, is {names[truth[number]]}", WRONG) if wrong[number] else (text, RIGHT)))
        tiles.append(tile)
    progress.line(f"{write_sheet(tiles, out.with_suffix('.png'))}: photos and what they are taken for")
    return shares


def _confusion(table: np.ndarray, names: Sequence[str]) -> str:
    """Rows are what photos are, columns what they are taken for."""
    left = max(map(len, names))
    lines = ["taken for:".rjust(left) + "".join(f"  {name:>5}" for name in names)]
    for name, row in zip(names, table, strict=True):
        counts = (f"  {count:>{max(5, len(of))}}" for count, of in zip(row, names, strict=True))
        lines.append(name.rjust(left) + "".join(counts))
    return "\n".join(lines)
