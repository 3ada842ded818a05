"""The checks of `fleet doctor`: each looks at one thing, and knows the setting and the remedy when it is not well."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy import func, select

from shared.broker.making import make_carrier
from shared.chromium import find_chromium
from shared.database import Database
from shared.errors import FleetError
from shared.identity.making import make_identity_provider
from shared.in_redis import open_redis
from shared.keys.in_vault import pepper
from shared.keys.vault_session import VaultSession
from shared.ledger.checks import inconsistencies
from shared.ledger.migrate import newest, revision
from shared.ledger.tables import jobs
from shared.ledger.walls import gaps
from shared.settings import (
    BrokerSettings,
    BrowserSettings,
    DatabaseSettings,
    DispatchSettings,
    EgressSettings,
    GeminiSettings,
    IdentitySettings,
    ProcessSettings,
    QuotaSettings,
    RedisSettings,
    Settings,
    TokenSettings,
    VaultSettings,
)
from shared.tokens import TokenReader
from shared.values import JobState, Stage

_HAS_NOT_ENDED = jobs.c.state.in_([JobState.QUEUED, JobState.RELEASED, JobState.RUNNING])
_OTHERS: tuple[type[Settings], ...] = (QuotaSettings, GeminiSettings, DispatchSettings, EgressSettings, ProcessSettings)


class Unwell(Exception):
    """What a check found, as a sentence."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        look: says in a few words what is there; raises `Unwell` or a `FleetError` when it is not well.
        setting: which setting says where it is.
        remedy: what to do when it is not well.
    """

    name: str
    setting: str
    remedy: str
    look: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    setting: str
    ok: bool
    sentence: str
    remedy: str | None


async def look_at(check: Check) -> Finding:
    """Do one check; never raises for what is merely not well."""
    try:
        sentence = await check.look()
    except (Unwell, FleetError) as unwell:
        return Finding(check.name, check.setting, ok=False, sentence=str(unwell), remedy=check.remedy)
    return Finding(check.name, check.setting, ok=True, sentence=sentence, remedy=None)


async def _postgres() -> str:
    at, needed = revision(_database_url()), newest()
    if at != needed:
        raise Unwell(f"The tables are at step {at or 'none'}; this program needs {needed}.")
    return f"reachable, tables at step {at}"


async def _walls() -> str:
    if found := gaps(_database_url()):
        raise Unwell(" ".join(found))
    return "every table shows a user's transactions that user's rows only"


async def _sums() -> str:
    database = Database(_database_url(), pool=1)
    try:
        found = await inconsistencies(database)
    finally:
        await database.close()
    if found:
        raise Unwell(" ".join(found))
    return "every job, lane and bookmark agrees"


async def _broker() -> str:
    settings = BrokerSettings.read()
    url = settings.broker_url.get_secret_value()
    carrier = make_carrier(url, partitions=settings.partitions, stages=[Stage.SCRAPE])
    try:
        waiting = sum((await carrier.depths(Stage.SCRAPE)).values())
    finally:
        await carrier.close()
    return f"reachable, {waiting:,} messages for the scraper"


async def _redis() -> str:
    async with open_redis(RedisSettings.read().redis_url) as redis:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            raise Unwell(f"Redis cannot be reached ({type(error).__name__}).") from error
    return "reachable"


async def _vault() -> str:
    session = VaultSession(VaultSettings.read())
    try:
        await pepper(session)
    finally:
        await session.close()
    return "unsealed, signed in and set up"


async def _browser() -> str:
    program = find_chromium(BrowserSettings.read().browser_path)
    if not DispatchSettings.read().render:
        waiting = await _waiting_for_a_browser()
        if waiting:
            raise Unwell(f"{waiting:,} pages wait for a browser, and there is no render pool.")
        return f"no render pool is set ({program or 'no Chromium'} here); pages that need a browser do without"
    return f"{program} here" if program else "the render pool has one elsewhere; there is none here"


async def _waiting_for_a_browser() -> int:
    database = Database(_database_url(), pool=1)
    try:
        async with database.begin() as work:
            found = await work.execute(select(func.count()).where(jobs.c.stage == Stage.RENDER, _HAS_NOT_ENDED))
            return int(found.scalar_one())
    finally:
        await database.close()


async def _tokens() -> str:
    TokenReader(TokenSettings.read().token_secret)
    return "long enough"


async def _identity() -> str:
    provider = make_identity_provider(IdentitySettings.read())
    if provider is None:
        return "none is set; the deployment's own tokens are the only ones"
    await provider.reach()
    return "its keys are at hand"


async def _others() -> str:
    for settings in _OTHERS:
        settings.read()
    return "readable"


def _database_url() -> str:
    return DatabaseSettings.read().database_url.get_secret_value()


CHECKS = (
    Check(
        "PostgreSQL", "FLEET_DATABASE_URL", "Start PostgreSQL, correct the setting, or run `fleet migrate`.", _postgres
    ),
    Check(
        "the walls between users",
        "FLEET_DATABASE_URL",
        "Run `fleet migrate`; use a login that is no superuser; GRANT fleet_tenant, fleet_dispatcher TO it.",
        _walls,
    ),
    Check("the ledger's sums", "FLEET_DATABASE_URL", "Keep the sentence and tell the maintainers.", _sums),
    Check(
        "the broker", "FLEET_BROKER_URL", "Start RabbitMQ (or Valkey for one machine) or correct the setting.", _broker
    ),
    Check(
        "Redis", "FLEET_REDIS_URL", "Start Redis or Valkey, or correct the setting; analyses wait until then.", _redis
    ),
    Check(
        "the vault",
        "FLEET_VAULT_ADDR",
        "Start and unseal Vault, or correct FLEET_VAULT_…; keys wait until then.",
        _vault,
    ),
    Check("the browser", "FLEET_RENDER", "Run `fleet render` where Chromium is, and set FLEET_RENDER=true.", _browser),
    Check("the tokens' secret", "FLEET_TOKEN_SECRET", "Set at least 32 characters made by chance.", _tokens),
    Check(
        "the identity provider",
        "FLEET_IDENTITY_JWKS_URL",
        "Correct FLEET_IDENTITY_…; its users' tokens are refused until then.",
        _identity,
    ),
    Check(
        "other settings", "FLEET_…", "Correct what the sentence names; docs/configuration.md explains each.", _others
    ),
)
