"""What every `KeyRegistry` promises: in memory, and in a real PostgreSQL with its events and audit entries."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shared.audit import Actor
from shared.database import Database
from shared.keys import RENEWED, KeyRegistry
from shared.keys.in_memory import InMemoryKeyRegistry
from shared.keys.in_postgres import PostgresKeyRegistry
from shared.ledger.tables import audit, outbox
from shared.users import user_id
from shared.values import KeyStatus, UserId

ADA, BOB = user_id("ada"), user_id("bob")
BY = Actor("user:ada", "192.0.2.7")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(params=["memory", "postgres"])
def registry(request: pytest.FixtureRequest) -> KeyRegistry:
    if request.param == "memory":
        return InMemoryKeyRegistry()
    return PostgresKeyRegistry(request.getfixturevalue("database"))


async def record(
    registry: KeyRegistry,
    user: UserId = ADA,
    *,
    version: int = 1,
    name: str = "mine",
    status: KeyStatus = KeyStatus.ACTIVE,
    fingerprint: str = "f" * 64,
) -> None:
    await registry.record(
        user, name=name, fingerprint=fingerprint, version=version, status=status, reason="Accepted.", by=BY
    )


async def exhaust(registry: KeyRegistry, user: UserId, *, until: timedelta) -> None:
    await registry.mark(
        user,
        version=1,
        status=KeyStatus.EXHAUSTED,
        reason="All calls are used up.",
        by=BY,
        exhausted_until=datetime.now(UTC) + until,
    )


async def test_what_is_recorded_is_found(registry: KeyRegistry) -> None:
    await record(registry, version=1_795_488_790_215_123)

    found = await registry.find(ADA)

    assert (found.user, found.name, found.status, found.reason) == (ADA, "mine", KeyStatus.ACTIVE, "Accepted.")
    assert (found.fingerprint, found.version) == ("f" * 64, 1_795_488_790_215_123)
    assert datetime.now(UTC) - found.created_at < timedelta(minutes=1)
    assert found.checked_at is not None
    assert found.last_used_at is None
    assert found.usable


async def test_a_key_that_could_not_be_checked_says_so_and_is_usable(registry: KeyRegistry) -> None:
    await record(registry, status=KeyStatus.UNCHECKED)

    found = await registry.find(ADA)

    assert found.checked_at is None
    assert found.usable


async def test_nobody_is_found_who_has_no_key(registry: KeyRegistry) -> None:
    await record(registry, BOB)

    assert await registry.find(ADA) is None


async def test_a_new_key_takes_the_place_of_the_one_before_and_its_times_start_anew(registry: KeyRegistry) -> None:
    await record(registry, version=1, name="old")
    await registry.touch(ADA)

    await record(registry, version=2, name="new")

    found = await registry.find(ADA)
    assert (found.name, found.version, found.last_used_at) == ("new", 2, None)


async def test_a_mark_changes_status_and_reason_and_when_it_was_checked(registry: KeyRegistry) -> None:
    await record(registry, status=KeyStatus.UNCHECKED)

    assert await registry.mark(ADA, version=1, status=KeyStatus.INVALID, reason="The provider refused it.", by=BY)

    found = await registry.find(ADA)
    assert (found.status, found.reason) == (KeyStatus.INVALID, "The provider refused it.")
    assert found.checked_at is not None
    assert not found.usable


async def test_an_old_refusal_does_not_mark_a_new_key(registry: KeyRegistry) -> None:
    await record(registry, version=1)
    await record(registry, version=2)

    assert not await registry.mark(ADA, version=1, status=KeyStatus.INVALID, reason="late", by=BY)
    assert not await registry.mark(BOB, version=1, status=KeyStatus.INVALID, reason="nobody's", by=BY)

    assert (await registry.find(ADA)).status is KeyStatus.ACTIVE


async def test_an_exhausted_key_is_active_again_by_itself_when_its_time_has_come(registry: KeyRegistry) -> None:
    await record(registry)
    await record(registry, BOB)
    await exhaust(registry, ADA, until=-timedelta(seconds=1))
    await exhaust(registry, BOB, until=timedelta(minutes=5))

    assert await registry.renew(by=BY) == 1
    assert await registry.renew(by=BY) == 0

    assert (await registry.find(ADA)).status is KeyStatus.ACTIVE
    assert (await registry.find(BOB)).status is KeyStatus.EXHAUSTED


async def test_what_is_learned_of_an_exhausted_key_meanwhile_outlasts_its_time(registry: KeyRegistry) -> None:
    for user in (ADA, BOB):
        await record(registry, user)
        await exhaust(registry, user, until=-timedelta(seconds=1))
    await registry.mark(ADA, version=1, status=KeyStatus.INVALID, reason="Refused.", by=BY)
    await record(registry, BOB, version=2, status=KeyStatus.UNCHECKED)

    assert await registry.renew(by=BY) == 0

    assert (await registry.find(ADA)).status is KeyStatus.INVALID
    assert (await registry.find(BOB)).status is KeyStatus.UNCHECKED


async def test_a_removed_key_is_not_renewed(registry: KeyRegistry) -> None:
    await record(registry)
    await exhaust(registry, ADA, until=-timedelta(seconds=1))
    await registry.remove(ADA, by=BY)

    assert await registry.renew(by=BY) == 0


async def test_use_is_noted_and_using_a_key_that_is_gone_is_no_error(registry: KeyRegistry) -> None:
    await record(registry)

    await registry.touch(ADA)
    await registry.touch(BOB)

    assert datetime.now(UTC) - (await registry.find(ADA)).last_used_at < timedelta(minutes=1)


async def test_those_who_have_the_same_key_are_found_by_its_fingerprint(registry: KeyRegistry) -> None:
    await record(registry, BOB)
    await record(registry, ADA)
    await record(registry, user_id("eve"), fingerprint="e" * 64)

    assert sorted(await registry.holders("f" * 64)) == [ADA, BOB]
    assert await registry.holders("0" * 64) == []


async def test_a_removed_key_is_forgotten_once(registry: KeyRegistry) -> None:
    await record(registry)

    assert await registry.remove(ADA, by=BY)
    assert not await registry.remove(ADA, by=BY)

    assert await registry.find(ADA) is None


async def test_every_change_tells_the_world_and_the_audit_trail_once(database: Database) -> None:
    registry = PostgresKeyRegistry(database)
    await record(registry, version=7)
    await registry.mark(ADA, version=7, status=KeyStatus.INVALID, reason="Refused.", by=BY)
    await registry.mark(ADA, version=7, status=KeyStatus.INVALID, reason="Refused again.", by=BY)
    await registry.mark(ADA, version=6, status=KeyStatus.ACTIVE, reason="Too old.", by=BY)
    await registry.remove(ADA, by=BY)
    await registry.remove(ADA, by=BY)
    await record(registry, BOB)
    await exhaust(registry, BOB, until=-timedelta(seconds=1))
    await registry.renew(by=BY)

    async with database.begin() as connection:
        events = (await connection.execute(select(outbox).order_by(outbox.c.id))).all()
        entries = (await connection.execute(select(audit).order_by(audit.c.id))).all()

    assert [(event.type, event.user_id, event.data["status"], event.data["reason"]) for event in events] == [
        ("key.status_changed", ADA, "active", "Accepted."),
        ("key.status_changed", ADA, "invalid", "Refused."),
        ("key.status_changed", ADA, "removed", None),
        ("key.status_changed", BOB, "active", "Accepted."),
        ("key.status_changed", BOB, "exhausted", "All calls are used up."),
        ("key.status_changed", BOB, "active", RENEWED),
    ]
    assert [(entry.actor, entry.origin, entry.action, entry.user_id, entry.details) for entry in entries] == [
        (BY.name, BY.origin, "key_added", ADA, {"status": "active", "version": 7}),
        (BY.name, BY.origin, "key_status_changed", ADA, {"status": "invalid", "version": 7}),
        (BY.name, BY.origin, "key_removed", ADA, {"status": "removed", "version": 7}),
        (BY.name, BY.origin, "key_added", BOB, {"status": "active", "version": 1}),
        (BY.name, BY.origin, "key_status_changed", BOB, {"status": "exhausted", "version": 1}),
        (BY.name, BY.origin, "key_status_changed", BOB, {"status": "active", "version": 1}),
    ]


async def test_what_is_done_for_a_user_is_done_within_the_users_walls(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[UserId | None] = []
    begin = Database.begin

    def watched(database: Database, user: UserId | None = None) -> object:
        begun.append(user)
        return begin(database, user)

    monkeypatch.setattr(Database, "begin", watched)
    registry = PostgresKeyRegistry(database)
    await record(registry)
    await registry.find(ADA)
    await registry.touch(ADA)
    await registry.mark(ADA, version=1, status=KeyStatus.INVALID, reason="Refused.", by=BY)
    await registry.remove(ADA, by=BY)

    assert begun == [ADA] * 5


async def test_a_key_that_takes_anothers_place_begins_anew(registry: KeyRegistry) -> None:
    await record(registry)
    await registry.touch(ADA)
    before = await registry.find(ADA)

    await record(registry, version=2)

    after = await registry.find(ADA)
    assert before is not None
    assert after is not None
    assert before.last_used_at is not None
    assert after.last_used_at is None
    assert after.created_at > before.created_at
