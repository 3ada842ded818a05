"""What the emulator remembers of every request to generate an answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any


@dataclass
class Request:
    """One request: when it came, on whose key, about which items, and what it came to.

    Attributes:
        at: seconds since the epoch.
        outcome: the HTTP status, or the fault's name; `running` until it is answered.
        answered: whether it was let through.
    """

    at: float
    key: str
    key_in_url: bool
    path: str
    items: tuple[str, ...]
    prompt: str
    instructions: str
    outcome: str = "running"
    answered: bool = False

    @property
    def key_hash(self) -> str:
        return sha256(self.key.encode()).hexdigest()[:16]

    def public(self) -> dict[str, Any]:
        """The request without the key and the texts, as /_journal shows it."""
        return {
            "at": self.at,
            "key_hash": self.key_hash,
            "key_in_url": self.key_in_url,
            "path": self.path,
            "items": list(self.items),
            "count": len(self.items),
            "outcome": self.outcome,
            "answered": self.answered,
        }


def most_in_any_window(times: Iterable[float], window_s: float) -> int:
    """The largest number of moments that lie in one span shorter than `window_s` seconds."""
    moments = sorted(times)
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
