"""Which weights look at photos: tags and embeddings of others do not compare."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from irs_engine.vision.torchvision_weights import MODELS
from irs_engine.weights import find_weights

if TYPE_CHECKING:
    from irs_engine.engine import Engine


def model_of(engine: Engine) -> str:
    """16 hexadecimal digits that another tagger or detector changes; no network is loaded for them."""
    digest = hashlib.blake2b(digest_size=8)
    for path in (
        find_weights("tagger_s", engine.weights),
        find_weights("detector_s", engine.weights, accepts=("DetectorNet", *MODELS)),
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()
