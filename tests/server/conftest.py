"""What tests of the server share: a database of their own, on SQLite and on PostgreSQL.

`IRS_TEST_POSTGRES=postgresql+psycopg://user@127.0.0.1/database` names one in which schemas may be made.
"""

import os
import uuid

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path):
    """The URL of an empty database."""
    sa = pytest.importorskip("sqlalchemy")
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'irs.db'}"
        return
    if not (given := os.environ.get("IRS_TEST_POSTGRES")):
        pytest.skip("IRS_TEST_POSTGRES is not set to the URL of a PostgreSQL database")
    schema = f"irs_test_{uuid.uuid4().hex}"
    engine = sa.create_engine(given)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    url = sa.make_url(given).update_query_dict({"options": f"-csearch_path={schema}"})
    yield url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()


@pytest.fixture
def store(store_url):
    from irs_engine.server.store import Store

    found = Store(store_url)
    yield found
    found.close()
