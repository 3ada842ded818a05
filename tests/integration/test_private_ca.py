"""Servers over TLS with certificates of an authority of one's own, reached as docs/operations/kubernetes.md says."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text

from shared.broker.quorum_broker import QuorumBroker
from shared.database import Database
from shared.errors import BrokerUnavailable, KeysUnavailable, LedgerUnavailable
from shared.in_redis import open_redis
from shared.keys.in_vault import pepper
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings
from tests.certificates import Authority, authority
from tests.conftest import Vault
from tests.manifests import ROOT

PAGE = (ROOT / "docs" / "operations" / "kubernetes.md").read_text(encoding="utf-8")
_SSL_REQUEST = bytes.fromhex("00000008 04d2162f")  # what a client of PostgreSQL sends first
HOST = "127.0.0.1"


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path, "ours")


@pytest.fixture
def strangers(tmp_path: Path) -> Authority:
    return authority(tmp_path, "strangers")


@asynccontextmanager
async def over_tls(url: str, trusted: Authority) -> AsyncIterator[int]:
    """A port that speaks TLS and hands on what it hears to the server at `url`."""
    server = urlsplit(url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if server.scheme == "postgresql":
                assert await reader.readexactly(8) == _SSL_REQUEST
                writer.write(b"S")
            await writer.start_tls(trusted.context)
            there, back = await asyncio.open_connection(server.hostname, server.port)
            await asyncio.gather(_hand_on(reader, back), _hand_on(there, writer))

    listening = await asyncio.start_server(serve, HOST, 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while heard := await reader.read(65_536):
            writer.write(heard)
            await writer.drain()
    writer.close()


def documented(server: str, url: str, *, port: int, ca: Path) -> str:
    """The page's address of a server, with this one's names in it."""
    (address,) = re.findall(rf"^\| {server} \| `([^`]+)` \|$", PAGE, re.MULTILINE)
    here, there = urlsplit(url), urlsplit(address)
    login = here.netloc.rpartition("@")[0]
    netloc = f"{login}@{HOST}:{port}" if login else f"{HOST}:{port}"
    query = there.query.replace("/ca/ca.crt", str(ca)).replace('"host"', f'"{HOST}"')
    return there._replace(netloc=netloc, path=here.path, query=query).geturl()


async def ask_postgresql(address: str) -> None:
    database = Database(address, pool=1)
    try:
        async with database.begin() as work:
            await work.execute(text("SELECT 1"))
    finally:
        await database.close()


async def ask_rabbitmq(address: str) -> None:
    broker = QuorumBroker(address, middleware=[])
    await asyncio.to_thread(broker.declare_all, ["scrape.00"])


async def ask_redis(address: str) -> None:
    redis = open_redis(SecretStr(address))
    try:
        await redis.ping()
    finally:
        await redis.aclose()


ASKED: dict[str, tuple[str, Callable[[str], Awaitable[None]], type[Exception]]] = {
    "PostgreSQL": ("database_url", ask_postgresql, LedgerUnavailable),
    "RabbitMQ": ("rabbitmq_url", ask_rabbitmq, BrokerUnavailable),
    "Redis": ("redis_url", ask_redis, RedisConnectionError),
}


@pytest.mark.parametrize("server", ASKED)
async def test_a_server_is_trusted_for_the_sake_of_the_authority_its_address_names(
    server: str, request: pytest.FixtureRequest, ours: Authority, strangers: Authority
) -> None:
    fixture, ask, refused = ASKED[server]
    url = request.getfixturevalue(fixture)
    async with over_tls(url, ours) as port:
        await ask(documented(server, url, port=port, ca=ours.certificate))
        with pytest.raises(refused):
            await ask(documented(server, url, port=port, ca=strangers.certificate))


async def test_vault_is_trusted_for_the_sake_of_the_authority_a_setting_names(
    vault: Vault, ours: Authority, strangers: Authority
) -> None:
    async with over_tls(vault.addr, ours) as port:

        def session(ca: Path) -> VaultSession:
            return VaultSession(
                VaultSettings(
                    vault_addr=f"https://{HOST}:{port}",
                    vault_ca=str(ca),
                    vault_mount=vault.mount,
                    vault_role_id=vault.front_door.role_id,
                    vault_secret_id=vault.front_door.secret_id,
                )
            )

        trusting, refusing = session(ours.certificate), session(strangers.certificate)
        assert await pepper(trusting)
        with pytest.raises(KeysUnavailable):
            await pepper(refusing)
        await trusting.close()
        await refusing.close()
