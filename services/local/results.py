"""What came of the bookmarks `fleet up` submitted, as `fleet up --once --json` tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.local.front_door import FrontDoor
from shared.values import UserId

_SHOWN = ("url", "state", "strategy", "title", "chars", "analysis", "analysed_by", "error")

Bookmark = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """The submitted bookmarks at a moment."""

    bookmarks: Sequence[Bookmark]

    @property
    def all_ended(self) -> bool:
        """Whether nothing more will happen to them by itself."""
        return all(bookmark["state"] != "queued" for bookmark in self.bookmarks)

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(bookmark["state"] == "failed" for bookmark in self.bookmarks)

    @property
    def analysed(self) -> int:
        """How many have an analysis."""
        return sum(bookmark["analysis"] is not None for bookmark in self.bookmarks)

    def as_json(self, *, seconds: float) -> dict[str, Any]:
        """The last line of `fleet up --once --json`."""
        return {
            "bookmarks": len(self.bookmarks),
            "analysed": self.analysed,
            "failed": self.failed,
            "seconds": round(seconds, 1),
            "results": [{name: bookmark[name] for name in _SHOWN} for bookmark in self.bookmarks],
        }


def standing_of(door: FrontDoor, submitted: Mapping[UserId, Sequence[int]]) -> Standing:
    """Look at every submitted bookmark.

    Raises:
        FrontDoorAway: the API does not answer now.
    """
    found = []
    for user, ids in submitted.items():
        wanted = set(ids)
        found += [bookmark for bookmark in door.bookmarks(user) if bookmark["id"] in wanted]
    return Standing(found)
