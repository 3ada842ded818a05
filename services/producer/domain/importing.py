"""Moving in: the bookmarks of a file are handed in, however many they are; what is no web page is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.producer.domain.submissions import new_bookmark
from services.producer.domain.submitting import SubmitBookmarks
from shared.errors import InvalidInput, InvalidUrl
from shared.ledger import Accepted
from shared.values import UserId


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file.

    Attributes:
        accepted: one answer per bookmark that was handed in, in the file's order.
        left_out: how many entries cannot be: scripts, searches, files.
    """

    accepted: list[Accepted]
    left_out: int


class ImportBookmarks:
    """Hands in what a file holds."""

    def __init__(self, submit: SubmitBookmarks) -> None:
        self._submit = submit

    async def __call__(self, user: UserId, entries: Sequence[Mapping[str, Any]], *, source: str) -> Imported:
        """Keep the bookmarks and queue their work; the same file again hands in nothing new.

        Args:
            user: whose they are.
            entries: bookmarks as objects, see `submissions.new_bookmark`.
            source: where they come from.

        Raises:
            LedgerUnavailable: those before are kept; the file can be brought again.
        """
        usable = [entry for entry in entries if _is_usable(entry)]
        accepted = await self._submit.however_many(user, usable, source=source)
        return Imported(accepted, left_out=len(entries) - len(usable))


def _is_usable(entry: Mapping[str, Any]) -> bool:
    try:
        new_bookmark(entry)
    except (InvalidUrl, InvalidInput):
        return False
    return True
