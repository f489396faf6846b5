import io

import numpy as np
import pytest
from PIL import Image

from irs_engine.album.photo_facts import exif_of, mirrored, perceptual_hash
from irs_engine.image import read_rgb

ORIGINAL, DIGITIZED, WRITTEN = 0x9003, 0x9004, 0x0132
NOON = 1719835200.0  # 2024-07-01T12:00:00, as if it were UTC


def jpeg(details=None, gps=None, **written):
    exif = Image.Exif()
    exif.update({WRITTEN: written["written"]} if written else {})
    if details:
        exif.get_ifd(0x8769).update(details)
    if gps:
        exif.get_ifd(0x8825).update(gps)
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def distance(a, b):
    return (a ^ b).bit_count() if a ^ b >= 0 else ((a ^ b) & (1 << 64) - 1).bit_count()


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (jpeg({ORIGINAL: "2024:07:01 12:00:00"}, written="2025:01:01 00:00:00"), NOON),
        (jpeg({ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "2024:07:01 12:00:00"}), NOON),
        (jpeg(written="2024:07:01 12:00:00"), NOON),
        (jpeg({ORIGINAL: "1965:02:03 04:05:06"}), -154900494.0),
        (jpeg({ORIGINAL: "2024:13:01 12:00:00"}), None),
        (jpeg({ORIGINAL: "    :  :     :  :  "}), None),
        (jpeg(), None),
    ],
)
def test_when(data, seconds):
    assert exif_of(data)[0] == seconds


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.2)}, (48.8583333, 2.2945)),
        ({1: "S", 2: (33.0, 51.5, 0.0), 3: "W", 4: (70.0, 0.0, 0.0)}, (-33.8583333, -70.0)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),  # no fix
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (48.0, 51.0, 30.0)}, None),
    ],
)
def test_where(gps, place):
    found = exif_of(jpeg({ORIGINAL: "2024:07:01 12:00:00"}, gps))
    assert found == (NOON, None if place is None else pytest.approx(place, abs=1e-6))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")  # pytest undoes the package's own
def test_broken_exif_is_no_exif():
    whole = jpeg({ORIGINAL: "2024:07:01 12:00:00"}, {1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)})
    start = whole.index(b"Exif\0\0") + 6
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole)
        for at in random.integers(start, start + 150, 3):
            damaged[at] = random.integers(256)
        taken, place = exif_of(bytes(damaged))
        assert taken is None or isinstance(taken, float)
        assert place is None or (abs(place[0]) <= 90 and abs(place[1]) <= 180)


def test_the_hash_stays_when_a_photo_is_resized_or_saved_again(photo):
    known = perceptual_hash(photo)
    assert -(1 << 63) <= known < 1 << 63
    smaller = np.asarray(Image.fromarray(photo).resize((160, 120), Image.Resampling.LANCZOS))
    out = io.BytesIO()
    Image.fromarray(photo).save(out, "JPEG", quality=30)
    for copy in (smaller, read_rgb(out.getvalue()).pixels, (photo * 0.8).astype(np.uint8)):
        assert distance(perceptual_hash(copy), known) <= 4


def test_other_photos_have_other_hashes(photo):
    random = np.random.default_rng(0)
    blobs = [
        np.asarray(Image.fromarray(random.integers(0, 256, (5, 7, 3), np.uint8)).resize((320, 240)))
        for _ in range(12)
    ]
    hashes = [perceptual_hash(pixels) for pixels in (photo, *blobs)]
    assert min(distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]) > 12


def test_the_hash_of_the_mirrored_photo_is_known(photo):
    twin = np.ascontiguousarray(photo[:, ::-1])
    assert distance(mirrored(perceptual_hash(photo)), perceptual_hash(twin)) <= 1  # sums in another order
    assert mirrored(mirrored(-5)) == -5
    assert distance(perceptual_hash(photo), perceptual_hash(twin)) > 12
