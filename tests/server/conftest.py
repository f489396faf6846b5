"""What tests of the server share: a database of their own, on SQLite and on PostgreSQL.

`IRS_TEST_POSTGRES=postgresql+psycopg://user@127.0.0.1/database` names one in which schemas may be made.
"""

import os
import uuid

import pytest


@pytest.fixture(scope="session")
def postgres():
    """An engine on a schema of this run, which is dropped after it."""
    sa = pytest.importorskip("sqlalchemy", reason="needs irs-engine[server]")
    if not (given := os.environ.get("IRS_TEST_POSTGRES")):
        pytest.skip("IRS_TEST_POSTGRES is not set to the URL of a PostgreSQL database")
    schema = f"irs_test_{uuid.uuid4().hex}"
    # Not waiting for the disk: what is killed in tests is this program, never the database.
    options = f"-c search_path={schema} -c synchronous_commit=off -c lock_timeout=20s"
    engine = sa.create_engine(sa.make_url(given).update_query_dict({"options": options}))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    yield engine
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """The URL of an empty database; on PostgreSQL its tables may be there, as making them takes its time."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'irs.db'}"
    engine = request.getfixturevalue("postgres")
    _empty(engine)
    return engine.url.render_as_string(hide_password=False)


def _empty(engine):
    import sqlalchemy as sa

    from irs_engine.server.store import metadata

    there = set(sa.inspect(engine).get_table_names())
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name in there:
                connection.execute(table.delete())


@pytest.fixture
def store(store_url):
    from irs_engine.server.store import Store

    found = Store(store_url)
    yield found
    found.close()
