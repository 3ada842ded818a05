"""The front door for Python programs: plain functions over the same use cases as the HTTP API.

The first call reads the environment and opens the front door on an event loop in a thread of its own, so that the
functions work in programs with and without a loop; a forked child opens its own.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Any, TypeVar

from services.producer.front_door import FrontDoor, FrontDoorSettings, open_front_door
from shared.audit import here
from shared.keys.plaintext import api_key as checked_key
from shared.users import user_id as checked_user

T = TypeVar("T")

_KEY_NAME = "python"


def add_user_api_key(user_id: int | str, api_key: str, api_key_name: str) -> bool:
    """Check a user's key with the provider and store it; True when it is stored.

    Raises:
        InvalidUserId, InvalidKey, InvalidKeyName: what was handed in cannot be used.
        KeyRefused: the provider does not accept the key.
        KeysUnavailable, LedgerUnavailable: a server is away; call again.
    """
    user, key = checked_user(user_id), checked_key(api_key)
    actor = here("service:python")
    _call(lambda door: door.add_key(user, key, name=api_key_name, by=actor))
    return True


def check_user_rate_limit(user_id: int | str) -> dict[str, Any]:
    """Whether a call may be made for a user now, and how many were made and are left.

    `can_make_request` means what it says: the user is not paused, a key serves (the user's own, or the deployment's
    where its policy lets it), and the minute, the day and the month all have room. Where it is False,
    `cannot_because` has the `reason` (`quota_minute`, `no_key`, `paused`, …), until when, a sentence and advice. It
    is no condition for handing bookmarks in: what may not be asked now waits, or the built-in analyser reads it.
    A user nobody knows has used nothing and has no key.

    Returns:
        The fields of `services.producer.domain.standing.RateLimit` by name, times in UTC: `requests_today`,
        `daily_limit` and the same for minute and month, when each resets, `windows` with where the limits come from,
        `key_serving`, and `waiting`.

    Raises:
        InvalidUserId: the id cannot be one.
        QuotaUnavailable: nobody can say how many calls are left; `get_user_api_stats` tells the rest.
        LedgerUnavailable: PostgreSQL is away; call again.
    """
    user = checked_user(user_id)
    return asdict(_call(lambda door: door.standing.rate_limit(user)))


def get_user_api_stats(user_id: int | str) -> dict[str, Any]:
    """A user's key, calls and tokens this month, with all that `check_user_rate_limit` answers, in the same words.

    While the quota's counters are away it still answers: `can_make_request` is False for `quota_unavailable`, and the
    figures are those of the usage journal.

    Returns:
        The fields of `services.producer.domain.standing.Stats` by name, times in UTC.

    Raises:
        InvalidUserId: the id cannot be one.
        LedgerUnavailable: PostgreSQL is away; call again.
    """
    user = checked_user(user_id)
    return asdict(_call(lambda door: door.standing.stats(user)))


def process_new_user_content(
    user_id: int | str, user_api_key: str | None = None, limit: int | None = None
) -> dict[str, Any]:
    """Queue what of a user's bookmarks could be analysed better now; what was queued.

    Submitted bookmarks are queued by being submitted; this queues analyses made without a key again, once there is
    one. Failed bookmarks stay failed.

    Args:
        user_id: whose bookmarks.
        user_api_key: added first, in place of the user's key before, when given.
        limit: at most so many; all when None.

    Raises:
        UnknownUser: nobody by this name has handed anything in.
        InvalidUserId, InvalidInput, InvalidKey, KeyRefused: what was handed in cannot be used.
    """
    if user_api_key is not None:
        add_user_api_key(user_id, user_api_key, _KEY_NAME)
    user = checked_user(user_id)
    return asdict(_call(lambda door: door.process(user, limit=limit)))


class UserContentProcessor:
    """One user's bookmarks, to be processed on the user's own key."""

    def __init__(self, user_id: int | str, user_api_key: str | None = None) -> None:
        """Keep whose bookmarks; a key given here is added by the first call and not kept longer.

        Raises:
            InvalidUserId, InvalidKey: what was handed in cannot be used.
        """
        self._user = checked_user(user_id)
        self._key = None if user_api_key is None else checked_key(user_api_key)

    def process_user_bookmarks(self, limit: int | None = None) -> dict[str, Any]:
        """See `process_new_user_content`."""
        if self._key is not None:
            add_user_api_key(self._user, self._key.get_secret_value(), _KEY_NAME)
            self._key = None
        return process_new_user_content(self._user, limit=limit)


class _Background:
    """A front door on a loop in a daemon thread."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._settings = FrontDoorSettings.read()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fleet-front-door", daemon=True)
        self._thread.start()
        self._door = self._run(self._open())
        atexit.register(self.close)

    def call(self, use_case: Callable[[FrontDoor], Coroutine[Any, Any, T]]) -> T:
        """What the use case returns or raises."""
        return self._run(use_case(self._door))

    def close(self) -> None:
        """Close the front door and end the thread; in a forked child, which has neither, do nothing."""
        atexit.unregister(self.close)
        if self.process != os.getpid():
            return
        self._run(self._opened.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> FrontDoor:
        self._opened = AsyncExitStack()  # held open for as long as the program runs
        return await self._opened.enter_async_context(open_front_door(self._settings))


_opening = threading.Lock()
_background: _Background | None = None


def _call(use_case: Callable[[FrontDoor], Coroutine[Any, Any, T]]) -> T:
    global _background  # noqa: PLW0603 - one per process, opened by the first call
    with _opening:
        if _background is None or _background.process != os.getpid():
            _background = _Background()
    return _background.call(use_case)
