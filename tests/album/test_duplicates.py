"""Copies that are planted and must be found, and photos that look alike and must not."""

import io

import numpy as np
import pytest
from PIL import Image
from stored_photos import WIDTH, store

from irs_engine.album.duplicates import SAME_BITS
from irs_engine.album.hashes import bits_between, close_pairs
from irs_engine.album.landmarks import first_alike
from irs_engine.album.photo_facts import mirrored, perceptual_hash
from irs_engine.album.vectors import Vectors


def picture(seed, size=(320, 240)):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def saved(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def row(path, image, seed, *, apart=0.1, **facts):
    """A photo whose embedding is that of its scene but for a random part of length `apart`."""
    scene, other = (np.random.default_rng(s).standard_normal(WIDTH) for s in (seed, abs(hash(path))))
    embedding = scene / np.linalg.norm(scene) + apart * other / np.linalg.norm(other)
    phash = perceptual_hash(np.array(image.convert("RGB")))
    return {"path": path, "size": image.size, "phash": phash, "embedding": embedding, **facts}


def groups(album):
    return {
        group.photo.path: {copy.photo.path: copy.kind for copy in group.copies}
        for group in album.duplicates()
    }


def test_planted_copies_are_found_and_named(album):
    rows = [row(f"/p/other{seed}.jpg", picture(seed), seed) for seed in range(10, 40)]
    image = picture(1)
    width, height = image.size
    rows += [
        row("/p/a/small.jpg", image.resize((160, 120)), 1),
        row("/p/a/poor.jpg", saved(image, 30), 1),
        row("/p/a/mirror.jpg", saved(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 80), 1),
        row("/p/a/crop.jpg", image.crop((width // 20, height // 20, width - 16, height - 12)), 1),
        row("/p/a/original.jpg", image, 1, bytes=5000, digest=b"o" * 16),
        row("/p/a/copied.jpg", image, 1, apart=0.1, bytes=5000, digest=b"o" * 16),
    ]
    store(album, rows)
    assert groups(album) == {
        "/p/a/original.jpg": {
            "/p/a/copied.jpg": "exact",
            "/p/a/poor.jpg": "re-saved",
            "/p/a/mirror.jpg": "mirrored",
            "/p/a/crop.jpg": "cropped",
            "/p/a/small.jpg": "resized",
        }
    }


def test_a_series_is_no_copy(album):
    image = picture(2)
    store(album, [row(f"/p/{s}.jpg", image, 2, apart=0.01, taken=1e9 + 3 * s) for s in range(5)])
    assert groups(album) == {}


def test_a_copy_that_lost_its_time_is_found_in_a_series(album):
    image = picture(2)
    series = [row(f"/p/{s}.jpg", image, 2, apart=0.01, taken=1e9 + 3 * s) for s in range(3)]
    store(album, [*series, row("/p/sent.jpg", image.resize((160, 120)), 2, apart=0.01)])
    store(album, [row("/p/kept.jpg", image.resize((160, 120)), 2, apart=0.01, taken=1e9 + 3)])
    found = groups(album)
    assert found["/p/1.jpg"] == {"/p/kept.jpg": "resized"} and found["/p/0.jpg"] == {"/p/sent.jpg": "resized"}


@pytest.mark.parametrize(("alike", "near"), [(True, False), (False, True)])
def test_hash_and_embedding_must_agree(album, alike, near):
    first, second = picture(3), picture(3 if alike else 4)
    store(album, [row("/p/a.jpg", first, 5), row("/p/b.jpg", second, 5 if near else 6)])
    assert groups(album) == {}


def test_what_is_like_a_copy_must_be_like_the_original(album):
    """Frames that drift: each is like the one before, the last is not like the first."""
    base = np.random.default_rng(0).integers(-(2**63), 2**63 - 1)
    hashes = [int(base)]
    for step in range(1, 4):
        change = sum(1 << (10 * step + bit) for bit in range(SAME_BITS))
        hashes.append(hashes[-1] ^ change)
    rows = [row(f"/p/{i}.jpg", picture(1), 1, apart=0.42 * (i % 2)) for i in range(4)]
    for one, phash in zip(rows, hashes, strict=True):
        one["phash"] = phash
    store(album, rows)
    found = groups(album)
    assert "/p/3.jpg" not in found.get("/p/0.jpg", {}) and "/p/1.jpg" in found["/p/0.jpg"]


def test_an_empty_album_and_the_same_twice(album):
    assert groups(album) == {}
    rows = [
        row("/p/a.jpg", picture(1), 1, digest=b"a" * 16),
        row("/p/b.jpg", picture(1), 1, digest=b"a" * 16),
    ]
    store(album, rows)
    assert groups(album) == groups(album) == {"/p/a.jpg": {"/p/b.jpg": "exact"}}


@pytest.mark.parametrize("most", [0, 3, 7, 9])
def test_close_hashes_as_all_with_all(most):
    random = np.random.default_rng(most)
    hashes = random.integers(-(2**63), 2**63 - 1, 800).view(np.uint64)
    for i in range(300):  # hashes that differ in a few bits
        hashes[500 + i] = hashes[i]
        for bit in random.choice(64, random.integers(0, 12), replace=False):
            hashes[500 + i] ^= np.uint64(1) << np.uint64(bit)
    expected = {(i, j) for i, j in np.argwhere(bits_between(hashes[:, None], hashes[None]) <= most).tolist()}
    found = {
        (i, j) for rows in close_pairs(hashes, hashes, most) for i, j in zip(*map(list, rows), strict=True)
    }
    assert found == expected and len(expected) > 800


def test_landmarks_lead_to_nearly_all_that_is_alike():
    random = np.random.default_rng(0)
    scenes = random.standard_normal((600, 32)) + 0.5
    values = np.concatenate([scenes, scenes[:200] + 0.15 * random.standard_normal((200, 32))])
    values = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)
    vectors = Vectors(np.arange(800), values, values.astype(np.float32).mean(0))
    exact = np.triu(values.astype(np.float32) @ values.T.astype(np.float32), 1) >= 0.95
    everything = lambda i, j: np.ones(np.broadcast_shapes(i.shape, j.shape), bool)  # noqa: E731
    found = {
        (i, j)
        for rows in first_alike(vectors, 0.95, everything)
        for i, j in zip(*map(list, rows), strict=True)
    }
    assert exact.sum() >= 150 and all(exact[i, j] for i, j in found)
    assert len({j for _, j in found}) > 0.97 * exact.any(0).sum()
    nothing = lambda i, j: ~everything(i, j)  # noqa: E731
    assert not list(first_alike(vectors, 0.95, nothing))


def test_mirrored_hash_is_that_of_the_mirrored_picture():
    """What finding mirrored photos rests on."""
    pixels = np.array(picture(7))
    assert (
        bits_between(
            *(
                np.array([h], np.int64).view(np.uint64)
                for h in (perceptual_hash(pixels[:, ::-1].copy()), mirrored(perceptual_hash(pixels)))
            )
        )
        <= 1
    )
