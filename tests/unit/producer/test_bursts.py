"""Submission bursts: seen over all processes, noted once while they last, and never in anybody's way."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

from services.producer.domain.bursts import Bursts
from services.producer.domain.submitting import SubmitBookmarks
from shared.errors import LedgerUnavailable
from shared.ledger import Accepted
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.signals import SignalKind
from shared.signals.in_memory import InMemorySignals
from shared.users import user_id
from shared.values import BookmarkId, UserId

ADA = user_id("ada")
BURST = 1_000


class Lately:
    """A ledger that holds so many bookmarks of everybody, and counts how often it is asked."""

    def __init__(self, held: int) -> None:
        self.held = held
        self.looks = 0

    async def __call__(self, user: UserId, since: datetime, *, at_most: int) -> int:
        assert user == ADA
        assert datetime.now(UTC) - since < timedelta(minutes=61)
        self.looks += 1
        return min(self.held, at_most)


def chances(*each: float) -> Iterator[float]:
    return chain(each, repeat(0.999))


def bursts(lately: Lately, signals: InMemorySignals, chance: Iterator[float] | None = None) -> Bursts:
    return Bursts(handed_in=lately, signals=signals, burst=BURST, random=(chance or repeat(0.5)).__next__)


def accepted(new: int, *, known: int = 0) -> Sequence[Accepted]:
    return [Accepted(BookmarkId(n), f"https://example.org/{n}", n < new) for n in range(new + known)]


async def test_a_burst_is_noted_once_while_it_lasts() -> None:
    signals = InMemorySignals()
    watching = bursts(Lately(BURST), signals)

    for _ in range(5):
        await watching.watch(ADA, accepted(200))

    [noted] = await signals.newest()
    assert (noted.user, noted.kind, noted.times) == (ADA, SignalKind.SUBMISSION_BURST, 1)
    assert noted.details == {"bookmarks_in_an_hour": BURST}


async def test_an_import_below_the_burst_is_looked_at_and_not_noted() -> None:
    signals, lately = InMemorySignals(), Lately(BURST - 1)

    await bursts(lately, signals).watch(ADA, accepted(BURST - 1))

    assert lately.looks == 1
    assert await signals.newest() == []


async def test_a_single_bookmark_is_looked_at_with_one_chance_in_a_hundred() -> None:
    lately = Lately(0)
    watching = bursts(lately, InMemorySignals(), chances(0.0099, 0.01, 0.5))

    for _ in range(3):
        await watching.watch(ADA, accepted(1))

    assert lately.looks == 1


async def test_bookmarks_the_user_had_are_no_reason_to_look() -> None:
    lately = Lately(BURST)
    watching = bursts(lately, InMemorySignals(), repeat(0.0))

    await watching.watch(ADA, accepted(0, known=1_000))
    await watching.watch(ADA, [])

    assert lately.looks == 0


async def test_what_was_kept_is_answered_also_when_nobody_can_look() -> None:
    async def away(*_: object, at_most: int) -> int:
        raise LedgerUnavailable("PostgreSQL went away.")

    watching = Bursts(handed_in=away, signals=InMemorySignals(), burst=BURST, random=lambda: 0.0)
    submit = SubmitBookmarks(MemoryLedger(policies={}, retries=RetryPolicy()), watching)

    [kept] = await submit(ADA, "https://example.org/", source="test")

    assert kept.created
