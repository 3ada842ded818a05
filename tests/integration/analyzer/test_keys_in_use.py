"""Keys in use by many analyzers, in a real vault: the default key's bounds, rotation, removal, and what is no key."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import hvac
import pytest

from shared.database import Database
from shared.keys import DEPLOYMENT
from shared.quota import Limits
from shared.quota.in_memory import InMemoryLimits
from shared.quota.limits import DeploymentLimits
from shared.users import user_id
from shared.values import DefaultKeyPolicy, KeyStatus, UserId
from tests.conftest import Vault
from tests.gemini_emulator import GeminiEmulator, KeyState, most_in_any_window
from tests.integration.analyzer.house import ADA, KEYS, LINUS, TEST, House, KeysInVault
from tests.quotas import limits_of

NEW = "AIzaSyNew-0000000000000000000000000000new"
MAX_AGE = timedelta(seconds=1)


@pytest.fixture
def emulator() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as gemini:
        for key in [*KEYS.values(), NEW]:
            gemini.add_key(key, per_minute=100_000, per_day=100_000)  # ours are the limits that must hold
        yield gemini


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=20)
    yield database
    await database.close()


@pytest.fixture
def house(database: Database, redis_url: str, vault: Vault, emulator: GeminiEmulator) -> House:
    keys = KeysInVault(vault, database, MAX_AGE)
    return House(database, redis_url, emulator.url, keys, limits_of(minute=1_000), window=1, group=1)


async def status_of(house: House, owner: UserId) -> KeyStatus | None:
    known = await house.registry.find(owner)
    return None if known is None else known.status


async def once(house: House, *, requests: int) -> None:
    """Wait until so many requests have left."""
    async with asyncio.timeout(30):
        while len(house.left) < requests:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


async def test_many_users_on_the_default_key_stay_within_their_shares_and_within_the_keys_limit(
    database: Database, redis_url: str, vault: Vault, emulator: GeminiEmulator
) -> None:
    limits = DeploymentLimits(user=Limits(minute=1_000), share=Limits(minute=2), default_key=Limits(minute=5))
    house = House(
        database,
        redis_url,
        emulator.url,
        KeysInVault(vault, database, MAX_AGE),
        InMemoryLimits(limits),
        window=4,
        group=1,
        minute=timedelta(seconds=1),
        policy=DefaultKeyPolicy.FALLBACK,
    )
    await house.add_key(DEPLOYMENT)
    users = [user_id(f"user-{number}") for number in range(5)]
    for user in users:
        await house.save(user, 4, with_key=False)
    await house.save(ADA, 4)

    await house.run(analyzers=4, until=24)

    on_default = [left for left in house.left if left.key == KEYS[DEPLOYMENT]]
    assert most_in_any_window([left.at for left in on_default], 1.0) == 5
    for user in users:
        assert most_in_any_window([left.at for left in on_default if left.user == user], 1.0) <= 2
    assert {left.user for left in house.left if left.key == KEYS[ADA]} == {ADA}
    expected = {(user, "default"): 4 for user in users}
    assert await house.sources() == expected | {(ADA, "user"): 4}


async def test_a_rotation_while_jobs_run_ends_the_use_of_the_old_key_and_its_refusal_leaves_the_new_one_good(
    house: House, emulator: GeminiEmulator
) -> None:
    emulator.latency_s = 0.05
    await house.save(ADA, 40)
    running = asyncio.create_task(house.run(analyzers=3, until=40))
    await once(house, requests=8)

    await house.add_key(ADA, NEW)
    rotated = time.time()
    emulator.refuse_key(KEYS[ADA])
    await running

    with_old = [left.at for left in house.left if left.key == KEYS[ADA]]
    assert with_old
    assert max(with_old) < rotated + MAX_AGE.total_seconds()
    assert await status_of(house, ADA) is KeyStatus.ACTIVE
    assert await house.sources() == {(ADA, "user"): 40}
    refused = [request for request in emulator.requests_of(KEYS[ADA]) if request.outcome != "200"]
    assert len(refused) <= 3  # those on their way, one an analyzer at most


async def test_many_rotations_in_a_row_lose_nothing(house: House, emulator: GeminiEmulator) -> None:
    await house.save(ADA, 60)
    running = asyncio.create_task(house.run(analyzers=3, until=60))

    keys = [emulator.add_key(f"AIzaSyNew-{number:030}", per_minute=100_000) for number in range(6)]
    for before, key in zip([KEYS[ADA], *keys], keys, strict=False):
        await once(house, requests=len(house.left) + 3)
        await house.add_key(ADA, key)
        emulator.refuse_key(before)
    await running

    assert await status_of(house, ADA) is KeyStatus.ACTIVE
    assert await house.sources() == {(ADA, "user"): 60}


async def test_a_key_removed_while_jobs_run_is_not_used_any_more_and_leaves_nothing_behind(
    house: House, emulator: GeminiEmulator, vault: Vault
) -> None:
    emulator.latency_s = 0.05
    await house.save(ADA, 30)
    running = asyncio.create_task(house.run(analyzers=3, until=30))
    await once(house, requests=5)

    await house.keys.remove(ADA)
    await house.registry.remove(ADA, by=TEST)
    removed = time.time()
    await running

    assert max(left.at for left in house.left) < removed + MAX_AGE.total_seconds()
    sources = await house.sources()
    assert sources[ADA, "none"] + sources[ADA, "user"] == 30
    assert sources[ADA, "none"] >= 20
    assert in_the_vault(vault, ADA) == {}


async def test_an_own_key_that_expires_while_jobs_run_hands_over_to_the_default_key_without_a_loss(
    house: House, emulator: GeminiEmulator, database: Database
) -> None:
    house = House(
        database,
        house.redis_url,
        emulator.url,
        house.keys,
        house.limits,
        window=5,
        group=5,
        policy=DefaultKeyPolicy.FALLBACK,
    )
    await house.add_key(DEPLOYMENT)
    await house.save(ADA, 20)
    await house.save(LINUS, 5)
    emulator.refuse_key(KEYS[ADA], KeyState.EXPIRED)

    await house.run(analyzers=3, until=25)

    assert await house.sources() == {(ADA, "default"): 20, (LINUS, "user"): 5}
    assert len(emulator.requests_of(KEYS[ADA])) == 1
    assert await status_of(house, ADA) is KeyStatus.EXPIRED
    assert await status_of(house, DEPLOYMENT) is KeyStatus.ACTIVE


@pytest.mark.parametrize("stored", ["", "   ", "\n", "short", "AIzaSyÄda-0000000000000000000000000000ada"])
async def test_what_is_no_key_in_the_vault_waits_for_one_and_the_environments_key_does_not_step_in(
    house: House, emulator: GeminiEmulator, vault: Vault, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, KEYS[LINUS])
    await house.save(ADA, 2)
    put_into_the_vault(vault, ADA, stored)
    await house.save(LINUS, 1)

    await house.run(analyzers=1, until=1)

    assert emulator.requests_of(KEYS[ADA]) == []
    assert await house.sources() == {(LINUS, "user"): 1}


def put_into_the_vault(vault: Vault, owner: UserId, text: str) -> None:
    """As somebody with all rights could, past every check."""
    root = hvac.Client(url=vault.addr, token=vault.root_token)
    path = f"fleet/users/{owner}/gemini"
    root.secrets.kv.v2.create_or_update_secret(path=path, secret={"api_key": text}, mount_point=vault.mount)
    root.adapter.close()


def in_the_vault(vault: Vault, owner: UserId) -> dict[str, object]:
    """Every version of an owner's key that is left."""
    root = hvac.Client(url=vault.addr, token=vault.root_token)
    try:
        path = f"fleet/users/{owner}/gemini"
        found = root.secrets.kv.v2.read_secret_metadata(path=path, mount_point=vault.mount)
    except hvac.exceptions.InvalidPath:
        return {}
    finally:
        root.adapter.close()
    versions: dict[str, object] = found["data"]["versions"]
    return versions
