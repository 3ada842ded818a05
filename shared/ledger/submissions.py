"""What a submission of several bookmarks amounts to: doubles merged, and one answer for each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.bookmarks import NewBookmark
from shared.ledger import Accepted
from shared.values import BookmarkId

_DETAILS = ("title", "tags", "excerpt", "created_at", "external_id")


def details(bookmark: NewBookmark) -> dict[str, Any]:
    """What is said of a bookmark besides its URL, by name; nothing that is empty."""
    return {name: value for name in _DETAILS if (value := getattr(bookmark, name))}


def merged(submitted: Sequence[NewBookmark]) -> dict[str, NewBookmark]:
    """One bookmark per URL; of doubles, what a later one says goes."""
    each: dict[str, NewBookmark] = {}
    for new in submitted:
        before = each.get(new.url)
        each[new.url] = replace(before, **details(new)) if before else new
    return each


def answers(
    submitted: Sequence[NewBookmark], ids: Mapping[str, BookmarkId], *, known: Collection[str]
) -> list[Accepted]:
    """One answer per submitted bookmark, in order; a double counts as created only the first time."""
    seen = set(known)
    answer = []
    for new in submitted:
        answer.append(Accepted(id=ids[new.url], url=new.url, created=new.url not in seen))
        seen.add(new.url)
    return answer
