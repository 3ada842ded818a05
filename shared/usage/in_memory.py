"""The journal of provider calls in this process's memory, for tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shared.bookmarks import Tokens
from shared.errors import UserErased
from shared.quota import Account
from shared.usage import ERASED, FREE, NOT_SENT, CallId, Prices, Usage
from shared.values import KeySource, UserId


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call as the journal has it; `outcome` is None while it runs."""

    user: UserId
    key_source: KeySource
    model: str
    items: int
    weight: int
    started_at: datetime
    outcome: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    cost_micros: int = 0


class InMemoryUsage:
    """Keeps the promises of `shared.usage.UsageJournal` until the process ends; `calls` shows every record."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = _now,
        knows: Callable[[UserId], bool] = lambda _: True,
        prices: Prices = FREE,
    ) -> None:
        """Start empty; `knows` says whether anything is kept of a user."""
        self._prices = prices
        self.calls: list[RecordedCall] = []
        self._now = now
        self._knows = knows

    async def begin(self, user: UserId, *, key_source: KeySource, model: str, items: int, weight: int = 1) -> CallId:
        """Record that a call is about to leave."""
        if not self._knows(user):
            raise UserErased
        self.calls.append(RecordedCall(user, key_source, model, items, weight, self._now()))
        return CallId(len(self.calls))

    async def end(self, call: CallId, *, outcome: str, tokens: Tokens) -> None:
        """Record what came of a call; what was recorded first stays."""
        recorded = self.calls[call - 1]
        if recorded.outcome is None:
            cost = self._prices.cost_micros(tokens)
            self.calls[call - 1] = replace(recorded, outcome=outcome, tokens=tokens, cost_micros=cost)

    async def calls_since(self, account: Account, since: datetime) -> Sequence[tuple[datetime, int]]:
        """Every call that left since then, oldest first."""
        return [(call.started_at, call.weight) for call in self._sent_since(account, since)]

    async def usage_since(self, account: Account, since: datetime) -> Usage:
        """The sum of the calls that left since then."""
        sent = self._sent_since(account, since)
        return Usage(
            calls=sum(call.weight for call in sent),
            tokens=Tokens(sum(call.tokens.prompt for call in sent), sum(call.tokens.answer for call in sent)),
            last_used=max((call.started_at for call in sent), default=None),
            cost_micros=sum(call.cost_micros for call in sent),
        )

    async def forget(self, user: UserId) -> None:
        """Drop a user's calls; a dropped one keeps its place, as places are what calls go by."""
        nothing = RecordedCall(ERASED, KeySource.USER, "", 0, 0, self._now(), outcome=NOT_SENT)
        self.calls = [
            call
            if call.user != user
            else replace(call, user=ERASED)
            if call.key_source is KeySource.DEFAULT
            else nothing
            for call in self.calls
        ]

    def _sent_since(self, account: Account, since: datetime) -> list[RecordedCall]:
        return [
            call
            for call in self.calls
            if account.user in {None, call.user}
            and account.key_source in {None, call.key_source}
            and call.started_at >= since
            and call.outcome != NOT_SENT
        ]
