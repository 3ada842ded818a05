"""Keys as the analyzer remembers them: few, and for a short time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from shared.keys import StoredKey
from shared.values import UserId


class KeyCache:
    """The keys read last, least recently used ones dropped first; a key's absence is not remembered."""

    def __init__(
        self,
        *,
        max_age: timedelta = timedelta(seconds=60),
        max_entries: int = 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty.

        Args:
            max_age: how long a key may be remembered; 0 remembers none.
            max_entries: how many keys may be remembered.
            clock: seconds that only go forward.
        """
        self._max_age_s = max_age.total_seconds()
        self._max_entries = max_entries
        self._clock = clock
        self._entries: OrderedDict[UserId, tuple[StoredKey, float]] = OrderedDict()
        self.generation = 0
        """Grows with every `forget`: what was read before it must not be remembered after it."""

    def get(self, user: UserId) -> StoredKey | None:
        """The user's key, if it is remembered and young enough."""
        key, ends_at = self._entries.get(user, (None, 0.0))
        if key is None or self._clock() >= ends_at:
            self._entries.pop(user, None)
            return None
        self._entries.move_to_end(user)
        return key

    def remember(self, user: UserId, key: StoredKey, *, generation: int) -> None:
        """Keep a key, unless one was forgotten since `generation` was looked up, before the key was read."""
        if generation != self.generation:
            return
        self._entries[user] = (key, self._clock() + self._max_age_s)
        self._entries.move_to_end(user)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def forget(self, user: UserId) -> None:
        """Drop a user's key."""
        self.generation += 1
        self._entries.pop(user, None)
