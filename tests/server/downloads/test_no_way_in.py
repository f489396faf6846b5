"""Nothing on this machine is contacted, by any form of URL, name, redirect or trick of a name server."""

import asyncio
import socket

import pytest
from download_hosts import V1, V2, Host, answering, downloads, fetch, picture, refused
from loopback_urls import LOOPBACK, TRICKS

from irs_engine.server.downloads import wire
from irs_engine.server.downloads.fetch import REFUSED
from irs_engine.server.downloads.resolver import resolve

OUTSIDE = "93.184.216.34"
MALFORMED = "the host of the URL is malformed"


@pytest.fixture
def loopback():
    """The port of listeners on loopback, of IPv4 and where there is one of IPv6: no test may contact them."""
    hosts = [Host(answering(picture()))]
    try:
        hosts.append(Host(answering(picture()), "::1", hosts[0].port))
    except OSError:  # no IPv6 here
        pass
    yield hosts[0].port
    for host in hosts:
        host.close()
    assert [host.connections for host in hosts] == [0] * len(hosts)


async def never(address, port):
    raise AssertionError(f"connects to {address}")


def resolving(*answers):
    """A resolver that gives one answer after another, and the names it was asked for."""
    asked = []

    async def resolve(host, port):
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


@pytest.mark.parametrize("form", LOOPBACK)
def test_no_form_of_loopback(loopback, form):
    """By the system's own resolver, which knows most of these forms."""
    made = downloads(allow_private=[], ports=[80, 443, loopback])
    for scheme, api, code in (("http", V1, "AIS.0022"), ("https", V2, "ModelArts.4601")):
        with refused(code) as caught:
            fetch(made, f"{scheme}://{form}:{loopback}/x.png", api)
        assert caught.value.detail == (MALFORMED if "%" in form else REFUSED)


@pytest.mark.parametrize("url", TRICKS)
def test_no_trick(loopback, url):
    made = downloads(allow_private=[], ports=[80, 443, loopback], parts={"resolve": known_only})
    with refused("AIS.0022"):
        fetch(made, url.format(port=loopback))


async def known_only(host, port):
    """This machine's names by the system, all others are nobody's: tests ask no name server."""
    return [] if "example" in host else await resolve(host, port)


def test_a_refusal_reads_like_a_name_that_is_not_there(loopback):
    """Otherwise answers would tell which names the network here has."""
    bodies = set()
    for answer in (
        [],
        ["10.0.0.1"],
        ["127.0.0.1"],
        ["169.254.169.254"],
        [OUTSIDE, "fd00::1"],
        ["fe80::1%eth0"],
    ):
        found, _ = resolving(answer)
        with refused("AIS.0022") as caught:
            fetch(
                downloads(allow_private=[], parts={"resolve": found, "connect": never}),
                "http://name.example/",
            )
        bodies.add(str(caught.value.body("id")))
    assert len(bodies) == 1
    allowed = downloads(allow_private=[], allow_hosts=["a.example"], parts={"connect": never})
    with refused("AIS.0022") as caught:
        fetch(allowed, "http://name.example/")
    assert {str(caught.value.body("id"))} == bodies


def test_one_address_that_is_not_public_spoils_all(loopback):
    for answer in ([OUTSIDE, "127.0.0.1"], ["127.0.0.1", OUTSIDE], [OUTSIDE] * 9 + ["::1"]):
        found, _ = resolving(answer)
        made = downloads(allow_private=[], parts={"resolve": found, "connect": never})
        with refused("AIS.0022"):
            fetch(made, "http://name.example/")


def test_rebinding_changes_nothing(loopback):
    """The second answer of the name server, loopback, is never asked for."""
    found, asked = resolving([OUTSIDE], ["127.0.0.1"])
    connected = []

    async def connect(address, port):
        connected.append((str(address), port))
        raise ConnectionRefusedError

    made = downloads(allow_private=[], ports=[loopback], parts={"resolve": found, "connect": connect})
    with refused("AIS.0029"):
        fetch(made, f"http://rebind.example:{loopback}/")
    assert asked == ["rebind.example"] and connected == [(OUTSIDE, loopback)]


