"""The audit trail in this process's memory, for tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.audit import Actor
from shared.values import UserId


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: who did what with whose data."""

    actor: Actor
    action: str
    user: UserId | None
    details: Mapping[str, str | int] = field(default_factory=dict)


class InMemoryAudit:
    """Keeps the promises of `shared.audit.Audit` until the process ends; `entries` shows them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def record(
        self, actor: Actor, action: str, user: UserId | None, details: Mapping[str, str | int] | None = None
    ) -> None:
        """Keep one entry."""
        self.entries.append(Entry(actor, action, user, dict(details or {})))
