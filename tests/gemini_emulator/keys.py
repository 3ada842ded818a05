"""Keys as the emulator knows them: whether each is good, and what is left of its quotas."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.gemini_emulator import bodies


class KeyState(StrEnum):
    ACTIVE = "active"
    INVALID = "invalid"
    EXPIRED = "expired"
    DISABLED = "disabled"
    COUNTRY = "country"


REFUSALS = {
    KeyState.INVALID: bodies.KEY_INVALID,
    KeyState.EXPIRED: bodies.KEY_EXPIRED,
    KeyState.DISABLED: bodies.API_DISABLED,
    KeyState.COUNTRY: bodies.COUNTRY,
}


@dataclass
class Key:
    """One key with a sliding minute and a day that began when the key was added."""

    per_minute: int = 15
    per_day: int = 1_500
    minute_s: float = 60.0
    state: KeyState = KeyState.ACTIVE
    clock: Callable[[], float] = time.monotonic
    used_today: int = 0
    _minute: deque[float] = field(default_factory=deque)

    def spend(self) -> bodies.Body | None:
        """Take one call, or the body of the 429 that refuses it."""
        now = self.clock()
        while self._minute and self._minute[0] <= now - self.minute_s:
            self._minute.popleft()
        if self.used_today >= self.per_day:
            return bodies.quota_spent("Day", limit=self.per_day, retry_s=12.5)
        if len(self._minute) >= self.per_minute:
            wait = self._minute[0] + self.minute_s - now if self._minute else self.minute_s
            return bodies.quota_spent("Minute", limit=self.per_minute, retry_s=round(wait, 3))
        self._minute.append(now)
        self.used_today += 1
        return None
