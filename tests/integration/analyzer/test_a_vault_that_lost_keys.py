"""A vault that came up older than the ledger, or empty, and a ledger that is older than the vault."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import hvac
import pytest
from sqlalchemy import select

from shared.database import Database
from shared.keys import KeyRecord, setting_up
from shared.ledger.tables import lanes
from shared.values import KeyStatus, Stage, WaitReason
from tests.conftest import Vault
from tests.gemini_emulator import GeminiEmulator
from tests.integration.analyzer.house import ADA, KEYS, TEST, House, KeysInVault
from tests.integration.waiting import until
from tests.quotas import limits_of

PAGES = 3


@pytest.fixture
def emulator() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as gemini:
        gemini.add_key(KEYS[ADA])
        yield gemini


@pytest.fixture
async def house(database_url: str, redis_url: str, vault: Vault, emulator: GeminiEmulator) -> AsyncIterator[House]:
    database = Database(database_url, pool=10)
    keys = KeysInVault(vault, database, timedelta(seconds=1))
    yield House(database, redis_url, emulator.url, keys, limits_of(minute=1_000), window=1, group=1)
    await database.close()


async def known(house: House) -> KeyRecord:
    record = await house.registry.find(ADA)
    assert record is not None
    return record


@pytest.mark.parametrize("apart", [+1, -1], ids=["an older vault", "an older ledger"])
async def test_a_key_of_another_version_than_the_ledgers_is_refused_once_and_its_owner_is_told(
    house: House, emulator: GeminiEmulator, apart: int
) -> None:
    await house.save(ADA, PAGES)
    version = (await known(house)).version + apart
    await house.registry.record(
        ADA, name="k", fingerprint="f", version=version, status=KeyStatus.ACTIVE, reason=None, by=TEST
    )
    emulator.refuse_key(KEYS[ADA])

    await house.run(analyzers=1, until=PAGES)

    assert len(emulator.requests) == 1
    assert (await known(house)).status is KeyStatus.INVALID


async def test_what_an_empty_vault_lost_is_waited_for_until_it_is_added_again(
    house: House, emulator: GeminiEmulator, vault: Vault
) -> None:
    await house.save(ADA, PAGES)
    set_up_anew(vault)
    running = asyncio.create_task(house.run(analyzers=1, until=PAGES))

    async def waits() -> bool:
        async with house.database.begin() as work:
            found = await work.execute(select(lanes.c.reason, lanes.c.rest_reason).where(lanes.c.user_id == ADA))
            return any(WaitReason.KEYS_UNAVAILABLE in lane for lane in found)

    await until(waits, what="the analysis waits for the key")
    assert emulator.requests == []
    await house.add_key(ADA)
    await house.ledger.wake(ADA, Stage.ANALYZE, reasons=[WaitReason.KEYS_UNAVAILABLE])
    await running

    assert await house.sources() == {(ADA, "user"): PAGES}


def set_up_anew(vault: Vault) -> None:
    """An empty vault in place of the old one, set up as that was."""
    root = hvac.Client(url=vault.addr, token=vault.root_token)
    root.sys.disable_secrets_engine(vault.mount)
    setting_up._mount_keys(root, vault.mount)
    setting_up._make_pepper(root, vault.mount)
    root.adapter.close()
