"""Shared looks in a real Valkey: within bounds, beside the quotas, and never waited for."""

import asyncio
import random
import string
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from services.scraper.adapters.looks import in_redis, packing
from services.scraper.adapters.looks.in_redis import RedisLooks, show_size
from services.scraper.domain.limits import LookLimits
from services.scraper.domain.looking import Look
from services.scraper.domain.looks import Apart, Away, Flight, Seen, UnderWay
from services.scraper.domain.sharing import SharedLook
from services.scraper.parts import shared_between_users
from services.scraper.settings import ScraperSettings
from shared.errors import HostBusy, PageUnreachable
from shared.in_redis import open_redis
from shared.metrics import CACHE_BYTES
from shared.settings import EgressSettings
from shared.values import Strategy
from tests.conftest import OwnValkey
from tests.integration.waiting import until
from tests.looks import URL, look, patience

__all__ = ["patience"]

DAY = timedelta(days=1)
FLIGHTS = "fleet:{looks}:flight:*"
EVERYTHING_KEPT = ("fleet:{looks}:pages", "fleet:{looks}:ends", "fleet:{looks}:size")


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with open_redis(SecretStr(redis_url)) as client:
        yield client


def store(redis: Redis, *, way: str = "static", **limits: int) -> RedisLooks:
    return RedisLooks(redis, way=way, limits=LookLimits(**limits))


def noise(chars: int, seed: int) -> str:
    """A text that compresses badly."""
    return "".join(random.Random(seed).choices(string.printable, k=chars))


async def keep(looks: RedisLooks, key: str, *, chars: int = 1_000, fresh: timedelta = DAY) -> None:
    flight = await looks.ask(key)
    assert isinstance(flight, Flight)
    await looks.keep(flight, look(noise(chars, seed=hash(key))), fresh)


class Site:
    """A `Looker` that counts who asks."""

    def __init__(self) -> None:
        self.asked = 0

    async def look(self, _: str, *, seen: Look | None = None) -> Look:  # noqa: ARG002 - a port's word
        self.asked += 1
        return look()


async def kept_bytes(redis: Redis) -> int:
    return sum(len(value) for value in (await redis.hgetall(EVERYTHING_KEPT[0])).values())


async def test_all_looks_together_stay_within_their_bytes_and_those_that_end_soonest_go_first(redis: Redis) -> None:
    looks = store(redis, bytes=50_000)
    await keep(looks, "short-lived", fresh=timedelta(minutes=10))
    for number in range(100):
        await keep(looks, f"page {number}")

    assert await kept_bytes(redis) <= 50_000
    assert isinstance(await looks.ask("short-lived"), Flight)
    assert isinstance(await looks.ask("page 0"), Flight)
    assert isinstance(await looks.ask("page 99"), Seen)
    assert 20 < await redis.hlen(EVERYTHING_KEPT[0]) < 50


async def test_what_is_counted_is_what_is_kept(redis: Redis) -> None:
    looks = store(redis, bytes=30_000)
    for number in range(60):
        await keep(looks, f"page {number % 25}" if number < 25 else f"page {number}", chars=100 + 50 * (number % 30))

    count = await redis.hlen(EVERYTHING_KEPT[0])
    assert int(await redis.get(EVERYTHING_KEPT[2])) == await kept_bytes(redis) + 300 * count
    assert await redis.zcard(EVERYTHING_KEPT[1]) == count


async def test_a_look_that_is_too_large_is_everybodys_own(redis: Redis) -> None:
    looks = store(redis, look_bytes=5_000)
    await keep(looks, "large", chars=50_000)

    assert isinstance(await looks.ask("large"), Apart)
    assert await redis.hlen(EVERYTHING_KEPT[0]) == 0


async def test_half_a_character_in_a_text_is_kept_from_the_store_and_harms_nobody(redis: Redis) -> None:
    looks = store(redis)
    flight = await looks.ask("odd")
    assert isinstance(flight, Flight)

    await looks.keep(flight, look("half a \ud83d"), DAY)

    assert isinstance(await looks.ask("odd"), Apart)


