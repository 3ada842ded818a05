"""Why work waits, in words people read: one table for the API, the command line, the live page and events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.values import Stage, WaitReason


@dataclass(frozen=True, slots=True)
class Words:
    """A reason in words.

    Attributes:
        because: half a sentence without a full stop, to stand alone or after a colon.
        advice: what the user can do about it.
    """

    because: str
    advice: str


_BY_ITSELF = "Nothing to do: it goes on by itself."
_MORE_CALLS = (
    "Nothing to do: it goes on by itself then. For more calls raise the limit with the provider or the operator."
)

IN_TURN = Words("others are served first", _BY_ITSELF)
"""Work that could run and is not out yet."""

WORDS: Mapping[WaitReason, Words] = {
    WaitReason.QUOTA_MINUTE: Words("this minute's calls to the provider are used up", _BY_ITSELF),
    WaitReason.QUOTA_DAY: Words("the day's calls to the provider are used up", _MORE_CALLS),
    WaitReason.QUOTA_MONTH: Words("the month's calls to the provider are used up", _MORE_CALLS),
    WaitReason.BATCH_PAUSE: Words("a batch was just analysed, and the next follows after a pause", _BY_ITSELF),
    WaitReason.BACKOFF: Words("the last try did not work out, and the next is due later", _BY_ITSELF),
    WaitReason.NO_KEY: Words(
        "there is no key to call the provider with", "Add a key with `fleet key add` or over the API."
    ),
    WaitReason.KEY_REFUSED: Words(
        "the provider refused the key", "Check the key in the provider's console, then add it again or another one."
    ),
    WaitReason.PROVIDER_DOWN: Words("the provider cannot be asked at the moment", _BY_ITSELF),
    WaitReason.KEYS_UNAVAILABLE: Words(
        "the keys cannot be read at the moment",
        "Nothing to do: the operator has to unseal, restart or restore the vault. Adding a key anew ends it too.",
    ),
    WaitReason.QUOTA_UNAVAILABLE: Words(
        "nobody can say how many calls are left", "Nothing to do: the operator has to restart Redis."
    ),
    WaitReason.PAUSED: Words("an operator has paused this user", "Ask the operator; what was handed in is kept."),
    WaitReason.HOST_BUSY: Words("the site is asked one page at a time", _BY_ITSELF),
    WaitReason.PAGE_EXPECTED: Words("the page itself is expected from a browser, and analysed then", _BY_ITSELF),
}

_TO_BE = {Stage.SCRAPE: "fetched", Stage.RENDER: "opened in a browser", Stage.ANALYZE: "analysed"}


def words_of(reason: WaitReason | None) -> Words:
    """A reason in words; None is work whose turn has not come."""
    return IN_TURN if reason is None else WORDS[reason]


def what_waits(stage: Stage, jobs: int) -> str:
    """The beginning of the sentence: `12 pages wait to be analysed`."""
    return f"{jobs:,} {'page waits' if jobs == 1 else 'pages wait'} to be {_TO_BE[stage]}"


def wait_sentence(stage: Stage, jobs: int, reason: WaitReason | None, until: datetime | None) -> str:
    """What waits, until when and why: `12 pages wait to be analysed until …: the day's calls … are used up`."""
    when = f" until {clock(until)}" if until else ""
    return f"{what_waits(stage, jobs)}{when}: {words_of(reason).because}."


def clock(moment: datetime) -> str:
    """A moment for people who do not know the program's time zone, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
