"""The egress guard over names known beforehand: for tests, and for places without a resolver."""

from collections.abc import Mapping, Sequence

from yarl import URL

from shared.egress import Allowed
from shared.egress.in_resolver import ResolvingGuard
from shared.egress.rules import Rules


class GuardInMemory:
    """An `EgressGuard` whose names and their addresses are given; unknown names do not resolve."""

    def __init__(self, rules: Rules, names: Mapping[str, Sequence[str]] | None = None) -> None:
        self._names = names or {}
        self._guard = ResolvingGuard(rules, self._resolve)

    async def judge(self, url: URL) -> Allowed:
        """See `EgressGuard.judge`."""
        return await self._guard.judge(url)

    async def _resolve(self, name: str) -> Sequence[str]:
        return self._names.get(name, ())
