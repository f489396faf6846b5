"""kill -9 under load: every call that was answered is counted, and none twice."""

import http.client
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import business_server
import pytest
import sqlalchemy as sa
from service_calls import id_of, new_account

from irs_engine.server.business.periods import month_of
from irs_engine.server.business.tables import charges, usage_minutes

SERVER = Path(business_server.__file__)
CLIENTS, ANSWERS = 12, 250
DEADLINE = 60  # seconds: nothing should hang


def start(url):
    process = subprocess.Popen([sys.executable, SERVER, url], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


def call_until_it_dies(port, names, answered):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        while True:
            name = f"u{next(names)}"
            connection.request("POST", f"/{name}")
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            answered.append(name)
    except (OSError, http.client.HTTPException):
        connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_was_answered_is_counted_and_nothing_twice(store, store_url):
    new_account(store, "a")
    started, names, answered = time.time(), itertools.count(), []
    for _ in range(2):  # the second server finds what the first one left
        process, port = start(store_url)
        before = len(answered)
        clients = [
            threading.Thread(target=call_until_it_dies, args=(port, names, answered)) for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        deadline = time.monotonic() + DEADLINE
        while len(answered) < before + ANSWERS and time.monotonic() < deadline:
            time.sleep(0.001)
        process.kill()
        process.wait()
        process.stdout.close()
        for client in clients:
            client.join(DEADLINE)
        assert len(answered) >= before + ANSWERS

    business = business_server.business_on(store)
    months = {month_of(started), month_of(time.time())}
    rows = [row for month in months for row in business.usage(id_of("a"), month)]
    counts = {row.user_name: row.successful for row in rows}
    assert set(answered) <= counts.keys()
    assert set(counts.values()) == {1}
    # A client may have lost its answer to the kill, the last of each.
    assert len(answered) <= len(counts) <= len(answered) + 2 * CLIENTS
    # What is counted is consumed and charged, all or nothing.
    assert sum(row.free for row in rows) >= business_server.FREE  # twice that when a month began meanwhile
    assert all(row.free + row.packaged + row.paid == 1 for row in rows)
    with store.read() as connection:
        charged = connection.scalar(sa.select(sa.func.sum(charges.c.calls)))
        minutes = connection.scalar(sa.select(sa.func.sum(usage_minutes.c.successful)))
    assert charged == sum(row.paid for row in rows)
    assert minutes == len(counts)
