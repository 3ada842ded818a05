"""Real servers for benchmarks: started with the first benchmark that asks, ended with the run."""

import asyncio
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from shared.ledger.migrate import migrate
from tests.servers import ask, beside, start_holder


class Servers:
    """Addresses of PostgreSQL, Valkey and RabbitMQ, each started when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def database(self) -> str:
        """A new, migrated database."""
        url = (await self._facts("postgres"))["url"]
        name = f"bench_{secrets.token_hex(6)}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        await asyncio.to_thread(migrate, beside(url, name))
        return beside(url, name)

    async def redis(self) -> str:
        return str((await self._facts("valkey"))["url"])

    async def rabbitmq(self) -> str:
        return str((await self._facts("rabbitmq"))["url"])

    async def _facts(self, name: str) -> dict[str, str]:
        return await asyncio.to_thread(ask, self._folder, name)


@contextmanager
def servers() -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-bench-", dir=os.environ.get("TMPDIR")))
    holder = start_holder(folder)
    try:
        while not (folder / "socket").exists():
            time.sleep(0.02)
        yield Servers(folder)
    finally:
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
