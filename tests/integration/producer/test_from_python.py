"""The functions Python programs import: the same promises as over HTTP, with and without a running loop."""

import asyncio
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.producer import (
    UserContentProcessor,
    add_user_api_key,
    check_user_rate_limit,
    from_python,
    get_user_api_stats,
    process_new_user_content,
)
from shared.errors import InvalidInput, InvalidKey, InvalidUserId, KeyRefused, UnknownUser
from shared.users import user_id
from tests.gemini_emulator import GeminiEmulator

KEY = "AIzaSyAda-0000000000000000000000000000ada"
ADA = 17  # upstream's ids may be numbers


@pytest.fixture(autouse=True)
def anew(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test opens a front door of its own, on its own servers."""
    monkeypatch.setattr(from_python, "_background", None)
    yield
    if from_python._background is not None:
        from_python._background.close()


def submit(*urls: str) -> None:
    from_python._call(lambda door: door.submit(user_id(ADA), list(urls), source="test"))


def test_a_key_is_added_and_shows_in_the_stats(gemini: GeminiEmulator) -> None:
    gemini.add_key(KEY)
    before = get_user_api_stats(ADA)

    assert add_user_api_key(ADA, KEY, "mine") is True

    after = get_user_api_stats(ADA)
    assert (before["has_api_key"], after["has_api_key"]) == (False, True)
    assert (after["user_id"], after["api_key_status"]) == ("17", "active")
    assert (after["requests_today"], after["daily_limit"]) == (0, 1_500)
    assert (after["requests_this_month"], after["monthly_limit"]) == (0, 45_000)
    assert (before["can_make_request"], after["can_make_request"]) == (False, True)
    assert (before["key_serving"]["source"], after["key_serving"]["source"]) == ("none", "user")
    assert (after["tokens"], after["last_used"]) == ({"prompt": 0, "answer": 0}, None)
    assert KEY not in repr(after)


def test_the_rate_limit_tells_all_three_windows() -> None:
    limits = check_user_rate_limit("ada")

    assert limits["can_make_request"] is False
    assert limits["cannot_because"]["reason"] == "no_key"
    assert limits["cannot_because"]["advice"]
    assert [(window["window"], window["left"], window["limit_source"]) for window in limits["windows"]] == [
        ("minute", 15, "deployment"),
        ("day", 1_500, "deployment"),
        ("month", 45_000, "deployment"),
    ]
    assert (limits["requests_today"], limits["daily_limit"]) == (0, 1_500)
    assert (limits["requests_this_minute"], limits["minute_limit"]) == (0, 15)


def test_what_cannot_be_used_raises_a_typed_error_that_does_not_repeat_the_key(gemini: GeminiEmulator) -> None:
    for call, error in (
        (lambda: add_user_api_key("a b", KEY, "mine"), InvalidUserId),
        (lambda: add_user_api_key(ADA, "", "mine"), InvalidKey),
        (lambda: add_user_api_key(ADA, KEY, "mine"), KeyRefused),
        (lambda: add_user_api_key(ADA, KEY, ""), InvalidInput),
        (lambda: process_new_user_content(ADA), UnknownUser),
        (lambda: process_new_user_content(ADA, limit=0), InvalidInput),
        (lambda: UserContentProcessor(ADA, "short"), InvalidKey),
        (lambda: check_user_rate_limit(-1), InvalidUserId),
    ):
        with pytest.raises(error) as raised:
            call()
        assert raised.value.sentence
        assert KEY not in str(raised.value)


def test_processing_adds_the_key_it_is_given_and_says_what_is_queued(gemini: GeminiEmulator) -> None:
    gemini.add_key(KEY)
    submit("https://example.org/1", "https://example.org/2")

    queued = process_new_user_content(ADA, KEY)

    assert queued == {
        "user_id": "17",
        "requeued": 0,
        "unfinished": 2,
        "has_usable_key": True,
        "key_source": "user",
        "key_reason": "The user's own key serves.",
    }
    assert UserContentProcessor(ADA, KEY).process_user_bookmarks(limit=1) == queued


async def test_the_functions_work_where_a_loop_runs() -> None:
    assert check_user_rate_limit(ADA)["daily_limit"] == 1_500
    assert (await asyncio.to_thread(check_user_rate_limit, ADA))["daily_limit"] == 1_500


def _ask_in_child(answers: "multiprocessing.Queue[int]") -> None:
    answers.put(check_user_rate_limit(ADA)["daily_limit"])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # that is what is tested
def test_a_forked_child_opens_a_front_door_of_its_own() -> None:
    check_user_rate_limit(ADA)
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[int] = context.Queue()

    child = context.Process(target=_ask_in_child, args=(answers,))
    child.start()

    assert answers.get(timeout=30) == 1_500
    child.join(timeout=30)
    assert child.exitcode == 0


def test_importing_them_opens_nothing_and_loads_no_database() -> None:
    script = """
import sys, threading
import services.producer
assert "sqlalchemy" not in sys.modules
assert threading.active_count() == 1
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={})


def test_a_program_that_used_them_ends_by_itself(environment: dict[str, str]) -> None:
    script = "from services.producer import check_user_rate_limit as check; print(check('ada')['daily_limit'])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "1500\n"
    assert done.stderr == ""
