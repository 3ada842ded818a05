"""What events ask for is done, and doing it again changes nothing."""

import pytest

from services.producer.domain.bursts import Bursts
from services.producer.domain.cloudevents import Event, EventType
from services.producer.domain.taking_events import TakeEvent
from shared.audit import here
from shared.errors import IdempotencyConflict, InvalidInput, InvalidUrl, UnknownUser
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.signals.in_memory import InMemorySignals
from shared.values import UserId

URL = "https://example.org/"


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(policies={}, retries=RetryPolicy())


@pytest.fixture
def take(ledger: MemoryLedger) -> TakeEvent:
    async def erase(user: UserId) -> int:
        if not (erased := await ledger.erase(user, by=here("process:intake"))).anything:
            raise UnknownUser(user)
        return erased.bookmarks

    async def none(*_: object, at_most: int) -> int:
        return 0

    return TakeEvent(ledger, Bursts(handed_in=none, signals=InMemorySignals(), burst=10), erase)


def event(type_: EventType, data: object, *, id_: str = "1", user: str = "ada", source: str = "upstream") -> Event:
    return Event(id_, source, type_, UserId(user), data)


def titles(ledger: MemoryLedger) -> list[str]:
    return [kept.new.title for kept in ledger.bookmarks.values()]


async def test_a_created_bookmark_is_kept_once_however_often_it_is_told(take: TakeEvent, ledger: MemoryLedger) -> None:
    created = event(EventType.BOOKMARK_CREATED, {"url": URL, "title": "one"})

    await take(created)
    await take(created)

    assert titles(ledger) == ["one"]


async def test_an_updated_bookmark_is_brought_up_to_date(take: TakeEvent, ledger: MemoryLedger) -> None:
    await take(event(EventType.BOOKMARK_CREATED, {"url": URL, "title": "one"}))

    await take(event(EventType.BOOKMARK_UPDATED, {"url": URL, "title": "two"}, id_="2"))

    assert titles(ledger) == ["two"]


async def test_an_update_of_an_unknown_bookmark_keeps_it(take: TakeEvent, ledger: MemoryLedger) -> None:
    await take(event(EventType.BOOKMARK_UPDATED, {"url": URL, "title": "two"}))

    assert titles(ledger) == ["two"]


async def test_a_deleted_bookmark_is_gone_and_an_old_creation_does_not_bring_it_back(
    take: TakeEvent, ledger: MemoryLedger
) -> None:
    created = event(EventType.BOOKMARK_CREATED, {"url": URL})
    deleted = event(EventType.BOOKMARK_DELETED, {"url": URL}, id_="2")
    await take(created)

    await take(deleted)
    await take(deleted)
    await take(created)

    assert titles(ledger) == []


async def test_a_deleted_user_is_forgotten_and_nobody_else(take: TakeEvent, ledger: MemoryLedger) -> None:
    await take(event(EventType.BOOKMARK_CREATED, {"url": URL, "title": "ada's"}))
    await take(event(EventType.BOOKMARK_CREATED, {"url": URL, "title": "bob's"}, user="bob", id_="2"))
    gone = event(EventType.USER_DELETED, None, id_="3")

    await take(gone)
    await take(gone)

    assert titles(ledger) == ["bob's"]


async def test_one_name_for_two_different_events_is_refused(take: TakeEvent, ledger: MemoryLedger) -> None:
    await take(event(EventType.BOOKMARK_CREATED, {"url": URL}))

    with pytest.raises(IdempotencyConflict):
        await take(event(EventType.BOOKMARK_CREATED, {"url": f"{URL}other"}))


async def test_the_same_id_of_another_source_is_another_event(take: TakeEvent, ledger: MemoryLedger) -> None:
    await take(event(EventType.BOOKMARK_CREATED, {"url": URL}))
    await take(event(EventType.BOOKMARK_CREATED, {"url": f"{URL}other"}, source="elsewhere"))

    assert len(titles(ledger)) == 2


@pytest.mark.parametrize("type_", [EventType.BOOKMARK_CREATED, EventType.BOOKMARK_UPDATED, EventType.BOOKMARK_DELETED])
@pytest.mark.parametrize(
    ("data", "error"),
    [(None, InvalidInput), ({}, InvalidUrl), ({"url": "ftp://example.org"}, InvalidUrl), ([], InvalidInput)],
)
async def test_bookmarks_that_cannot_be_accepted_change_nothing(
    take: TakeEvent,
    ledger: MemoryLedger,
    type_: EventType,
    data: object,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        await take(event(type_, data))

    assert titles(ledger) == []
