"""Which addresses are public, by whatever way they are written."""

import ipaddress
import socket
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irs_engine.server.downloads.addresses import METADATA, Judge, embedded, is_own, is_public

NOBODYS = Judge(own=lambda address: False)
PUBLIC_4 = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255",
            "172.32.0.0", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"]  # fmt: skip
REFUSED_4 = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255",
             "127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
             "192.0.0.1",
             "192.0.0.9", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
             "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
             "255.255.255.255", "168.63.129.16"]  # fmt: skip


def forms_of(text):
    """An IPv4 address inside IPv6 ones."""
    four = int(ip_address(text))
    return {
        "mapped": ip_address(0xFFFF << 32 | four),
        "compatible": ip_address(f"::{four >> 16:x}:{four & 0xFFFF:x}"),
        "translated": ip_address(f"::ffff:0:{four >> 16:x}:{four & 0xFFFF:x}"),
        "NAT64": ip_address(int(ip_address("64:ff9b::")) | four),
        "local NAT64": ip_address(int(ip_address("64:ff9b:1::")) | four),
        "6to4": ip_address(0x2002 << 112 | four << 80 | 1),
        "Teredo, client": ip_address(
            0x20010000 << 96 | int(ip_address("8.8.8.8")) << 64 | (four ^ 0xFFFFFFFF)
        ),
        "Teredo, server": ip_address(
            0x20010000 << 96 | four << 64 | (int(ip_address("8.8.8.8")) ^ 0xFFFFFFFF)
        ),
        "ISATAP": ip_address(0x2607F8B0 << 96 | 0x5EFE << 32 | four),
        "ISATAP, global": ip_address(0x2607F8B0 << 96 | 0x02005EFE << 32 | four),
    }


@pytest.mark.parametrize("text", PUBLIC_4)
def test_public_addresses(text):
    assert NOBODYS.accepts(ip_address(text))
    refused = {name for name, form in forms_of(text).items() if not NOBODYS.accepts(form)}
    assert refused == {"compatible", "translated", "local NAT64"}  # of no use in the internet


@pytest.mark.parametrize("text", REFUSED_4)
def test_refused_addresses_in_all_their_forms(text):
    assert not NOBODYS.accepts(ip_address(text))
    assert [name for name, form in forms_of(text).items() if NOBODYS.accepts(form)] == []


@pytest.mark.parametrize("text", ["2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2400::1"])
def test_public_ipv6(text):
    assert NOBODYS.accepts(ip_address(text))


@pytest.mark.parametrize(
    "text",
    ["::", "::1", "::2", "100::1", "64:ff9b:1::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1",
     "3fff::1", "3ffe::1%1", "5f00::1", "4000::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1",
     "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1"],
)  # fmt: skip
def test_refused_ipv6(text):
    assert not NOBODYS.accepts(ip_address(text))


@given(st.ip_addresses())
def test_never_more_than_python_calls_public(address):
    four = embedded(address)
    if NOBODYS.accepts(address):
        assert all(each.is_global and not each.is_multicast for each in four or (address,))


@given(st.ip_addresses(v=4))
def test_a_form_is_never_more_public_than_what_is_inside(address):
    for form in forms_of(address).values():
        assert is_public(address) or not is_public(form)


def test_allowed_networks_are_no_more_than_these():
    judge = Judge([ip_network("10.1.0.0/16"), ip_network("127.0.0.1/32"), ip_network("fd00:1::/32")])
    for text in ("10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "fd00:1::5"):
        assert judge.accepts(ip_address(text))
    for text in ("10.2.0.1", "127.0.0.2", "fd00:2::5", "::1", "2002:a01:203::1", "64:ff9b::10.1.2.3"):
        assert not judge.accepts(ip_address(text))


def test_some_are_refused_even_where_everything_is_allowed():
    judge = Judge([ip_network("0.0.0.0/0"), ip_network("::/0")], own=lambda address: True)
    assert judge.accepts(ip_address("192.168.1.1")) and judge.accepts(ip_address("::1"))
    for address in (*METADATA, *map(ip_address, ("0.0.0.0", "0.0.0.1", "::", "224.0.0.1", "ff02::1"))):
        assert not judge.accepts(address)
        if address.version == 4:
            assert not judge.accepts(forms_of(str(address))["mapped"])


def test_the_machines_own_address_is_refused_however_public_it_is():
    asked = []

    def own(address):
        asked.append(address)
        return str(address) == "93.184.216.34"

    judge = Judge(own=own)
    assert not judge.accepts(ip_address("93.184.216.34"))
    for form in ("mapped", "NAT64", "6to4", "Teredo, client", "ISATAP"):
        assert not judge.accepts(forms_of("93.184.216.34")[form])
    assert judge.accepts(ip_address("93.184.216.35"))


def test_the_kernel_knows_the_machines_own_addresses():
    own = {"127.0.0.1", "127.5.6.7", "::1"}
    for family, address in ((socket.AF_INET, "192.0.2.255"), (socket.AF_INET6, "2001:db8::ff")):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((address, 9))  # where there is a route: from which address
            except OSError:
                continue
            own.add(probe.getsockname()[0])
    assert all(is_own(ip_address(each)) for each in own if _has_family(each))
    for text in ("8.8.8.8", "2001:4860:4860::8888", "192.0.2.77"):
        assert not is_own(ip_address(text))


def _has_family(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((text, 0))
    except OSError:
        return False
    return True


def test_networks_are_of_ipaddress():
    """What settings give is what the judge takes."""
    from irs_engine.server.settings import DownloadSettings

    networks = DownloadSettings(allow_private=("10.0.0.0/8", "fd00::/8")).allow_private
    assert [type(n) for n in networks] == [ipaddress.IPv4Network, ipaddress.IPv6Network]
    assert Judge(networks).accepts(ip_address("10.9.9.9"))
