"""Turns that processes share: never more visitors at once nor faster than the manners say, and on without Redis."""

import asyncio
import json
import sys
from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.adapters.turns.in_redis import RedisTurns
from services.scraper.adapters.turns.with_stand_in import TurnsWithStandIn
from services.scraper.domain.politeness import Ending, Manners, Site, Turn
from shared.in_redis import open_redis
from tests.conftest import OwnValkey

PROCESSES, VISITS = 3, 10


async def visits_of_a_process(url: str, *, concurrency: int, interval_s: float) -> list[tuple[float, float, float]]:
    arguments = (url, f"{VISITS}", f"{concurrency}", f"{interval_s}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.visitors", *arguments, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    return [tuple(visit) for visit in json.loads(printed)]


@pytest.mark.parametrize(("concurrency", "interval_s"), [(2, 0.0), (4, 0.05)])
async def test_many_processes_keep_to_one_sites_manners(redis_url: str, concurrency: int, interval_s: float) -> None:
    of_all = await asyncio.gather(
        *(visits_of_a_process(redis_url, concurrency=concurrency, interval_s=interval_s) for _ in range(PROCESSES))
    )

    visits = [visit for of_one in of_all for visit in of_one]
    at_once = [sum(began <= moment < ended for _, began, ended in visits) for _, moment, _ in visits]
    assert len(visits) == PROCESSES * VISITS
    assert max(at_once) <= concurrency
    took = max(began for _, began, _ in visits) - min(asked for asked, _, _ in visits)
    assert took >= (len(visits) - 1) * interval_s


async def test_visits_go_on_while_redis_is_away_and_are_shared_again_when_it_is_back(valkey: OwnValkey) -> None:
    manners, here = Manners(concurrency=1, interval=timedelta(0)), Site("example.org", "example.org")
    redis = open_redis(SecretStr(valkey.url))
    turns = TurnsWithStandIn(RedisTurns(redis, manners), InMemoryTurns(manners))
    before = await turns.take(here, ticket="before")
    assert isinstance(before, Turn)

    valkey.kill()
    await turns.give_back(before, Ending.ANSWERED, took=timedelta(0))
    meanwhile = await turns.take(here, ticket="meanwhile")
    assert isinstance(meanwhile, Turn)
    assert not isinstance(await turns.take(here, ticket="beside"), Turn)
    await turns.give_back(meanwhile, Ending.ANSWERED, took=timedelta(0))

    valkey.start()
    valkey.flush()  # what was given before it went would only be free when its lease ends
    turns._away_until = 0.0
    after = await turns.take(here, ticket="after")
    assert isinstance(after, Turn)
    assert await redis.zcard(next(key for key in await redis.keys("*:running"))) == 1
    await redis.aclose()
