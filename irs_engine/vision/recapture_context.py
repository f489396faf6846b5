"""What the whole photo says of a recapture: rims of screens, pages of programs, borders of prints.

A linear map of the features that the tagger has of the photo, for what is large, beside the network of
nets/recapture_net.py for what is fine. It goes with the tagger whose features it was fitted to and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from irs_engine.errors import WeightsError
from irs_engine.vision.nets.recapture_net import CONTEXT

if TYPE_CHECKING:
    from torch import Tensor

    from irs_engine.vision.tagger import Tagger


class RecaptureContext:
    """Logits of original, screen and print by the features of a tagger.

    Args:
        tensors: `weight` (3, feature), `bias` (3,) and `trunk`, which that of the tagger has to equal.
        taggers: What may have that trunk, the first that does is used.

    Raises:
        WeightsError: None of the taggers has that trunk.
    """

    def __init__(self, tensors: Mapping[str, Tensor], *taggers: Callable[[], Tagger]):
        self.weight, self.bias = tensors["weight"].float().numpy(), tensors["bias"].float().numpy()
        wanted = int(tensors["trunk"])
        for load in taggers:
            self.tagger = load()
            if self.tagger.trunk == wanted:
                return
        raise WeightsError(
            "these weights of recapture detection were fitted to another tagger; install those of one version"
        )

    def logits(self, photo: np.ndarray) -> np.ndarray:
        """(H, W, 3) RGB uint8 to (3,)."""
        return self.weight @ self.tagger.features([photo])[0] + self.bias


def context_of(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Its tensors in a weights file, by their names without CONTEXT; none if the file has no context."""
    return {name.removeprefix(CONTEXT): value for name, value in tensors.items() if name.startswith(CONTEXT)}
