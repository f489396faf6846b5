"""The database: what was written is there, nobody sees half of it, and strangers' files are refused."""

import threading

import pytest
import sqlalchemy as sa

from irs_engine.server import store
from irs_engine.server.store import Store, StoreError, about


def test_writers_take_turns(store_url):
    found = Store(store_url)

    def more():
        for _ in range(20):
            with found.write() as connection:
                now = connection.scalar(sa.select(about.c.schema).with_for_update())
                connection.execute(about.update().values(schema=now + 1))

    threads = [threading.Thread(target=more) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with found.read() as connection:
        assert connection.scalar(sa.select(about.c.schema)) == store.SCHEMA + 80
    with found.write() as connection:
        connection.execute(about.update().values(schema=store.SCHEMA))
    found.close()


def test_what_fails_leaves_nothing(store_url):
    found = Store(store_url)
    with pytest.raises(ZeroDivisionError), found.write() as connection:
        connection.execute(about.update().values(schema=99))
        raise ZeroDivisionError
    with found.read() as connection:
        assert connection.scalar(sa.select(about.c.schema)) == store.SCHEMA
    found.close()


def test_the_file_is_its_owner_s_alone(tmp_path):
    Store(f"sqlite:///{tmp_path / 'irs.db'}").close()
    assert (tmp_path / "irs.db").stat().st_mode & 0o777 == 0o600


def test_other_versions_are_refused(tmp_path):
    url = f"sqlite:///{tmp_path / 'deep' / 'irs.db'}"
    found = Store(url)
    with found.write() as connection:
        connection.execute(about.update().values(schema=99))
    found.close()
    with pytest.raises(StoreError, match="schema 99"):
        Store(url)


def test_what_is_no_database_is_an_error(tmp_path):
    (tmp_path / "irs.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"irs\.db"):
        Store(f"sqlite:///{tmp_path / 'irs.db'}")
