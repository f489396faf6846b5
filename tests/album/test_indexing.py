import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from drawn_photos import draw
from PIL import Image

from irs_engine.album import Album
from irs_engine.album.photo_facts import digest_of
from irs_engine.engine import Engine
from irs_engine.errors import AlbumError


@pytest.fixture
def album(tmp_path, engine):
    with Album(tmp_path / "album.db", engine=engine) as opened:
        yield opened


def rows(album, columns="path, id"):
    with album.database.read() as connection:
        return dict(connection.execute(f"SELECT {columns} FROM photos").fetchall())


def counts(report):
    named = report.to_dict()
    return {name: n for name, n in named.items() if name not in ("failed", "seconds", "skipped") and n}


def assert_as_tagged(photo, engine):
    """A photo with its tags from 20 on says what `tag` says; in a batch sums have another order."""
    tagged = {tag.id: tag for tag in engine.tag(photo.path, threshold=19).tags}
    assert {id for id, tag in tagged.items() if tag.confidence > 21} <= {tag.id for tag in photo.tags}
    for tag in photo.tags:
        other = tagged[tag.id]
        assert tag.confidence == pytest.approx(other.confidence, abs=0.5) and tag.zh == other.zh
        assert abs(len(tag.instances) - len(other.instances)) <= 1
    assert sum(len(tag.instances) for tag in photo.tags) > 0


def test_photos_are_found_with_what_they_show(album, folder, engine):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:07:01 12:30:00"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0), 3: "W", 4: (2.0, 0.0, 0.0)})
    exif[0x0112] = 6  # turned
    path = draw(folder / "turned.jpg", 9, exif=exif)
    seen = []
    report = album.index(folder, on_progress=seen.append)
    assert counts(report) == {"added": 5} and report.failed == ()
    assert [(step.done, step.total) for step in seen] == [(n, 5) for n in range(1, 6)] and seen[-1].left == 0

    found = album.photo(path, threshold=20)
    assert (found.size, found.taken) == ((64, 96), "2024-07-01T12:30:00")
    assert (found.place.latitude, found.place.longitude) == (48.5, -2.0)
    assert_as_tagged(found, engine)
    assert [photo.path for photo in album.photos()] == sorted(rows(album), key=rows(album).get)
    with album.database.read() as connection:
        blobs = connection.execute("SELECT vector FROM embeddings").fetchall()
        (digest,) = connection.execute("SELECT digest FROM photos WHERE path = ?", (str(path),)).fetchone()
    vectors = [np.frombuffer(blob, np.float16) for (blob,) in blobs]
    np.testing.assert_allclose(np.linalg.norm(np.float32(vectors), axis=1), 1, atol=1e-3)
    assert digest == digest_of(path.read_bytes())


def test_only_what_changed_is_looked_at_again(album, folder):
    album.index(folder)
    before, looked = rows(album), rows(album, "path, indexed")
    os.utime(folder / "a.jpg", ns=(1, 1))  # the same content, written again
    draw(folder / "b.png", 50)
    (folder / "c.webp").rename(folder / "deep" / "moved.webp")
    (folder / "deep" / "d.jpg").unlink()
    draw(folder / "new.jpg", 51)
    shutil.copy(folder / "new.jpg", folder / "a copy of new.jpg")
    report = album.index()
    assert counts(report) == {"added": 2, "changed": 1, "moved": 1, "removed": 1, "unchanged": 1}
    after = rows(album)
    assert {os.path.relpath(path, folder) for path in after} == {
        "a.jpg",
        "b.png",
        "deep/moved.webp",
        "new.jpg",
        "a copy of new.jpg",
    }
    for name, then in (("a.jpg", "a.jpg"), ("b.png", "b.png"), ("deep/moved.webp", "c.webp")):
        assert after[str(folder / name)] == before[str(folder / then)]
    assert rows(album, "path, indexed")[str(folder / "a.jpg")] == looked[str(folder / "a.jpg")]
    copy, new = (album.photo(folder / name, threshold=0) for name in ("a copy of new.jpg", "new.jpg"))
    assert copy.tags == new.tags and copy.id != new.id
    assert counts(album.index()) == {"unchanged": 5}


def test_photos_that_exchange_their_names_keep_their_tags(album, folder):
    album.index(folder)
    a, d = folder / "a.jpg", folder / "deep" / "d.jpg"
    before = {path: album.photo(path, threshold=0).tags for path in (a, d)}
    a.rename(folder / "x.jpg")
    d.rename(a)
    (folder / "x.jpg").rename(d)
    for path in (a, d):
        os.utime(path)
    assert not album.index().failed
    assert album.photo(a, threshold=0).tags == before[d] and album.photo(d, threshold=0).tags == before[a]
    digests = rows(album, "path, digest")
    assert digests[str(a)] == digest_of(a.read_bytes()) and digests[str(d)] == digest_of(d.read_bytes())


