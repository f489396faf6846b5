import os

import pytest

from irs_engine.album.walk import is_below, range_below, walk


def names(found, root):
    return sorted(os.path.relpath(path, root) for path in found.files)


@pytest.fixture
def root(tmp_path):
    for name in ("b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "deep/c.webp", ".cache/d.jpg", "empty/.keep"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path


def test_pictures_are_found_with_size_and_time(root):
    found = walk({str(root): True})
    assert names(found, root) == ["a.PNG", "b.jpg", "deep/c.webp"]
    info = (root / "b.jpg").stat()
    assert found.files[str(root / "b.jpg")] == (info.st_size, info.st_mtime_ns)
    assert not found.failed and not found.absent
    assert names(walk({str(root): False}), root) == ["a.PNG", "b.jpg"]


def test_photos_of_other_kinds_are_counted(root):
    for name in ("x.HEIC", "deep/y.heic", "deep/z.cr2", ".hidden.heic"):
        (root / name).write_bytes(b"x")
    found = walk({str(root): True})
    assert found.skipped == {".heic": 2, ".cr2": 1} and len(found.files) == 3


def test_links_to_folders_are_not_followed(root):
    (root / "deep" / "up").symlink_to(root)
    (root / "deep" / "link.jpg").symlink_to(root / "b.jpg")
    (root / "deep" / "dangling.jpg").symlink_to(root / "gone.jpg")
    assert names(walk({str(root): True}), root) == ["a.PNG", "b.jpg", "deep/c.webp", "deep/link.jpg"]


def test_an_empty_or_missing_folder_says_nothing_about_what_was_in_it(root):
    (root / "empty" / ".keep").unlink()
    found = walk({str(root): True, str(root / "gone"): True})
    for name in ("empty/x.jpg", "gone/y/x.jpg"):
        assert found.may_hold(str(root / name))
    for name in ("deep/x.jpg", "emptyx.jpg"):
        assert not found.may_hold(str(root / name))
    (failure,) = found.failed
    assert failure.path == str(root / "gone") and "mounted" in failure.error


def test_a_name_that_is_not_utf8_is_told(root):
    try:
        (root / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    found = walk({str(root): True})
    assert len(found.files) == 3
    assert "UTF-8" in found.failed[0].error


def test_ranges_hold_what_is_below_a_folder():
    first, end = range_below("/a/b")
    for path in ("/a/b/c", "/a/b/狗.jpg", "/a/b/c/d", "/a/b/\U0010ffff"):
        assert first <= path < end and is_below(path, "/a/b")
    for path in ("/a/b", "/a/bc", "/a/b-c/d", "/a/b.jpg", "/a/c"):
        assert not first <= path < end and (path == "/a/b" or not is_below(path, "/a/b"))
    assert range_below("/")[0] == "/" and is_below("/x", "/")
