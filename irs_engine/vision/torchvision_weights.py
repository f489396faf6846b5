"""torchvision's official detection weights: which there are, and how they get here, by torchvision's own API.

They are pickles, so their tensors alone are read, after the check of their hash, and kept as safetensors.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from irs_engine.errors import WeightsError
from irs_engine.weights import Entry, install_file

if TYPE_CHECKING:
    from torch import Tensor


def _entry(name: str, size: int) -> Entry:
    return {
        "file": f"{name}.safetensors",
        "bytes": size,
        "license": "BSD-3-Clause, trained on COCO",
        "architecture": name,
        "input": "RGB in 0..1, a list of (3, h, w)",
        "labels": ["coco"],
    }


MODELS: dict[str, Entry] = {  # by torchvision's names; bytes to be fetched
    name: _entry(name, size)
    for name, size in (
        ("ssdlite320_mobilenet_v3_large", 14_069_000),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", 77_845_000),
        ("fasterrcnn_mobilenet_v3_large_fpn", 77_845_000),
    )
}


def install_torchvision(source: str, *, name: str | None = None, progress: bool = False) -> Path:
    """Fetch one of MODELS into $IRS_WEIGHTS or the user's cache; it appears whole and checked, or not at all.

    Args:
        source: torchvision's name for the network.
        name: What to call the weights; that name by default.
        progress: Draw a bar on stderr.
    """
    from safetensors.torch import save_file
    from torchvision.models import get_model_weights

    from irs_engine.vision.nets.torchvision_net import build_torchvision_net

    if source not in MODELS:
        raise WeightsError(f"{source}: torchvision's detectors are {', '.join(MODELS)}; give one of them")
    url = get_model_weights(source).DEFAULT.url

    def write(path: Path) -> None:
        tensors = _fetch(source, progress)
        build_torchvision_net(source, tensors)  # so that what does not fit is not installed
        save_file({key: value.contiguous() for key, value in tensors.items()}, path, {"architecture": source})

    return install_file(name or source, {**MODELS[source], "source": url}, write)


def _fetch(name: str, progress: bool) -> dict[str, Tensor]:
    import http.client
    import pickle

    import torch
    from torchvision.models import get_model_weights

    weights = get_model_weights(name).DEFAULT
    with (
        tempfile.TemporaryDirectory(prefix="irs_engine-") as folder,
        contextlib.redirect_stdout(sys.stderr),  # where torch tells people what it fetches
    ):
        try:
            tensors = weights.get_state_dict(
                model_dir=folder,
                map_location="cpu",
                progress=progress,
                check_hash=True,
                weights_only=True,
            )
        except (OSError, http.client.HTTPException) as error:
            raise WeightsError(
                f"{name}: {weights.url} cannot be fetched ({error}); nothing was installed. Try again with "
                f"a network, or copy {name}.safetensors from a machine that has it and give it as weights"
            ) from error
        except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).partition("\n")[0]
            raise WeightsError(
                f"{name}: {weights.url} is not what torchvision published ({reason}); nothing was installed. "
                "Try again: it may have been damaged on its way"
            ) from error
    if not isinstance(tensors, dict) or not all(
        isinstance(value, torch.Tensor) for value in tensors.values()
    ):
        raise WeightsError(f"{name}: {weights.url} holds more than tensors; nothing was installed")
    return tensors
