"""How much text one request carries: pages whole while they fit, one that is too long alone and cut at a sentence."""

from collections.abc import Sequence

from services.analyzer.domain.sentences import cut
from shared.ledger import Job

_BYTES_PER_TOKEN = 4
"""In UTF-8: four letters of a Latin script a token, two of most others, and a little more than one sign of Chinese."""


def tokens_of(text: str) -> int:
    """About how many tokens a provider counts for a text."""
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def fitted(text: str, *, tokens: int) -> str:
    """The text's beginning of at most so many tokens; it ends with a sentence where one ends in its second half."""
    if tokens_of(text) <= tokens:
        return text
    head = text.encode("utf-8", "replace")[: tokens * _BYTES_PER_TOKEN].decode("utf-8", "ignore")
    return cut(text, chars=len(head))


def in_requests(jobs: Sequence[Job], *, tokens: int) -> list[list[Job]]:
    """Jobs put together so that the pages of each request fit whole; a page that is too long by itself goes alone."""
    requests: list[list[Job]] = []
    room: list[int] = []
    for job in jobs:
        needed = tokens_of(job.content.text) if job.content else 0
        place = next((place for place, left in enumerate(room) if left >= needed), None)
        if place is None:
            requests.append([job])
            room.append(tokens - needed)
        else:
            requests[place].append(job)
            room[place] -= needed
    return requests