def test_a_disk_that_is_not_mounted_loses_nothing(album, folder, tmp_path):
    album.index(folder)
    away = tmp_path / "away"
    (folder / "deep").rename(away)
    (folder / "deep").mkdir()  # an empty mount point
    assert counts(album.index()) == {"unchanged": 3, "missing": 1}
    (folder / "deep").rmdir()  # a folder that was deleted
    assert counts(album.index()) == {"unchanged": 3, "removed": 1}
    folder.rename(tmp_path / "gone")
    report = album.index()
    assert counts(report) == {"missing": 3} and report.failed[0].path == str(folder)
    assert album.forget(folder) == 3 and rows(album) == {}
    with pytest.raises(AlbumError, match="nothing of this folder"):
        album.forget(folder)


def test_broken_files_are_listed_each_time_until_they_are_mended(album, folder):
    (folder / "bad.jpg").write_bytes(draw(folder / "whole.jpg", 7).read_bytes()[:300])
    (folder / "none.png").write_bytes(b"")
    errors = []
    report = album.index(folder, on_error=lambda path, error: errors.append(path))
    assert counts(report) == {"added": 5}
    assert [os.path.basename(f.path) for f in report.failed] == ["bad.jpg", "none.png"]
    assert errors == [failure.path for failure in report.failed] and all(f.error for f in report.failed)
    assert len(album.index().failed) == len(album.info().failed) == 2
    assert len(list(album.photos())) == 5
    with pytest.raises(AlbumError, match="could not be read"):
        album.photo(folder / "bad.jpg")
    shutil.copy(folder / "a.jpg", folder / "bad.jpg")
    draw(folder / "none.png", 8)
    report = album.index()
    assert counts(report) == {"added": 2, "unchanged": 5} and report.failed == ()


def test_corrections_survive_other_weights(album, folder, tagger_weights, tmp_path):
    from safetensors.torch import load_file, save_file

    album.index(folder)
    path = folder / "a.jpg"
    album.correct(path, add=["Grandma", "dog"])
    tensors = load_file(tagger_weights)
    tensors["heads.coco.bias"] = tensors["heads.coco.bias"] + 1
    save_file(tensors, tmp_path / "later.safetensors", metadata={"architecture": "TaggerNet"})
    later = Engine("cpu", weights=[tmp_path / "later.safetensors", tagger_weights.parent])
    with Album(album.path, engine=later) as opened:
        assert counts(opened.index()) == {"changed": 4}
        names = {tag.en: tag.confidence for tag in opened.photo(path).tags}
        assert names["Grandma"] == names["dog"] == names["animal"] == 100
        assert opened.photo(path, threshold=20).tags != album.photo(folder / "b.png", threshold=20).tags
        assert list(opened.info().models.values()) == [4]
        assert counts(opened.index()) == {"unchanged": 4}


def test_folders_within_folders_count_once(album, folder, monkeypatch):
    assert counts(album.index([folder, folder / "deep"])) == {"added": 4}
    monkeypatch.chdir(folder.parent)
    assert counts(album.index("shots", recursive=False)) == {"unchanged": 3}
    assert album.info().folders == (str(folder),)
    assert counts(album.index()) == {"unchanged": 4}


def test_what_is_no_folder_is_refused(album, folder):
    for wrong in (folder / "a.jpg", folder / "none"):
        with pytest.raises(AlbumError, match="not a folder"):
            album.index(wrong)
    with pytest.raises(AlbumError, match="give one"):
        album.index()


def test_an_interrupted_run_keeps_what_it_did(album, folder):
    def stop(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        album.index(folder, on_progress=stop)
    kept = len(rows(album))
    assert kept >= 2
    assert counts(album.index()) == {"added": 4 - kept, "unchanged": kept}


def test_two_may_index_the_same_folder_at_once(album, folder, engine):
    with Album(album.path, engine=engine) as other, ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda one: one.index(folder), (album, other)))
        assert all(report.added + report.unchanged == 4 and not report.failed for report in reports)
        assert len(rows(album)) == 4 and counts(other.index()) == {"unchanged": 4}
        for photo in other.photos(threshold=20):
            assert_as_tagged(photo, engine)


KILLED = """
import os, signal, sys
from irs_engine.album import Album, indexing
from irs_engine.engine import Engine

indexing.BATCH = indexing.COMMIT_PHOTOS = 4
folder, album, weights = sys.argv[1:]

def kill(progress):
    if progress.done == 14:
        os.kill(os.getpid(), signal.SIGKILL)

Album(album, engine=Engine("cpu", weights=weights)).index(folder, on_progress=kill)
"""


def test_a_killed_run_is_gone_on_with(tmp_path, engine, tagger_weights):
    for number in range(20):
        draw(tmp_path / "shots" / f"{number:02}.jpg", number)
    path = tmp_path / "album.db"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "shots"), str(path), str(tagger_weights.parent)]
    )
    assert done.returncode == -signal.SIGKILL
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    with Album(path, engine=engine) as album:
        kept = rows(album)
        assert len(kept) == 12  # three batches were written
        assert counts(album.index(tmp_path / "shots")) == {"added": 8, "unchanged": 12}
        assert rows(album).items() >= kept.items()
        for photo in album.photos(threshold=20):
            assert_as_tagged(photo, engine)
