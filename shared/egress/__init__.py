"""The one way out: judges every address a user's bookmark leads to before anything is sent there."""

from dataclasses import dataclass
from typing import Protocol

from yarl import URL


@dataclass(frozen=True, slots=True)
class Allowed:
    """A judged address: connect to one of these IP addresses and no other."""

    url: URL
    addresses: tuple[str, ...]


class EgressGuard(Protocol):
    """Resolves once, judges what it resolved, and hands out only what was judged."""

    async def judge(self, url: URL) -> Allowed:
        """Resolve the URL's host and allow it only when every address is public (or in FLEET_EGRESS_ALLOW).

        Raises:
            AddressRefused: a scheme, port, host or address that may not be visited; says nothing of what resolved.
            PageUnreachable: the name does not resolve.
        """
        ...
