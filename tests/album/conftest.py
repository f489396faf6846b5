"""Albums to test: small photos that are drawn here, small random networks, and photos with given tags."""

import os

import numpy as np
import pytest
from drawn_photos import draw

from irs_engine.album import Album
from irs_engine.album.records import Content, File, store_content
from irs_engine.album.tag_rows import ensure_tags
from irs_engine.engine import Engine
from irs_engine.vision.vocabulary import load_vocabulary


@pytest.fixture(scope="session")
def engine(tagger_weights):
    return Engine("cpu", weights=tagger_weights.parent)


@pytest.fixture
def folder(tmp_path):
    """Four photos, one of them in a subfolder, and no album beside them."""
    shots = tmp_path / "shots"
    for number, name in enumerate(("a.jpg", "b.png", "c.webp", "deep/d.jpg")):
        draw(shots / name, number)
    return shots


@pytest.fixture
def album(tmp_path):
    with Album(tmp_path / "album.db") as opened:
        yield opened


@pytest.fixture
def put(album):
    """Put a photo with given tags (confidence by name or id) into the album; its id."""
    by_name = {tag.en: tag.id for tag in load_vocabulary().tags}
    random = np.random.default_rng(0)

    def put(path, tags, *, digest=None, taken=None, place=None, phash=0, model="test"):
        keys = [by_name.get(name, name) for name in tags]
        vector = random.standard_normal(16)
        with album.database.write() as connection:
            rows = ensure_tags(connection, [load_vocabulary()[key] for key in keys])
            content = Content(
                digest or os.urandom(16),
                (640, 480),
                taken,
                place,
                phash,
                (vector / np.linalg.norm(vector)).astype(np.float16).tobytes(),
                list(zip(rows, map(float, tags.values()), strict=True)),
                [(rows[0], 10.0, 20.0, 30.0, 40.0, 90.0)] if rows else [],
            )
            store_content(connection, File(str(path), 1000, 1), content, model)
        return album.id_of(path)

    return put
