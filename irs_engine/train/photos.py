"""Training photos: many folders in, one pack of small JPEGs out, and random views of its pictures.

    python -m irs_engine.train.photos --out packs/everyday voc=photos/voc food=photos/food

A pack is `<out>.bin` (JPEG files end to end), `<out>.npy` (n + 1 byte offsets) and `<out>.tsv` (source and
file of each picture). Packs live outside the project.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import cv2
import numpy as np

JUDGES = ("ILSVRC2012_val", "Places365_val")  # in a file's name: photos that models are judged on everywhere
SHORT_SIDE = 224  # of the stored pictures: the scale at which the tagger will look at a photo


class PhotoPack:
    """Pictures of a pack by number, decoded to (H, W, 3) RGB uint8."""

    def __init__(self, path: str | Path):
        self.path = str(path)
        self.offsets = np.load(f"{path}.npy")
        self.data = np.memmap(f"{path}.bin", np.uint8, "r")
        self.names = Path(f"{path}.tsv").read_text().splitlines()

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, number: int) -> np.ndarray:
        jpeg = self.data[self.offsets[number] : self.offsets[number + 1]]
        photo = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
        assert photo is not None, "a pack holds what was encoded by pack()"
        return photo


def random_view(photo: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A (side, side, 3) uint8 crop at nearly the scale of serving, at times mirrored or in other light.

    The scale stays near that of the whole picture (0.7 to 1.2), so that a small view teaches the same local
    features that a larger one will need: cropping, not shrinking, is what makes it small.
    """
    height, width = photo.shape[:2]
    scale = np.exp(rng.uniform(np.log(0.7), np.log(1.2)))
    window = min(side / scale, height, width)
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    window_h, window_w = min(window * stretch, height), min(window / stretch, width)
    top, left = rng.uniform(0, height - window_h), rng.uniform(0, width - window_w)
    crop = photo[int(top) : int(top + window_h), int(left) : int(left + window_w)]
    shrinking = crop.shape[0] > side or crop.shape[1] > side
    view = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        view = view[:, ::-1]
    if rng.random() < 0.5:
        gain = np.exp(rng.uniform(-0.3, 0.3)) * np.exp(
            rng.uniform(-0.08, 0.08, 3)
        )  # exposure and white balance
        view = np.clip(view * gain.astype(np.float32), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(view)


def pack(out: Path, sources: dict[str, Path], smallest: int = 96, quality: int = 92) -> int:
    """Write the pack of all readable pictures below the given folders; returns how many there are.

    Left out are pictures whose short side has fewer than `smallest` pixels, and those of well-known
    validation sets.
    """
    offsets, names = [0], []
    with open(f"{out}.bin", "wb") as stream:
        for source, folder in sources.items():
            for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png")):
                if any(name in path.name for name in JUDGES):
                    continue
                photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
                if photo is None or min(photo.shape[:2]) < smallest:
                    continue
                shrink = SHORT_SIDE / min(photo.shape[:2])
                if shrink < 1:
                    photo = cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
                stream.write(cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
                offsets.append(stream.tell())
                names.append(f"{source}\t{path.relative_to(folder).as_posix()}")
    np.save(f"{out}.npy", np.array(offsets, np.int64))
    Path(f"{out}.tsv").write_text("\n".join(names))
    return len(names)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="path of the pack without suffix")
    parser.add_argument(
        "--smallest", type=int, default=96, help="shortest side of a picture that is taken, in pixels"
    )
    parser.add_argument("sources", nargs="+", metavar="name=folder")
    arguments = parser.parse_args()
    os.makedirs(arguments.out.parent, exist_ok=True)
    sources = {name: Path(folder) for name, folder in (item.split("=", 1) for item in arguments.sources)}
    print(pack(arguments.out, sources, arguments.smallest), "pictures")


if __name__ == "__main__":
    main()
