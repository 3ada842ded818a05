"""The emulator itself: what other tests lean on, seen from outside over plain HTTP."""

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.gemini_emulator import Fault, GeminiEmulator, most_in_any_window

KEY = "AIzaSyAda-0000000000000000000000000000ada"
BODY = {
    "contents": [{"parts": [{"text": "[f BEGIN ITEM 1]\ntitle: T\naddress: A\ntext:\nSome Python.\n[f END ITEM 1]"}]}]
}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"x-goog-api-key": KEY}) as session:
        yield session


async def generate(http: aiohttp.ClientSession, url: str, *, version: str = "v1beta") -> tuple[int, Any]:
    address = f"{url}/{version}/models/gemini-2.5-flash:generateContent"
    async with http.post(address, json=BODY) as answer:
        return answer.status, await answer.json()


async def test_a_keys_minute_slides(http: aiohttp.ClientSession) -> None:
    with GeminiEmulator() as gemini:
        gemini.add_key(KEY, per_minute=2)
        moments = iter([0.0, 30.0, 59.9, 60.0, 60.1])
        gemini.keys[KEY].clock = lambda: next(moments)

        assert [(await generate(http, gemini.url))[0] for _ in range(5)] == [200, 200, 429, 200, 429]


async def test_a_spent_day_is_told_by_its_quota_id(http: aiohttp.ClientSession) -> None:
    with GeminiEmulator() as gemini:
        gemini.add_key(KEY, per_minute=100, per_day=1)
        await generate(http, gemini.url)

        status, body = await generate(http, gemini.url, version="v1")

    assert status == 429
    (violation,) = body["error"]["details"][0]["violations"]
    assert "PerDay" in violation["quotaId"]


async def test_refused_and_failed_requests_spend_no_quota(http: aiohttp.ClientSession) -> None:
    with GeminiEmulator() as gemini:
        gemini.add_key(KEY, per_minute=1)
        gemini.plan(Fault.OVERLOADED, Fault.KEY_INVALID)

        statuses = [(await generate(http, gemini.url))[0] for _ in range(4)]

    assert statuses == [503, 400, 200, 429]


async def test_keys_and_faults_can_be_set_and_the_journal_read_over_http(http: aiohttp.ClientSession) -> None:
    with GeminiEmulator() as gemini:
        async with http.get(f"{gemini.url}/v1/models") as answer:
            assert answer.status == 400
        await http.post(f"{gemini.url}/_keys", json={"key": KEY, "per_minute": 5})
        await http.post(f"{gemini.url}/_faults", json={"next": ["500"]})
        async with http.get(f"{gemini.url}/v1/models/gemini-2.5-flash") as answer:
            assert answer.status == 200
        await generate(http, gemini.url)
        await generate(http, gemini.url)
        await http.post(f"{gemini.url}/_keys", json={"key": KEY, "state": "expired"})
        status, body = await generate(http, gemini.url)
        async with http.get(f"{gemini.url}/_journal") as answer:
            journal = await answer.json()

    assert status == 400
    assert "expired" in body["error"]["message"]
    assert [(entry["outcome"], entry["items"]) for entry in journal] == [("500", ["1"]), ("200", ["1"]), ("400", ["1"])]


def test_it_runs_from_the_command_line_until_it_is_stopped() -> None:
    command = [sys.executable, "-m", "tests.gemini_emulator", "--any-key"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("FLEET_GEMINI_BASE_URL=http://127.0.0.1:")
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_the_most_in_any_window_is_counted_over_spans_shorter_than_it() -> None:
    assert most_in_any_window([], 1) == 0
    assert most_in_any_window([0, 1, 2, 3], 1) == 1
    assert most_in_any_window([0, 0.4, 0.9, 1.0], 1) == 3
    assert most_in_any_window([3, 0, 2.5, 2.9], 1) == 3
