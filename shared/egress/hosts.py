"""Hosts as the operating system would dial them: numbers in any disguise become an address, names become plain."""

import re
import socket
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Name:
    """A host that must be resolved, lower case, in ASCII, without the root's dot."""

    text: str

    @property
    def is_localhost(self) -> bool:
        """Whether the name means this machine whatever a resolver says (RFC 6761)."""
        return self.text == "localhost" or self.text.endswith(".localhost")


def host_of(raw: str | None) -> Name | Address | None:
    """What a URL's host stands for: a name, an address, or None when it can be neither.

    Args:
        raw: the host in its ASCII form, as `yarl.URL.raw_host` gives it: no brackets, IDNA applied.
    """
    host = (raw or "").lower().removesuffix(".")
    if ":" in host:
        return _address_v6(host)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _address_v4(host)
    if len(host) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        return None
    return Name(host)


def _address_v6(host: str) -> IPv6Address | None:
    try:
        return IPv6Address(host)
    except AddressValueError:
        return None


def _address_v4(host: str) -> IPv4Address | None:
    """Decimal, octal and hexadecimal numbers in one to four parts, as the C library reads them."""
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
