import sqlite3
import threading

import pytest

from irs_engine.album import Album, database
from irs_engine.album.database import Database
from irs_engine.album.tables import MIGRATIONS
from irs_engine.errors import AlbumError

FOLDER = "INSERT INTO folders VALUES (?, 1, 0)"


def folders(opened):
    with opened.read() as connection:
        return [path for (path,) in connection.execute("SELECT path FROM folders ORDER BY path")]


def test_an_album_is_made_with_its_folder_and_found_again(tmp_path):
    path = tmp_path / "new" / "album.db"
    with Album(path) as album:
        with album.database.write() as connection:
            connection.execute(FOLDER, ("/a",))
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [file.name for file in path.parent.iterdir()] == ["album.db"]  # what was beside it is in it now
    with Album(path, create=False) as album:
        assert album.info().folders == ("/a",)


def test_what_is_no_album_is_refused_and_left_alone(tmp_path):
    text, other = tmp_path / "text.db", tmp_path / "other.db"
    text.write_text("not a database, but long enough to be read as the header of one: " * 4)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    for path, words in ((text, "some other file"), (other, "a database, but no album")):
        before = path.read_bytes()
        with pytest.raises(AlbumError, match=words):
            Database(path)
        assert path.read_bytes() == before
    with pytest.raises(AlbumError, match="irs-engine album index"):
        Database(tmp_path / "none.db", create=False)
    assert not (tmp_path / "none.db").exists()


def test_an_older_album_is_brought_up_to_date_and_a_later_one_refused(tmp_path, monkeypatch):
    path = tmp_path / "album.db"
    old = Database(path)
    with old.write() as connection:
        connection.execute(FOLDER, ("/kept",))
    old.close()
    step = ("ALTER TABLE folders ADD COLUMN note TEXT DEFAULT 'new'", "CREATE TABLE more (x)")
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*MIGRATIONS, step))
        new = Database(path)
        with new.read() as connection:
            assert connection.execute("SELECT path, note FROM folders").fetchall() == [("/kept", "new")]
            assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        new.close()
    with pytest.raises(AlbumError, match="later version"):
        Database(path)


def test_a_step_that_fails_leaves_the_old_album(tmp_path, monkeypatch):
    path = tmp_path / "album.db"
    Database(path).close()
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE more (x)", "no SQL at all")))
        with pytest.raises(AlbumError, match="syntax error"):
            Database(path)
    again = Database(path)
    with again.read() as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "photos" in tables and "more" not in tables


def test_a_change_that_fails_changes_nothing(album):
    with pytest.raises(ZeroDivisionError), album.database.write() as connection:
        connection.execute(FOLDER, ("/a",))
        1 / 0  # noqa: B018
    assert folders(album.database) == []


def test_readers_see_one_state_while_others_write(album):
    with album.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM folders").fetchone() == (0,)

        def write():
            with album.database.write() as other:
                other.execute(FOLDER, ("/a",))

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert connection.execute("SELECT count(*) FROM folders").fetchone() == (0,)
    assert folders(album.database) == ["/a"]


def test_many_threads_write(album):
    def write(number):
        for turn in range(5):
            with album.database.write() as connection:
                connection.execute(FOLDER, (f"/{number}/{turn}",))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders(album.database)) == 30


def test_a_closed_album_says_so(tmp_path):
    album = Album(tmp_path / "album.db")
    album.close()
    with pytest.raises(AlbumError, match="closed"):
        album.tags()
