"""Exact search among embeddings, and the file beside the album that it reads."""

import shutil

import numpy as np
import pytest
from drawn_photos import draw
from PIL import Image
from stored_photos import WIDTH, store

from irs_engine.album import Album
from irs_engine.album.similar import nearest
from irs_engine.album.vectors import CHUNK, Vectors, read_vectors
from irs_engine.errors import AlbumError, ParameterError


def unit(values):
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def vectors_of(values):
    values = values.astype(np.float16)
    return Vectors(np.arange(len(values)), values, values.astype(np.float32).mean(0))


@pytest.fixture
def stored(album):
    """An album of 40 photos, their ids and embeddings."""
    values = unit(np.random.default_rng(1).standard_normal((40, WIDTH)) + 0.5).astype(np.float16)
    photos = [
        {"path": f"/p/{i}.jpg", "embedding": value, "tags": {"dog": 90}} for i, value in enumerate(values)
    ]
    return album, store(album, photos), values


def cosines(values, query):
    """Without the mean, in double precision."""
    values = values.astype(np.float64)
    return unit(values - values.mean(0)) @ unit(query.astype(np.float64) - values.mean(0))


def test_products_are_those_of_numpy():
    random = np.random.default_rng(0)
    values = random.standard_normal((2 * CHUNK + 7, 33)).astype(np.float16)
    values[0, :8] = [0, -0.0, 6e-8, -6e-8, 6.1e-5, 65504, -65504, 1]  # zeros, subnormals, extremes
    queries = random.standard_normal((3, 33)).astype(np.float32)
    exact = values.astype(np.float64) @ queries.T.astype(np.float64)
    assert np.allclose(vectors_of(values).products(queries), exact, rtol=1e-5, atol=1e-4)


def test_nearest_is_exact():
    random = np.random.default_rng(0)
    values = unit(random.standard_normal((700, 24)) + 1)
    vectors = vectors_of(values)
    for row in (0, 699):
        expected = cosines(vectors.values, vectors.values[row])
        expected[row] = -np.inf
        rows, found = nearest(vectors, vectors.values[row], 25, but=row)
        assert np.allclose(found, np.sort(expected)[::-1][:25], atol=2e-3)
        assert np.allclose(expected[rows], found, atol=2e-3)
    rows, _ = nearest(vectors, vectors.values[5], 5000)
    assert sorted(rows) == list(range(700)) and rows[0] == 5


def test_similar_to_a_photo_by_id_path_and_itself(stored):
    album, ids, values = stored
    expected = cosines(values, values[7])
    expected[7] = -np.inf
    order = [ids[row] for row in np.argsort(-expected)[:5]]
    for given in (ids[7], "/p/7.jpg", album.photo(ids[7])):
        found = album.similar(given, limit=5)
        assert [one.photo.id for one in found] == order
        assert found[0].similarity == pytest.approx(expected.max(), abs=2e-3)


def test_limits_and_errors(stored):
    album, ids, _ = stored
    assert len(album.similar(ids[0], limit=1000)) == 39
    with pytest.raises(ParameterError, match="from 1 to"):
        album.similar(ids[0], limit=0)
    with pytest.raises(AlbumError, match="index its folder"):
        album.similar(10**6)


def test_the_file_beside_is_used_and_follows_the_album(stored):
    album, ids, values = stored
    first = read_vectors(album.database)
    file = album.path.with_name("album.db.vectors")
    before = file.stat().st_ino
    again = read_vectors(album.database)
    assert file.stat().st_ino == before  # not written again
    for found in (first, again):
        assert found.ids.tolist() == ids and np.array_equal(found.values, values)
        assert np.allclose(found.mean, values.astype(np.float32).mean(0), atol=1e-6)
    store(album, [{"path": "/p/new.jpg"}])
    assert len(read_vectors(album.database)) == 41 and len(again) == 40


@pytest.mark.parametrize("damage", [b"", b"IRSVEC1\n", b"something else entirely" * 10, None])
def test_a_damaged_file_is_made_anew(stored, damage):
    album, ids, _ = stored
    read_vectors(album.database)
    file = album.path.with_name("album.db.vectors")
    file.write_bytes(file.read_bytes()[:-1] if damage is None else damage)
    assert read_vectors(album.database).ids.tolist() == ids
    assert file.stat().st_size > 40 * 2 * WIDTH


def test_a_file_that_cannot_be_written_is_done_without(stored):
    album, ids, _ = stored
    album.path.with_name("album.db.vectors").mkdir()
    assert read_vectors(album.database).ids.tolist() == ids
    assert [path.name for path in album.path.parent.glob(".*vectors*")] == []


def test_embeddings_of_other_weights_are_left_out(stored):
    album, ids, _ = stored
    store(album, [{"path": f"/p/wide{i}.jpg", "embedding": np.ones(2 * WIDTH)} for i in range(2)])
    assert len(read_vectors(album.database)) == 2
    with pytest.raises(AlbumError, match="index its folder"):
        album.similar(ids[0])


def test_an_empty_album_has_nothing_similar(album, engine, tmp_path):
    album._engine = engine
    assert album.similar(Image.new("RGB", (64, 64))) == ()
    assert len(read_vectors(album.database)) == 0 == len(read_vectors(album.database))


def test_any_picture(folder, tmp_path, engine):
    """The same picture somewhere else is found, whatever kind of image it is given as."""
    with Album(tmp_path / "album.db", engine=engine) as album:
        album.index(folder)
        copy = tmp_path / "copy.jpg"
        shutil.copy(folder / "a.jpg", copy)
        for given in (copy, str(copy), copy.read_bytes(), Image.open(copy)):
            best = album.similar(given, limit=2)[0]
            assert best.photo.path == str(folder / "a.jpg") and best.similarity > 0.98
        assert album.similar(folder / "a.jpg")[0].photo.path != str(folder / "a.jpg")
        draw(tmp_path / "other.jpg", 9)
        assert len(album.similar(tmp_path / "other.jpg")) == 4
        store(album, [{"path": "/p/wide.jpg", "embedding": np.ones(2048)}])
        with pytest.raises(AlbumError, match="other weights"):
            album.similar(copy)
