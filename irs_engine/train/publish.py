"""Put trained weights into `weights/` and sign them in its manifest.

    python -m irs_engine.train.publish --weights tagger.safetensors --name tagger_s --figures figures.json

`figures` is any JSON of measured figures; the model card beside the file says in words how they were
measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

from safetensors import safe_open

from irs_engine.enhance.haze_net import HazeNet
from irs_engine.enhance.nets import Espcn, Srcnn
from irs_engine.vision.nets.detector_net import SIDE as DETECTOR_SIDE
from irs_engine.vision.nets.detector_net import DetectorNet
from irs_engine.vision.nets.recapture_net import SIDE, RecaptureNet
from irs_engine.vision.nets.tagger_net import TaggerNet

LARGEST = 25_000_000  # bytes; the repository is meant to be cloned
LUMA = "luma in 16/255..235/255, (N, 1, h, w)"
INPUTS = {
    TaggerNet.__name__: "RGB in -1..1, (N, 3, h, w), short side 224, long side a multiple of 32",
    Espcn.__name__: LUMA,
    Srcnn.__name__: LUMA,
    RecaptureNet.__name__: f"RGB in 0..1, (N, crops, 3, {SIDE}, {SIDE}), never scaled",
    DetectorNet.__name__: f"RGB in -1..1, (N, 3, {DETECTOR_SIDE}, {DETECTOR_SIDE}), a photo or a tile",
    HazeNet.__name__: "RGB in 0..1, (N, 3, h, w), long side 128, both multiples of 32",
}


def publish(weights: Path, name: str, folder: Path, architecture: str, figures: dict) -> dict:
    """Copy the file and write its manifest entry, which is returned.

    Raises:
        ValueError: The file is larger than a file of the repository may be.
    """
    size = weights.stat().st_size
    if size > LARGEST:
        raise ValueError(f"{weights} has {size} bytes, at most {LARGEST} are shipped")
    with safe_open(weights, "np") as file:
        names = file.keys()
        # A tagger has a head for each family of labels, a detector one for each scale.
        labels = (
            ["coco"]
            if architecture == DetectorNet.__name__
            else sorted(
                key.split(".")[1] for key in names if key.startswith("heads.") and key.endswith(".weight")
            )
        )
    target = folder / f"{name}.safetensors"
    shutil.copyfile(weights, target)
    entry = {
        "file": target.name,
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "bytes": size,
        "license": "Apache-2.0",
        "architecture": architecture,
        "input": INPUTS[architecture],
        "labels": labels,
        "figures": figures,
    }
    manifest = folder / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    manifest.write_text(
        json.dumps(entries | {name: entry}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--architecture", choices=INPUTS, default=TaggerNet.__name__)
    parser.add_argument("--folder", type=Path, default=Path("weights"))
    parser.add_argument("--figures", type=Path, help="JSON of measured figures")
    arguments = parser.parse_args()
    figures = json.loads(arguments.figures.read_text(encoding="utf-8")) if arguments.figures else {}
    entry = publish(arguments.weights, arguments.name, arguments.folder, arguments.architecture, figures)
    print(json.dumps(entry, indent=1))


if __name__ == "__main__":
    main()
