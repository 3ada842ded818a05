"""Which addresses may be visited: the public internet and the networks an operator allows, judged by number alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

from yarl import URL

from shared.egress.hosts import Address, Name, host_of

Network = IPv4Network | IPv6Network


class Refusal(StrEnum):
    """Why an address may not be visited; for operators, never for users."""

    SCHEME = "scheme"
    USERINFO = "userinfo"
    HOST = "host"
    PORT = "port"
    METADATA = "metadata"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    PRIVATE = "private"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    EMBEDDED = "embedded"
    ZONE = "zone"


# Where clouds hand out credentials. Some of these are public by number; none is ever a bookmark.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google and most others
        "169.254.169.253",  # AWS' resolver
        "169.254.170.2",  # AWS ECS tasks
        "169.254.170.23",  # AWS EKS pods
        "169.254.0.23",  # Tencent
        "169.254.42.42",  # Scaleway
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's wire server: public by number
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",
        "fd00:ec2::253",
        "fd00:ec2::23",
        "fd20:ce::254",  # Google over IPv6
        "fd00:42::42",  # Scaleway over IPv6
        "fd00:a9fe:a9fe::1",  # Akamai (Linode) over IPv6
        "fe80::a9fe:a9fe",  # OpenStack over IPv6
    )
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})

_REFUSED: tuple[tuple[Network, Refusal], ...] = tuple(
    (ip_network(text), kind)
    for kind, texts in {
        Refusal.LOOPBACK: ("127.0.0.0/8", "::1/128"),
        Refusal.LINK_LOCAL: ("169.254.0.0/16", "fe80::/10"),
        Refusal.PRIVATE: (
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",  # shared by carriers and by many clusters
            "fc00::/7",
            "fec0::/10",  # site-local: deprecated, still routed by some
        ),
        Refusal.MULTICAST: ("224.0.0.0/4", "ff00::/8"),
        Refusal.EMBEDDED: (
            "192.88.99.0/24",  # 6to4 relays
            "::/96",  # IPv4-compatible
            "::ffff:0:0:0/96",  # SIIT
            "64:ff9b:1::/48",  # NAT64 for local use
            "2001::/32",  # Teredo
            "2002::/16",  # 6to4
        ),
        Refusal.RESERVED: (
            "0.0.0.0/8",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",  # with the broadcast address
            "::/128",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
        ),
    }.items()
    for text in texts
)
_NAT64 = IPv6Network("64:ff9b::/96")
_SIIT = IPv6Network("::ffff:0:0:0/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # the interface identifier's upper half
_HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be visited.

    Attributes:
        allow: networks that may be visited although they are not public, on any port.
        ports: ports that may be visited on public addresses.
    """

    allow: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({80, 443, 8000, 8080, 8443})

    def refuse_url(self, url: URL) -> Refusal | None:
        """Why a URL may not be visited whatever its name resolves to, or None; addresses in it are judged too."""
        if url.scheme not in {"http", "https"}:
            return Refusal.SCHEME
        if "@" in url.raw_authority:
            return Refusal.USERINFO
        if "%" in (url.raw_host or ""):
            return Refusal.ZONE
        return self._refuse_host(host_of(url.raw_host), port=port_of(url))

    def _refuse_host(self, host: Name | Address | None, *, port: int) -> Refusal | None:
        match host:
            case None:
                return Refusal.HOST
            case Name(text) if text in _METADATA_NAMES:
                return Refusal.METADATA
            case Name():
                # Where a network is allowed on every port, the port is judged with the address.
                return None if self.allow else self._refuse_port(port)
            case address:
                return self.refuse_address(address, port=port)

    def refuse_address(self, address: Address, *, port: int) -> Refusal | None:
        """Why nothing may be sent to this address and port, or None when it may."""
        dialled = _as_dialled(address)
        carried = tuple(_embedded(dialled))
        if getattr(dialled, "scope_id", None):
            return Refusal.ZONE
        if not _METADATA.isdisjoint((dialled, *carried)):
            return Refusal.METADATA
        if self._is_allowed(dialled):
            return None if 0 < port <= _HIGHEST_PORT else Refusal.PORT
        return _refuse_number(dialled) or _refuse_carried(carried) or self._refuse_port(port)

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self.allow)

    def _refuse_port(self, port: int) -> Refusal | None:
        return None if port in self.ports else Refusal.PORT


def port_of(url: URL) -> int:
    """The port a URL leads to; -1 when it names none and its scheme has none."""
    return -1 if url.port is None else url.port


def _as_dialled(address: Address) -> Address:
    """The kernel dials an IPv4-mapped address as the IPv4 address it holds."""
    return getattr(address, "ipv4_mapped", None) or address


def _refuse_number(address: Address) -> Refusal | None:
    for network, kind in _REFUSED:
        if address in network:
            return kind
    if address.is_multicast or not address.is_global:
        return Refusal.RESERVED
    return None


def _refuse_carried(carried: tuple[IPv4Address, ...]) -> Refusal | None:
    """A translator on the way would dial the address inside: it must be public as well."""
    return next((kind for address in carried if (kind := _refuse_number(address))), None)


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """Every IPv4 address that a translator or tunnel could unwrap from an IPv6 address."""
    if isinstance(address, IPv4Address):
        return
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _NAT64 or address in _SIIT or address in _COMPATIBLE or address in _NAT64_LOCAL:
        yield low
    if address in _NAT64_LOCAL:
        yield from _nat64_local(int(address))
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield low


def _nat64_local(number: int) -> Iterator[IPv4Address]:
    """RFC 6052's placements behind prefixes of 48, 56 and 64 bits, whose bits 64 to 71 stay empty."""
    for prefix in (48, 56, 64):
        before = 64 - prefix
        head = (number >> 64) & ((1 << before) - 1)
        tail = (number >> (56 - (32 - before))) & ((1 << (32 - before)) - 1)
        yield IPv4Address((head << (32 - before)) | tail)