def test_connecting_looks_nothing_up(host, monkeypatch):
    """Nothing behind the check looks names up, whatever the system would say of them by now."""
    good = host(picture())
    found, _ = resolving(["127.0.0.1"])
    for name in ("getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, lambda *given, **more: pytest.fail(f"looks up {given}"))
    made = downloads(ports=[good.port], parts={"resolve": found})
    assert fetch(made, f"http://rebind.example:{good.port}/") == b"picture"


def test_the_peer_is_checked_before_anything_is_sent(host):
    """A connection that ended elsewhere than meant, however that came about."""
    received = []
    inside = host(lambda connection: received.append(connection.recv(100)))
    found, _ = resolving([OUTSIDE])

    async def misled(address, port):
        return await wire.connect(type(address)("127.0.0.1"), inside.port)

    made = downloads(allow_private=[], ports=[inside.port], parts={"resolve": found, "connect": misled})
    for scheme in ("http", "https"):
        with refused("AIS.0029"):
            fetch(made, f"{scheme}://name.example:{inside.port}/")
    assert b"".join(received) == b""


def test_the_peer_is_checked_to_its_port(host):
    inside, other = host(picture()), host(picture())

    async def misled(address, port):
        return await wire.connect(address, other.port)

    made = downloads(ports=[inside.port], parts={"connect": misled})
    with refused("AIS.0029"):
        fetch(made, f"http://127.0.0.1:{inside.port}/")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://[::1]:{port}/x", "/again"]
)
def test_redirects_are_not_followed(loopback, host, status, to):
    head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {to.format(port=loopback)}\r\nContent-Length: 0\r\n"
    outside = host((head + "Refresh: 0; url=http://127.0.0.1\r\n\r\n").encode())
    made = downloads(allow_private=["127.0.0.1/32"], ports=[outside.port, loopback])
    with refused("AIS.0029"):
        fetch(made, f"http://127.0.0.1:{outside.port}/")
    assert outside.connections == 1


def test_proxies_of_the_environment_are_not_asked(loopback, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{loopback}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    found, _ = resolving([OUTSIDE])

    async def connect(address, port):
        assert str(address) == OUTSIDE
        raise ConnectionRefusedError

    made = downloads(allow_private=[], parts={"resolve": found, "connect": connect})
    for scheme in ("http", "https"):
        with refused("AIS.0029"):
            fetch(made, f"{scheme}://name.example/")


def test_the_machines_own_public_address_is_refused(loopback):
    found, _ = resolving([OUTSIDE])
    parts = {"resolve": found, "connect": never, "own": lambda address: str(address) == OUTSIDE}
    with refused("AIS.0022"):
        fetch(downloads(allow_private=[], parts=parts), "http://name.example/")


def test_ports(loopback):
    made = downloads(parts={"connect": never})
    for port in (22, 25, 6379, 8080, loopback):
        with refused("AIS.0022"):
            fetch(made, f"http://127.0.0.1:{port}/")


def test_switched_off(loopback):
    made = downloads(enabled=False, ports=[loopback], parts={"resolve": never, "connect": never})
    with refused("AIS.0022"):
        fetch(made, f"http://127.0.0.1:{loopback}/")


def test_only_hosts_that_are_allowed(host):
    good = host(picture())
    found, asked = resolving(["127.0.0.1"])
    made = downloads(
        allow_hosts=["Pictures.example", "*.cdn.example"], ports=[good.port], parts={"resolve": found}
    )
    for name in ("pictures.example", "PICTURES.EXAMPLE.", "a.cdn.example", "b.a.cdn.example"):
        assert fetch(made, f"http://{name}:{good.port}/") == b"picture"
    before = list(asked)
    for name in (
        "cdn.example",
        "xpictures.example",
        "a.pictures.example",
        "evilcdn.example",
        "pictures.example.org",
    ):
        with refused("AIS.0022"):
            fetch(made, f"http://{name}:{good.port}/")
    assert asked == before  # not even looked up


def test_what_is_allowed_is_still_not_metadata(loopback):
    made = downloads(allow_private=["0.0.0.0/0", "::/0"], parts={"connect": never})
    for name in (
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "0.0.0.0",
    ):
        with refused("AIS.0022"):
            fetch(made, f"http://{name}/latest/meta-data/")


def test_few_addresses_of_a_host_are_tried():
    found, _ = resolving([f"93.184.216.{n}" for n in range(200)])
    tried = []

    async def connect(address, port):
        tried.append(address)
        raise ConnectionRefusedError

    with refused("AIS.0029"):
        fetch(downloads(parts={"resolve": found, "connect": connect}), "http://many.example/")
    assert len(tried) == 4


def test_the_next_address_is_tried_when_one_does_not_answer(host):
    good = host(picture())
    found, _ = resolving(["127.0.0.9", "127.0.0.8", "127.0.0.1"])

    async def connect(address, port):
        if str(address) == "127.0.0.9":
            raise ConnectionRefusedError
        if str(address) == "127.0.0.8":
            await asyncio.sleep(3600)
        return await wire.connect(address, port)

    made = downloads(ports=[good.port], connect_seconds=1, parts={"resolve": found, "connect": connect})
    assert fetch(made, f"http://name.example:{good.port}/") == b"picture"
