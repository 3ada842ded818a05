"""Signs of abuse: noted per user, shown to operators, counted in metrics; nothing is refused because of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from shared.values import UserId


class SignalKind(StrEnum):
    """What looked wrong."""

    SUBMISSION_BURST = "submission_burst"
    CALLS_DENIED = "calls_denied"
    BAD_KEYS = "bad_keys"
    SHARED_KEY = "shared_key"

    @property
    def meaning(self) -> str:
        """What looked wrong, in words for an operator."""
        return _MEANINGS[self]


_MEANINGS = {
    SignalKind.SUBMISSION_BURST: "far more bookmarks at once than people save",
    SignalKind.CALLS_DENIED: "far more work than the quota has calls for",
    SignalKind.BAD_KEYS: "key after key that cannot be used",
    SignalKind.SHARED_KEY: "the same key under more than one user",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of sign of one user: how often, since when, and the newest one's figures."""

    user: UserId
    kind: SignalKind
    times: int
    first_at: datetime
    last_at: datetime
    details: Mapping[str, str | int]

    def as_json(self) -> dict[str, Any]:
        """The fields by name, with the meaning, ready to be written as JSON."""
        times = {"first_at": self.first_at.isoformat(), "last_at": self.last_at.isoformat()}
        return {**asdict(self), **times, "meaning": self.kind.meaning}


class Signals(Protocol):
    """Keeps signs of abuse and counts them in `fleet_abuse_signals_total`; raises `LedgerUnavailable`.

    `Ledger.erase` drops a user's with all else.
    """

    async def note(
        self,
        user: UserId,
        kind: SignalKind,
        details: Mapping[str, str | int] | None = None,
        *,
        quiet: timedelta = timedelta(0),
    ) -> None:
        """Count one more sign of this kind.

        Args:
            user: whose sign it is.
            kind: what looked wrong.
            details: its figures, in place of those of the sign before; never a secret.
            quiet: so soon after the last sign of this kind it is still the same one, and nothing is counted.
        """
        ...

    async def newest(self, limit: int = 100, *, user: UserId | None = None) -> Sequence[Signal]:
        """The signs of one user or of all, newest first."""
        ...
