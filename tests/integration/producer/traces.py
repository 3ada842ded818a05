"""Two users who were here: everything either of them can leave anywhere, and how to look for it."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import hvac
import psycopg
import pytest
import redis as sync_redis
from psycopg import sql

from shared.audit import here
from shared.bookmarks import Analysis, Content, Tokens
from shared.database import Database
from shared.errors import PageGone
from shared.in_redis import open_redis
from shared.ledger import Job
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.preferences import OF_THE_PAGE, Language
from shared.preferences.in_postgres import PostgresPreferences
from shared.quota import Learned, UserLimits, WindowName, account_of, share_of
from shared.quota.opening import open_quota
from shared.settings import DefaultKeySettings, DispatchSettings, QuotaSettings, RedisSettings
from shared.signals import SignalKind
from shared.signals.in_postgres import PostgresSignals
from shared.usage.in_postgres import PostgresUsage
from shared.users import user_id
from shared.values import AnalysedBy, KeySource, Stage, Strategy, UserId
from tests.conftest import Vault
from tests.gemini_emulator import GeminiEmulator
from tests.integration.producer.conftest import Api

ADA, LINUS = user_id("ada-7f3a"), user_id("linus-91c2")
KEYS = {ADA: "AIzaSy-key-of-ada-7f3a-0123456789abcd", LINUS: "AIzaSy-key-of-linus-91c2-0123456789"}
HERE = here("process:test")


def mark(user: UserId) -> str:
    """A word that everything of this user's content holds, and nothing else does."""
    return f"content-of-{user}"


async def live(user: UserId, url: str) -> None:
    """Leave a trace of a user wherever users leave any."""
    async with AsyncExitStack() as stack:
        database = Database(url, pool=2)
        stack.push_async_callback(database.close)
        redis = open_redis(RedisSettings.read().redis_url)
        stack.push_async_callback(redis.aclose)
        ledger = PostgresLedger(database, policies=stage_policies(DispatchSettings()), retries=RetryPolicy())
        for job in await _claimed(ledger, Stage.SCRAPE):
            word = mark(job.user)
            await ledger.store_content(job, Content(Strategy.STATIC, "ok", job.bookmark.url, word, f"{word} text"))
        one, *others = await _claimed(ledger, Stage.ANALYZE)
        await ledger.store_analyses([(one, _analysis(mark(user)))])
        await ledger.fail(others[:1], PageGone("Gone."))
        quota = open_quota(redis, database, settings=QuotaSettings.read(), default_key=DefaultKeySettings.read())
        journal = PostgresUsage(database)
        for account, source in ((account_of(user), KeySource.USER), (share_of(user), KeySource.DEFAULT)):
            await quota.permits.take(account)
            await quota.permits.close(account, WindowName.DAY, datetime.now(UTC) + timedelta(hours=1))
            await quota.limits.learn(account, Learned(WindowName.MINUTE, 3, "PerMinute"))
            call = await journal.begin(user, key_source=source, model="m", items=1)
            await journal.end(call, outcome="analysed", tokens=Tokens(5, 1))
        await quota.limits.set(user, UserLimits(minute=7), by=HERE)
        await PostgresPreferences(database, default=OF_THE_PAGE).set_language(user, Language("de"), by=HERE)
        await PostgresSignals(database).note(user, SignalKind.BAD_KEYS, {"keys": 3})


async def _claimed(ledger: PostgresLedger, stage: Stage) -> list[Job]:
    jobs: list[Job] = []
    while releases := await ledger.release(stage):
        for release in releases:
            jobs += await ledger.claim(stage, release.job_ids, release.token)
    return jobs


def _analysis(word: str) -> Analysis:
    return Analysis(
        key_concepts=(word,),
        content_type="article",
        difficulty="beginner",
        technologies=(word,),
        learning_path=word,
        project_applicability=word,
        skill_development=word,
        summary=word,
        analysed_by=AnalysedBy.GEMINI,
        key_source=KeySource.USER,
        model="m",
        prompt_version="1",
    )


@pytest.fixture
def lived(api: Api, gemini: GeminiEmulator) -> Api:
    """Ada and Linus were here: every table, the vault and Redis know them."""
    for user in (ADA, LINUS):
        word = mark(user)
        gemini.add_key(KEYS[user])
        path = f"/v1/users/{user}"
        added = api.ask("PUT", f"{path}/api-key", whose=user, json={"key": KEYS[user], "name": word})
        assert added.status_code == 200
        saved = [
            {
                "url": f"https://example.org/{word}/{n}",
                "title": word,
                "tags": [word],
                "excerpt": word,
                "external_id": word,
            }
            for n in range(3)
        ]
        headers = {"Idempotency-Key": word}
        assert api.ask("POST", f"{path}/bookmarks", whose=user, json=saved, headers=headers).status_code == 202
        asyncio.run(live(user, api.database_url))
    return api


# ---- where they are looked for ---------------------------------------------------------------------


def tables(api: Api) -> list[str]:
    return [name for (name,) in api.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def rows_with(api: Api, word: str) -> Counter[str]:
    """By table, how many rows hold the word anywhere."""
    found = Counter[str]()
    with psycopg.connect(api.database_url) as connection:
        for table in tables(api):
            query = sql.SQL("SELECT count(*) FROM {0} WHERE strpos({0}::text, %s) > 0").format(sql.Identifier(table))
            [(rows,)] = connection.execute(query, [word]).fetchall()
            found[table] = rows
    return +found


def redis_with(url: str, word: str) -> list[str]:
    """The keys in Redis that hold the word, in their name or in their value."""
    with sync_redis.Redis.from_url(url) as client:
        return [key.decode() for key in client.scan_iter() if word.encode() in key or word in str(value(client, key))]


def value(client: Any, key: bytes) -> object:
    match client.type(key):
        case b"hash":
            return client.hgetall(key)
        case b"zset":
            return client.zrange(key, 0, -1)
        case b"set":
            return client.smembers(key)
        case b"list":
            return client.lrange(key, 0, -1)
        case _:
            return client.get(key)


def vault_of(vault: Vault, user: UserId) -> object:
    """All the vault has of a user, its history too; None when there is nothing."""
    client = hvac.Client(url=vault.addr, token=vault.root_token)
    try:
        path = f"fleet/users/{user}/gemini"
        return client.secrets.kv.v2.read_secret_metadata(path=path, mount_point=vault.mount)["data"]
    except hvac.exceptions.InvalidPath:
        return None
    finally:
        client.adapter.close()
