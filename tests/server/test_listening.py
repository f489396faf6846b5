"""Ports that are free, taken, or nobody's."""

import socket

import pytest

pytest.importorskip("starlette")

from irs_engine.errors import IrsError
from irs_engine.server.listening import allow_files, bound, listening
from irs_engine.server.settings import Settings


def test_a_free_port_for_each_and_settings_that_know_them():
    with listening(Settings(port=0, tls_port=0)) as (settings, plain, secure):
        ports = [one.getsockname()[1] for one in (*plain, *secure)]
        assert ports == [settings.port, settings.tls_port] and 0 not in ports and ports[0] != ports[1]
    with listening(settings) as (again, *_):  # they have been closed
        assert again == settings


def test_no_https_unless_it_is_wanted():
    with listening(Settings(port=0)) as (settings, plain, secure):
        assert len(plain) == 1 and not secure and settings.tls_port is None


def test_all_addresses_of_a_name_have_the_same_port(monkeypatch):
    given = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0)), (socket.AF_INET, 1, 6, "", ("127.0.0.2", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: given)
    sockets = bound("both", 0)
    addresses = [one.getsockname() for one in sockets]
    assert [host for host, _ in addresses] == ["127.0.0.1", "127.0.0.2"]
    assert addresses[0][1] == addresses[1][1]
    for one in sockets:
        one.close()


def test_an_address_that_this_machine_lacks_is_left_out_if_there_is_another(monkeypatch):
    given = [(socket.AF_INET, 1, 6, "", ("192.0.2.1", 0)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: given)
    (one,) = bound("both", 0)
    assert one.getsockname()[0] == "127.0.0.1"
    one.close()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: given[:1])
    with pytest.raises(IrsError, match="cannot listen on both"):
        bound("both", 0)


def test_a_port_of_another_program():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            IrsError, match=f"cannot listen on 127.0.0.1, port {port}: Address already in use"
        ):
            bound("127.0.0.1", port)


def test_a_name_of_nobody():
    with pytest.raises(IrsError, match=r"cannot listen on nobody\.invalid"):
        bound("nobody.invalid", 0)


def test_more_files_may_be_open():
    resource = pytest.importorskip("resource")
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(hard, 1024)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
