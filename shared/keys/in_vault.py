"""Users' keys in Vault or OpenBao, in a KV version 2 mount: `<mount>/data/fleet/users/<user>/gemini`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import hvac
from hvac.exceptions import InvalidPath
from pydantic import SecretStr

from shared.audit import Actor, Audit
from shared.errors import InvalidKey, KeysUnavailable, LedgerUnavailable
from shared.keys import ApiKey, StoredKey
from shared.keys.cache import KeyCache
from shared.keys.plaintext import api_key
from shared.keys.setting_up import PEPPER
from shared.keys.vault_session import VaultSession
from shared.logs import log
from shared.values import UserId

_FIELD = "api_key"
_EPOCH = datetime.fromtimestamp(0, UTC)
_NEXT_LOOK = timedelta(seconds=15)


class VaultKeyWriter:
    """Keeps the promises of `shared.keys.KeyWriter`; for the front door, whose policy cannot read."""

    def __init__(self, session: VaultSession) -> None:
        self._session = session

    async def put(self, user: UserId, key: ApiKey) -> int:
        """Store a key as the newest version of the user's secret."""

        def put(client: hvac.Client) -> int:
            answer = client.secrets.kv.v2.create_or_update_secret(
                path=_path(user), secret={_FIELD: key.get_secret_value()}, mount_point=self._session.mount
            )
            return _version(answer["data"])

        return await self._session.ask(put)

    async def remove(self, user: UserId) -> None:
        """Destroy the user's secret with its history."""

        def remove(client: hvac.Client) -> None:
            client.secrets.kv.v2.delete_metadata_and_all_versions(path=_path(user), mount_point=self._session.mount)

        await self._session.ask(remove)


class VaultKeyReader:
    """Keeps the promises of `shared.keys.KeyReader`; for the analyzer, whose policy can only read."""

    def __init__(self, session: VaultSession, cache: KeyCache, *, audit: Audit, actor: Actor) -> None:
        """Keep the parts; each read that reaches the vault is recorded in `audit` as done by `actor`."""
        self._session = session
        self._cache = cache
        self._audit = audit
        self._actor = actor

    async def read(self, user: UserId) -> StoredKey | None:
        """The user's key, remembered or from the vault; not handed out when its reading cannot be recorded.

        A text that can be no key, whoever wrote it there, is none.
        """
        remembered = self._cache.get(user)
        if remembered is not None:
            return remembered
        generation = self._cache.generation
        stored = await self._session.ask(lambda client: _read(client, self._session.mount, user))
        if stored is not None:
            await self._record(user, stored)
            self._cache.remember(user, stored, generation=generation)
        return stored

    def forget(self, user: UserId) -> None:
        """Drop what is remembered of the user's key."""
        self._cache.forget(user)

    async def _record(self, user: UserId, stored: StoredKey) -> None:
        try:
            await self._audit.record(self._actor, "key_read", user, {"version": stored.version})
        except LedgerUnavailable as error:
            raise KeysUnavailable(
                "A key is not read while its reading cannot be recorded.",
                until=datetime.now(UTC) + _NEXT_LOOK,
            ) from error


async def pepper(session: VaultSession) -> SecretStr:
    """The secret that fingerprints are made with; set-up put it into the vault.

    Raises:
        KeysUnavailable: the vault cannot be asked, or was never set up.
    """

    def read(client: hvac.Client) -> SecretStr:
        return SecretStr(_secret(client, session.mount, PEPPER)["data"]["pepper"])

    return await session.ask(read)


def _read(client: hvac.Client, mount: str, user: UserId) -> StoredKey | None:
    try:
        found = _secret(client, mount, _path(user))
    except InvalidPath:
        return None
    try:
        key = api_key(found["data"][_FIELD])
    except InvalidKey as error:
        log.error("stored_key_unusable", user=user, sentence=error.sentence)
        return None
    return StoredKey(key, _version(found["metadata"]))


def _secret(client: hvac.Client, mount: str, path: str) -> dict[str, Any]:
    answer = client.secrets.kv.v2.read_secret_version(path=path, mount_point=mount, raise_on_deleted_version=True)
    found: dict[str, Any] = answer["data"]
    return found


def _path(user: UserId) -> str:
    return f"fleet/users/{user}/gemini"


def _version(metadata: dict[str, Any]) -> int:
    """When this version was made, in microseconds: the vault's own number starts at 1 again after a removal."""
    return (datetime.fromisoformat(metadata["created_time"]) - _EPOCH) // timedelta(microseconds=1)
