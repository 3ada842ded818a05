"""What can be made to go wrong, one request at a time or by chance."""

import random
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum

from aiohttp import web

from tests.gemini_emulator import bodies


class Fault(StrEnum):
    """How the next request ends instead of well; what happens before an answer costs no quota."""

    INTERNAL = "500"
    OVERLOADED = "503"
    BAD_GATEWAY = "502_html"
    BAD_REQUEST = "400"
    MINUTE = "429_minute"
    DAY = "429_day"
    DAY_WITHOUT_RETRY = "429_day_without_retry"
    RETRY_ONLY = "429_retry_only"
    BARE_429 = "429_bare"
    NEVER = "429_limit_0"
    KEY_INVALID = "key_invalid"
    KEY_EXPIRED = "key_expired"
    KEY_DISABLED = "key_disabled"
    UNAUTHORIZED = "401"
    RESET = "reset"
    HANG = "hang"
    DRIP = "drip"
    REDIRECT = "redirect"
    CUT = "cut"
    MALFORMED = "malformed"
    HTML = "html"
    EMPTY = "empty"
    HUGE = "huge"
    ENDLESS = "endless"
    PACKED = "packed"
    MISSING = "missing"
    SHUFFLED = "shuffled"
    FOREIGN = "foreign"
    BLOCKED_PROMPT = "blocked_prompt"
    BLOCKED_ANSWER = "blocked_answer"


ERRORS: dict[Fault, bodies.Body] = {
    Fault.INTERNAL: bodies.INTERNAL,
    Fault.OVERLOADED: bodies.OVERLOADED,
    Fault.BAD_REQUEST: bodies.BAD_REQUEST,
    Fault.MINUTE: bodies.quota_spent("Minute", limit=15, retry_s=21.5),
    Fault.DAY: bodies.quota_spent("Day", limit=1500, retry_s=12.5),
    Fault.DAY_WITHOUT_RETRY: bodies.quota_spent("Day", limit=1500, retry_s=None),
    Fault.RETRY_ONLY: bodies.retry_only(7.25),
    Fault.BARE_429: bodies.BARE_429,
    Fault.NEVER: bodies.quota_spent("Day", limit=0, retry_s=3),
    Fault.KEY_INVALID: bodies.KEY_INVALID,
    Fault.KEY_EXPIRED: bodies.KEY_EXPIRED,
    Fault.KEY_DISABLED: bodies.API_DISABLED,
    Fault.UNAUTHORIZED: bodies.UNAUTHORIZED,
}


PLAIN: dict[Fault, Callable[[], web.Response]] = {
    Fault.BAD_GATEWAY: lambda: web.Response(status=502, text="<html><h1>502</h1></html>", content_type="text/html"),
    Fault.HTML: lambda: web.Response(text="<html><h1>Sign in</h1></html>", content_type="text/html"),
    Fault.REDIRECT: lambda: web.Response(status=302, headers={"Location": "/elsewhere"}),
    Fault.PACKED: lambda: web.Response(
        body=zlib.compress(b" " * 10_000_000), headers={"Content-Encoding": "deflate"}, content_type="application/json"
    ),
}
"""What does not come from Gemini's API, whole."""


class Script:
    """The faults to come: planned ones first, each for one request, then by chance."""

    def __init__(self) -> None:
        self._planned: deque[Fault | None] = deque()
        self._rate = 0.0
        self._kinds: Sequence[Fault] = ()
        self._chance = random.Random(0)

    def plan(self, faults: Sequence[Fault | None]) -> None:
        """Let the next requests end so, in this order; None lets one pass."""
        self._planned.extend(faults)

    def by_chance(self, rate: float, kinds: Sequence[Fault], *, seed: int = 0) -> None:
        """Let every request that is not planned fail with this probability."""
        self._rate, self._kinds, self._chance = rate, tuple(kinds), random.Random(seed)

    def next(self) -> Fault | None:
        if self._planned:
            return self._planned.popleft()
        if self._kinds and self._chance.random() < self._rate:
            return self._chance.choice(self._kinds)
        return None
