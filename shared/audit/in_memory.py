"""The audit trail in this process's memory, for tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from shared.audit import Actor, Entry
from shared.values import UserId


class InMemoryAudit:
    """Keeps the promises of `shared.audit.Audit` until the process ends; `entries` shows them, oldest first."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def record(
        self, actor: Actor, action: str, user: UserId | None, details: Mapping[str, str | int] | None = None
    ) -> None:
        """Keep one entry."""
        number = len(self.entries) + 1
        entry = Entry(number, datetime.now(UTC), actor, action, user, dict(details or {}))
        self.entries.append(entry)

    async def newest(
        self, limit: int = 50, *, user: UserId | None = None, before: int | None = None
    ) -> Sequence[Entry]:
        """Entries, newest first."""
        older = self.entries if before is None else self.entries[: before - 1]
        return [entry for entry in reversed(older) if user is None or entry.user == user][:limit]