@pytest.mark.parametrize("lost", EVERYTHING_KEPT)
async def test_what_redis_throws_out_by_itself_is_counted_anew(redis: Redis, lost: str) -> None:
    looks = store(redis, bytes=50_000)
    for number in range(20):
        await keep(looks, f"page {number}")
    await redis.delete(lost)

    await keep(looks, "one more")

    assert await redis.hlen(EVERYTHING_KEPT[0]) == await redis.zcard(EVERYTHING_KEPT[1]) == 1
    assert int(await redis.get(EVERYTHING_KEPT[2])) == await kept_bytes(redis) + 300


async def test_looks_of_another_way_or_another_edition_of_the_program_are_not_these(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(store(redis), "page")
    assert isinstance(await store(redis).ask("page"), Seen)

    assert isinstance(await store(redis, way="browser").ask("page"), Flight)
    monkeypatch.setattr(in_redis, "edition", lambda: "another")
    assert isinstance(await store(redis).ask("page"), Flight)


async def test_a_turn_whose_owner_died_ends_by_itself(redis: Redis) -> None:
    looks = store(redis)
    await looks.ask("page")
    (key,) = [key async for key in redis.scan_iter(FLIGHTS)]
    assert 10_000 < await redis.pttl(key) <= 20_000

    await redis.pexpire(key, 1)
    await asyncio.sleep(0.05)

    assert isinstance(await looks.ask("page"), Flight)


async def test_when_the_process_that_looks_is_killed_one_of_those_who_wait_takes_over(
    redis: Redis, redis_url: str
) -> None:
    flier = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.flier", redis_url, "2"), stdout=asyncio.subprocess.PIPE
    )
    assert flier.stdout is not None
    assert await flier.stdout.readline() == b"flies\n"
    site = Site()

    async def look() -> Look | None:
        async with open_redis(SecretStr(redis_url)) as own:
            with suppress(HostBusy):
                return await SharedLook(site, store(own), fresh=DAY).look(URL)
        return None

    (turn,) = [key async for key in redis.scan_iter(FLIGHTS)]
    left = [await redis.pttl(turn)]

    async def is_prolonged() -> bool:
        left.append(await redis.pttl(turn))
        return left[-1] > left[-2]

    await until(is_prolonged, what="its turn lasts while it lives")
    flier.kill()
    await flier.wait()
    seen: list[Look] = []

    async def all_have_it() -> bool:
        seen.extend(filter(None, await asyncio.gather(*(look() for _ in range(3)))))
        return len(seen) >= 3

    await until(all_have_it, what="the page was looked at")
    assert site.asked == 1


DAMAGES = [b"", b"x", b"9" * 13, b"9" * 13 + b"no zlib", b"9" * 13 + zlib.compress(b"{}"), b"0" * 13 + b"no zlib"]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_look_that_is_damaged_is_no_look_and_is_thrown_away(redis: Redis, damage: bytes) -> None:
    looks = store(redis)
    await keep(looks, "page")
    await keep(looks, "another")
    digest = looks._digest("page")
    await redis.hset(EVERYTHING_KEPT[0], digest, damage)

    flight = await looks.ask("page")

    assert isinstance(flight, Flight)
    assert flight.earlier is None
    assert not await redis.hexists(EVERYTHING_KEPT[0], digest) or damage == b""
    await looks.keep(flight, look("After."), DAY)
    assert isinstance(await looks.ask("page"), Seen)
    assert isinstance(await looks.ask("another"), Seen)


@pytest.mark.parametrize(
    "damage", [b"failed|", b"failed|{}", b'failed|{"code": "?", "sentence": ""}', b"failed|[]", b"x"]
)
async def test_a_failure_or_a_turn_that_is_damaged_is_the_next_ones_turn(redis: Redis, damage: bytes) -> None:
    looks = store(redis)
    await looks.ask("page")
    (key,) = [key async for key in redis.scan_iter(FLIGHTS)]
    await redis.set(key, damage)

    flight = await looks.ask("page")

    assert isinstance(flight, Flight)
    await looks.keep(flight, look("After."), DAY)
    assert isinstance(await looks.ask("page"), Seen)


