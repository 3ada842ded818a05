"""What every `KeyWriter` and `KeyReader` promises: in memory, and in a real OpenBao under the real policies."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.audit import here
from shared.audit.in_memory import InMemoryAudit
from shared.keys import KeyReader, KeyWriter
from shared.keys.cache import KeyCache
from shared.keys.in_memory import InMemoryKeys
from shared.keys.in_vault import VaultKeyReader, VaultKeyWriter
from shared.keys.plaintext import api_key
from shared.keys.vault_session import VaultSession
from shared.users import user_id
from tests.vaults import settings_for

if TYPE_CHECKING:
    from tests.conftest import Vault

ADA, BOB = user_id("ada"), user_id("b|ob:+=@7")
FIRST, SECOND = api_key("AIzaFIRST-0123456789abcdef"), api_key("AIzaSECOND-0123456789abcdef")


@dataclass(frozen=True)
class Keys:
    writer: KeyWriter
    reader: KeyReader


@pytest.fixture(params=["memory", "vault"])
async def keys(request: pytest.FixtureRequest) -> AsyncIterator[Keys]:
    if request.param == "memory":
        memory = InMemoryKeys()
        yield Keys(memory, memory)
        return
    vault: Vault = request.getfixturevalue("vault")
    front_door = VaultSession(settings_for(vault, vault.front_door))
    analyzer = VaultSession(settings_for(vault, vault.analyzer))
    cache = KeyCache(max_age=timedelta(minutes=1))
    yield Keys(
        VaultKeyWriter(front_door), VaultKeyReader(analyzer, cache, audit=InMemoryAudit(), actor=here("process:test"))
    )
    await front_door.close()
    await analyzer.close()


async def test_a_stored_key_is_read_with_the_version_its_writer_was_told(keys: Keys) -> None:
    version = await keys.writer.put(ADA, FIRST)

    stored = await keys.reader.read(ADA)

    assert stored is not None
    assert (stored.key, stored.version) == (FIRST, version)


async def test_each_user_has_a_key_of_their_own(keys: Keys) -> None:
    await keys.writer.put(ADA, FIRST)
    await keys.writer.put(BOB, SECOND)

    ada, bob = await keys.reader.read(ADA), await keys.reader.read(BOB)

    assert ada is not None
    assert bob is not None
    assert (ada.key, bob.key) == (FIRST, SECOND)


async def test_there_is_no_key_of_who_has_none(keys: Keys) -> None:
    assert await keys.reader.read(ADA) is None


async def test_a_key_put_later_takes_the_place_of_the_one_before(keys: Keys) -> None:
    old = await keys.writer.put(ADA, FIRST)
    new = await keys.writer.put(ADA, SECOND)

    stored = await keys.reader.read(ADA)

    assert stored is not None
    assert stored.key == SECOND
    assert stored.version == new != old


async def test_a_key_put_after_a_removal_is_another_version(keys: Keys) -> None:
    removed = await keys.writer.put(ADA, FIRST)
    await keys.writer.remove(ADA)

    assert await keys.writer.put(ADA, FIRST) != removed


async def test_a_removed_key_is_gone_once_it_is_forgotten_and_removing_it_again_is_no_error(keys: Keys) -> None:
    await keys.writer.put(ADA, FIRST)
    await keys.reader.read(ADA)

    await keys.writer.remove(ADA)
    await keys.writer.remove(ADA)
    keys.reader.forget(ADA)

    assert await keys.reader.read(ADA) is None


async def test_after_forget_the_newest_key_is_read(keys: Keys) -> None:
    await keys.writer.put(ADA, FIRST)
    await keys.reader.read(ADA)
    await keys.writer.put(ADA, SECOND)

    keys.reader.forget(ADA)

    stored = await keys.reader.read(ADA)
    assert stored is not None
    assert stored.key == SECOND
