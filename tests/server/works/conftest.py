"""The engine with small networks of random numbers."""

from io import BytesIO

import pytest
from PIL import Image


@pytest.fixture(scope="session")
def weights(tagger_weights, super_resolution_weights, haze_weights, recapture_weights):
    """Folders with weights for every verb."""
    return [tagger_weights.parent, super_resolution_weights, haze_weights, recapture_weights]


@pytest.fixture(scope="session")
def engine(weights):
    from irs_engine.engine import Engine

    return Engine(device="cpu", precision="fp32", weights=weights)


@pytest.fixture(scope="session")
def jpeg(photo):
    """`jpeg(width, height)`: a JPEG file of the photo."""

    def jpeg(width=320, height=240):
        file = BytesIO()
        Image.fromarray(photo).resize((width, height)).save(file, "JPEG", quality=90)
        return file.getvalue()

    return jpeg
