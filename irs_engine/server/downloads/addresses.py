"""Which addresses pictures may be fetched from: public ones, whatever form they are written in.

The judgement does not rest alone on `ipaddress.is_global`, whose tables change with Python's version: what is
refused is listed here, and both have to agree.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # "this network": Linux takes 0.0.0.0 for itself
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata, 100.100.100.200
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local; metadata of most clouds, 169.254.169.254
            "172.16.0.0/12",
            "192.0.0.0/24",  # IETF protocols; Oracle's metadata, 192.0.0.192
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4, given up
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved; broadcast
        ),
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")  # outside it nothing is public but the forms of IPv4 below
REFUSED_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocols: benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "3fff::/20",
        ),
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
ISATAP = (0x00005EFE, 0x02005EFE)  # before the IPv4 address in the lower half
# Never, whatever is allowed: nobody means these, and what metadata services answer are keys.
NEVER: tuple[Network, ...] = (
    *map(IPv4Network, ("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32")),
    *map(IPv6Network, ("::/128", "ff00::/8")),
)
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",  # AWS, of containers
            "169.254.170.23",
            "169.254.0.23",  # Tencent
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure, although of a public network
            "192.0.0.192",  # Oracle
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",  # Google
        ),
    )
)


def is_own(address: Address) -> bool:
    """Whether this machine would talk to itself there, by the kernel's routes now; nothing is sent.

    An address that a router outside translates to this machine cannot be known here.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            source = ipaddress.ip_address(probe.getsockname()[0])
    except OSError:  # no route: neither itself nor anybody else
        return False
    return source == address or source.is_loopback


class Judge:
    """Says of an address whether pictures may be fetched from it.

    Args:
        allowed: Networks that are not public and still allowed.
        own: Whether an address is this machine's.
    """

    def __init__(self, allowed: Iterable[Network] = (), own: Callable[[Address], bool] = is_own):
        self._allowed, self._own = tuple(allowed), own

    def accepts(self, address: Address) -> bool:
        address = plain(address)
        if address in METADATA or _inside(address, NEVER) or getattr(address, "scope_id", None):
            return False
        return _inside(address, self._allowed) or (is_public(address) and not self._reaches_itself(address))

    def _reaches_itself(self, address: Address) -> bool:
        return any(self._own(each) for each in (address, *embedded(address)))


def plain(address: Address) -> Address:
    """An IPv4-mapped address as the IPv4 address that the kernel takes it for."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that packets to an IPv6 address end at, or pass, by its form."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in NAT64:
        return (low,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    return (low,) if (int(address) >> 32) & 0xFFFFFFFF in ISATAP else ()


def is_public(address: Address) -> bool:
    """Whether anybody in the internet could reach it; of an address with others inside, those too."""
    if isinstance(address, IPv4Address):
        return not _inside(address, REFUSED_4) and address not in METADATA and address.is_global
    inside = embedded(address)
    if not all(map(is_public, inside)):
        return False
    if address.ipv4_mapped or address in NAT64 or address.sixtofour or address.teredo:
        return True
    return address in GLOBAL_UNICAST and not _inside(address, REFUSED_6) and address.is_global


def _inside(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
