"""What adapters in Redis or Valkey have in common: their client, their scripts, and lengths as scripts count them."""

from datetime import timedelta
from importlib.resources import files

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff


def open_redis(url: SecretStr) -> Redis:
    """A client that gives up on a silent server within seconds; connects when first used.

    It asks again when a connection turns out to be closed: every script may be run twice without harm.
    """
    return Redis.from_url(
        url.get_secret_value(),
        socket_timeout=2,
        socket_connect_timeout=2,
        retry=Retry(ConstantBackoff(0.05), retries=2),
    )


def script(package: str, name: str) -> str:
    """The Lua script `name` that lies in this package."""
    return files(package).joinpath(f"{name}.lua").read_text(encoding="utf-8")


def ms(length: timedelta) -> int:
    """Whole milliseconds; what is left over is dropped."""
    return length // timedelta(milliseconds=1)
