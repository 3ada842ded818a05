"""Which addresses may be visited, in every disguise they come in."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from shared.egress.hosts import Name, host_of
from shared.egress.rules import Refusal, Rules

PUBLIC = Rules()
INTRANET = Rules(allow=(ip_network("10.1.0.0/16"), ip_network("fd12::/16")))

REFUSED_ADDRESSES = {
    "127.0.0.1": Refusal.LOOPBACK,
    "127.255.255.254": Refusal.LOOPBACK,
    "::1": Refusal.LOOPBACK,
    "::ffff:127.0.0.1": Refusal.LOOPBACK,
    "0.0.0.0": Refusal.RESERVED,  # noqa: S104 - judged, not bound
    "0.1.2.3": Refusal.RESERVED,
    "::": Refusal.EMBEDDED,
    "10.0.0.1": Refusal.PRIVATE,
    "172.16.0.1": Refusal.PRIVATE,
    "172.31.255.255": Refusal.PRIVATE,
    "192.168.1.1": Refusal.PRIVATE,
    "100.64.0.1": Refusal.PRIVATE,
    "100.127.255.255": Refusal.PRIVATE,
    "fc00::1": Refusal.PRIVATE,
    "fdff::1": Refusal.PRIVATE,
    "fec0::1": Refusal.PRIVATE,
    "169.254.1.1": Refusal.LINK_LOCAL,
    "fe80::1": Refusal.LINK_LOCAL,
    "febf::1": Refusal.LINK_LOCAL,
    "fe80::1%eth0": Refusal.ZONE,
    "2606:4700::1111%eth0": Refusal.ZONE,
    "169.254.169.254": Refusal.METADATA,
    "::ffff:169.254.169.254": Refusal.METADATA,
    "64:ff9b::a9fe:a9fe": Refusal.METADATA,
    "2002:a9fe:a9fe::1": Refusal.METADATA,
    "169.254.170.2": Refusal.METADATA,
    "100.100.100.200": Refusal.METADATA,
    "168.63.129.16": Refusal.METADATA,
    "192.0.0.192": Refusal.METADATA,
    "fd00:ec2::254": Refusal.METADATA,
    "169.254.42.42": Refusal.METADATA,
    "fd00:42::42": Refusal.METADATA,
    "fd00:a9fe:a9fe::1": Refusal.METADATA,
    "fe80::a9fe:a9fe": Refusal.METADATA,
    "224.0.0.1": Refusal.MULTICAST,
    "239.255.255.255": Refusal.MULTICAST,
    "ff02::1": Refusal.MULTICAST,
    "192.88.99.1": Refusal.EMBEDDED,
    "::8.8.8.8": Refusal.EMBEDDED,
    "::ffff:0:8.8.8.8": Refusal.EMBEDDED,
    "64:ff9b:1::8.8.8.8": Refusal.EMBEDDED,
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": Refusal.EMBEDDED,
    "2002:808:808::1": Refusal.EMBEDDED,
    "64:ff9b::7f00:1": Refusal.LOOPBACK,
    "64:ff9b::10.0.0.1": Refusal.PRIVATE,
    "2606:4700::5efe:c0a8:101": Refusal.PRIVATE,
    "2606:4700::200:5efe:7f00:1": Refusal.LOOPBACK,
    "192.0.0.1": Refusal.RESERVED,
    "192.0.2.1": Refusal.RESERVED,
    "198.18.0.1": Refusal.RESERVED,
    "198.19.255.255": Refusal.RESERVED,
    "198.51.100.1": Refusal.RESERVED,
    "203.0.113.1": Refusal.RESERVED,
    "240.0.0.1": Refusal.RESERVED,
    "255.255.255.255": Refusal.RESERVED,
    "100::1": Refusal.RESERVED,
    "2001:db8::1": Refusal.RESERVED,
    "2001:10::1": Refusal.RESERVED,
    "3fff::1": Refusal.RESERVED,
    "5f00::1": Refusal.RESERVED,
    "4000::1": None,  # not handed out by anybody, and public by the registry's word
}

PUBLIC_ADDRESSES = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001:80e::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize(("address", "kind"), [(a, k) for a, k in REFUSED_ADDRESSES.items() if k])
def test_an_address_that_is_not_public_is_refused_by_kind(address: str, kind: Refusal) -> None:
    assert PUBLIC.refuse_address(ip_address(address), port=443) is kind


@pytest.mark.parametrize("address", [*PUBLIC_ADDRESSES, *(a for a, k in REFUSED_ADDRESSES.items() if not k)])
def test_a_public_address_may_be_visited(address: str) -> None:
    assert PUBLIC.refuse_address(ip_address(address), port=443) is None


@pytest.mark.parametrize("port", [0, 1, 22, 25, 6379, 5432, 81, 65_535])
def test_a_public_address_is_visited_on_the_listed_ports_alone(port: int) -> None:
    assert PUBLIC.refuse_address(ip_address("8.8.8.8"), port=port) is Refusal.PORT


REFUSED_URLS = {
    "http://127.0.0.1/": Refusal.LOOPBACK,
    "http://127.1/": Refusal.LOOPBACK,
    "http://0x7f.1/": Refusal.LOOPBACK,
    "http://0x7f000001/": Refusal.LOOPBACK,
    "http://2130706433/": Refusal.LOOPBACK,
    "http://017700000001/": Refusal.LOOPBACK,
    "http://0177.0.0.1/": Refusal.LOOPBACK,
    "http://127.0.0.1./": Refusal.LOOPBACK,
    "http://１２７.０.０.１/": Refusal.LOOPBACK,  # noqa: RUF001 - the disguise
    "http://127。0。0。1/": Refusal.LOOPBACK,
    "http://①②⑦.0.0.1/": Refusal.LOOPBACK,
    "http://0/": Refusal.RESERVED,
    "http://10.1/": Refusal.PRIVATE,
    "http://3232235777/": Refusal.PRIVATE,
    "http://0xA9FEA9FE/": Refusal.METADATA,
    "http://[::1]/": Refusal.LOOPBACK,
    "http://[::ffff:127.0.0.1]/": Refusal.LOOPBACK,
    "http://[::ffff:7f00:1]/": Refusal.LOOPBACK,
    "http://[::127.0.0.1]/": Refusal.EMBEDDED,
    "http://[64:ff9b::7f00:1]/": Refusal.LOOPBACK,
    "http://[fe80::1%25eth0]/": Refusal.ZONE,
    "http://[fe80::1%eth0]/": Refusal.ZONE,
    "http://ex%61mple.com/": Refusal.ZONE,
    "http://127.0.0.1%00.example.com/": Refusal.ZONE,
    "http://256.1.1.1/": Refusal.HOST,
    "http://1.2.3.4.5/": Refusal.HOST,
    "http://example.0x7f/": Refusal.HOST,
    "http://example.1/": Refusal.HOST,
    "http:///path": Refusal.HOST,
    "http:example.com": Refusal.HOST,
    "http://a..example/": Refusal.HOST,
    "http://-/": Refusal.HOST,
    "http://exa mple.com/": Refusal.HOST,
    "http://\x00/": Refusal.HOST,
    f"http://{'a' * 64}.example/": Refusal.HOST,
    f"http://{'a.' * 127}example/": Refusal.HOST,
    "http://user@example.com/": Refusal.USERINFO,
    "http://user:password@example.com/": Refusal.USERINFO,
    "http://example.com%40127.0.0.1/": Refusal.ZONE,
    "http://example.com:22/": Refusal.PORT,
    "http://example.com:0/": Refusal.PORT,
    "http://8.8.8.8:25/": Refusal.PORT,
    "http://metadata.google.internal/": Refusal.METADATA,
    "http://METADATA.google.internal./": Refusal.METADATA,
    "ftp://example.com/": Refusal.SCHEME,
    "file:///etc/passwd": Refusal.SCHEME,
    "gopher://127.0.0.1/": Refusal.SCHEME,
    "javascript:alert(1)": Refusal.SCHEME,
    "data:text/html,hello": Refusal.SCHEME,
    "ws://example.com/": Refusal.SCHEME,
    "//example.com/": Refusal.SCHEME,
    "/path": Refusal.SCHEME,
}


@pytest.mark.parametrize(("url", "kind"), REFUSED_URLS.items())
def test_a_url_that_leads_nowhere_public_is_refused_before_its_name_is_resolved(url: str, kind: Refusal) -> None:
    assert PUBLIC.refuse_url(URL(url)) is kind


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "http://EXAMPLE.com.:8080/a?b#c",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/",
        "https://a_b.example-site.org/",
        "http://8.8.8.8/",
        "http://134744072/",
        "https://[2606:4700::1111]/",
        "http://1.example/",
        "http://3com.example/",
    ],
)
def test_an_ordinary_url_is_judged_by_what_it_resolves_to(url: str) -> None:
    assert PUBLIC.refuse_url(URL(url)) is None


@pytest.mark.parametrize(
    ("host", "means"),
    [
        ("0x7f.1", IPv4Address("127.0.0.1")),
        ("134744072", IPv4Address("8.8.8.8")),
        ("010.0.0.1", IPv4Address("8.0.0.1")),
        ("Example.COM.", Name("example.com")),
        ("::1", IPv6Address("::1")),
        ("", None),
        (None, None),
        (".", None),
        ("example.com..", None),
    ],
)
def test_a_host_is_read_as_the_operating_system_would_dial_it(host: str | None, means: object) -> None:
    assert host_of(host) == means


def test_an_allowed_network_is_visited_on_any_port_and_its_neighbours_are_not() -> None:
    assert INTRANET.refuse_address(ip_address("10.1.2.3"), port=9_999) is None
    assert INTRANET.refuse_address(ip_address("::ffff:10.1.2.3"), port=9_999) is None
    assert INTRANET.refuse_address(ip_address("fd12::5"), port=22) is None
    assert INTRANET.refuse_address(ip_address("10.2.0.1"), port=443) is Refusal.PRIVATE
    assert INTRANET.refuse_address(ip_address("8.8.8.8"), port=22) is Refusal.PORT
    assert INTRANET.refuse_url(URL("http://10.1.2.3:6379/")) is None
    assert INTRANET.refuse_url(URL("http://10.2.0.1/")) is Refusal.PRIVATE


def test_where_credentials_are_handed_out_is_refused_even_in_an_allowed_network() -> None:
    everything = Rules(allow=(ip_network("0.0.0.0/0"), ip_network("::/0")))

    assert everything.refuse_address(ip_address("169.254.169.254"), port=80) is Refusal.METADATA
    assert everything.refuse_address(ip_address("64:ff9b::a9fe:a9fe"), port=80) is Refusal.METADATA
    assert everything.refuse_address(ip_address("fd00:ec2::254"), port=80) is Refusal.METADATA


NOT_PUBLIC = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]


def embeddings(inner: IPv4Address) -> Iterator[IPv6Address]:
    """Every form in which an IPv6 address is known to carry an IPv4 address."""
    number = int(inner)
    for prefix in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::", "64:ff9b:1:ffff::"):
        yield IPv6Address(int(IPv6Address(prefix)) | number)
    yield IPv6Address(int(IPv6Address("2002::")) | number << 80 | 1)  # 6to4
    yield IPv6Address(int(IPv6Address("2001::")) | number << 64 | 0xF7F7_F7F7)  # Teredo, as the server
    yield IPv6Address(int(IPv6Address("2001:0:808:808::")) | number ^ 0xFFFF_FFFF)  # Teredo, as the client
    yield IPv6Address(int(IPv6Address("2606:4700::5efe:0:0")) | number)  # ISATAP
    yield IPv6Address(int(IPv6Address("2606:4700::200:5efe:0:0")) | number)
    # RFC 6052 behind the 48-bit NAT64 prefix: 16 bits, eight empty ones, 16 bits.
    yield IPv6Address(int(IPv6Address("64:ff9b:1::")) | (number >> 16) << 64 | (number & 0xFFFF) << 40)


@given(st.sampled_from(NOT_PUBLIC).flatmap(lambda network: st.ip_addresses(v=4, network=network)))
def test_a_private_address_is_refused_in_any_embedding(inner: IPv4Address) -> None:
    assert PUBLIC.refuse_address(inner, port=443) is not None
    for outer in embeddings(inner):
        assert PUBLIC.refuse_address(outer, port=443) is not None, outer


@given(st.ip_addresses())
def test_whatever_is_allowed_is_global_and_no_multicast(address: IPv4Address | IPv6Address) -> None:
    if PUBLIC.refuse_address(address, port=443) is None:
        dialled = getattr(address, "ipv4_mapped", None) or address
        assert dialled.is_global
        assert not dialled.is_multicast


@given(st.text(max_size=60))
def test_no_host_however_odd_breaks_the_rules(text: str) -> None:
    try:
        url = URL(f"http://{text}/")
    except ValueError:
        return
    assert PUBLIC.refuse_url(url) in {None, *Refusal}