async def test_forgetting_what_is_damaged_ends_no_turn_that_somebody_took_meanwhile(redis: Redis) -> None:
    looks = store(redis)
    await looks.ask("page")

    await looks._forget(Flight("page", "anothers"))

    assert isinstance(await looks.ask("page"), UnderWay)


async def test_a_look_from_before_a_network_was_closed_answers_nobody_after(redis: Redis) -> None:
    site, scraper = Site(), ScraperSettings()
    wide, narrow = EgressSettings(egress_allow="10.0.0.0/8,192.168.0.0/16"), EgressSettings(egress_allow="10.0.0.0/8")
    for egress in (wide, wide, narrow):
        await shared_between_users(site, redis, scraper, egress, Strategy.STATIC).look(URL)

    assert site.asked == 2


async def test_everything_that_is_kept_for_a_turn_ends_by_itself(redis: Redis) -> None:
    looks = store(redis)
    for key in ("left alone", "failed", "apart"):
        flight = await looks.ask(key)
        assert isinstance(flight, Flight)
        if key == "failed":
            await looks.fail(flight, PageUnreachable("No."), timedelta(seconds=5))
        if key == "apart":
            await looks.part(flight, DAY)

    times = [await redis.pttl(key) async for key in redis.scan_iter(FLIGHTS)]
    assert len(times) == 3
    assert all(0 < time <= 20_000 for time in times)


async def test_looks_leave_a_quarter_of_redis_memory_to_the_quotas_and_shrink_when_it_is_needed(
    valkey: OwnValkey,
) -> None:
    async with open_redis(SecretStr(valkey.url)) as client:
        await client.config_set("maxmemory-policy", "noeviction")
        used = int((await client.info("memory"))["used_memory"])
        most = used + 8_000_000
        await client.config_set("maxmemory", most)
        looks = store(client, bytes=128_000_000)
        for number in range(150):
            await keep(looks, f"page {number}", chars=100_000)
        assert (await client.info("memory"))["used_memory"] < 0.85 * most
        before = await kept_bytes(client)

        for number in range(3):
            await client.set(f"fleet:quota:{number}", bytes(500_000))
        await keep(looks, "one more")

        assert await kept_bytes(client) < before
        await client.set("fleet:quota:more", bytes(500_000))


async def test_a_redis_that_is_away_is_told_of_once_and_then_left_alone(
    valkey: OwnValkey, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_redis, "_UNASKED_S", 0.2)
    async with open_redis(SecretStr(valkey.url)) as client:
        looks = store(client)
        flight = await looks.ask("page")
        assert isinstance(flight, Flight)
        valkey.stop()

        assert await asyncio.gather(*(looks.ask(f"page {number}") for number in range(50))) == [Away()] * 50
        await looks.keep(flight, look(), DAY)
        await looks.leave(flight)
        assert await looks.ask("page") == Away()
        assert capsys.readouterr().out.count("looks_unavailable") == 1

        valkey.start()
        await asyncio.sleep(0.3)
        assert isinstance(await looks.ask("page"), Flight | UnderWay)
        assert capsys.readouterr().out.count("looks_available") == 1


def test_an_edition_is_the_programs_own_text() -> None:
    assert packing.edition() == packing.edition()
    assert len(packing.edition()) == 16


async def test_what_looks_take_is_shown_and_nothing_once_they_are_lost(redis: Redis) -> None:
    await keep(store(redis), "a page", chars=20_000)
    await show_size(redis)
    assert 10_000 < CACHE_BYTES._value.get() < 30_000

    await redis.flushdb()
    await show_size(redis)
    assert CACHE_BYTES._value.get() == 0


async def test_what_looks_take_stays_as_it_was_seen_while_redis_is_away() -> None:
    CACHE_BYTES.set(42)
    async with open_redis(SecretStr("redis://127.0.0.1:9/0")) as nobody:
        await show_size(nobody)

    assert CACHE_BYTES._value.get() == 42
