"""Whose site an address belongs to: the part of its host's name that somebody can register (Public Suffix List)."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from publicsuffixlist import PublicSuffixList
from yarl import URL

from services.scraper.domain.politeness import Site
from shared.egress.hosts import Name, host_of

_suffixes = lru_cache(maxsize=1)(PublicSuffixList)
_LOOPBACK = IPv4Address("127.0.0.1")


class Sites:
    """Tells sites apart."""

    def __init__(self, *, own: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        """Keep the networks that are the operator's own."""
        self._own = own

    def __call__(self, url: URL) -> Site:
        """The site of an address; suffixes under which people have sites of their own (`github.io`) count as public."""
        host = host_of(url.raw_host)
        if isinstance(host, Name) and not host.is_localhost:
            return Site(_suffixes().privatesuffix(host.text) or host.text, host.text)
        itself = f"{host.text if isinstance(host, Name) else host}:{url.port}"
        address = _LOOPBACK if isinstance(host, Name) else host
        return Site(itself, itself, is_own=address is not None and any(address in network for network in self._own))
