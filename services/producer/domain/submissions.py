"""What a submitted bookmark may look like; the HTTP API, the event intake and the command line all ask here."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from yarl import URL

from shared.bookmarks import NewBookmark
from shared.errors import InvalidInput, InvalidUrl

MOST_BOOKMARKS = 1_000
LONGEST_URL = 4_096
LONGEST_TITLE = 1_000
LONGEST_EXCERPT = 10_000
LONGEST_TAG = 100
LONGEST_EXTERNAL_ID = 200
MOST_TAGS = 50
_FIRST_YEAR, _LAST_YEAR = 1900, 9998  # converts to every time zone without leaving the calendar
_LINE_BREAKS = frozenset("\n\r\t")
_AUTHORITY = re.compile(r"https?://(?P<authority>[^/?#\\]*)", re.IGNORECASE)
_HOST_NAME = re.compile(r"(?=.{1,254}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.IGNORECASE | re.ASCII)


class _Fault(ValueError):
    """What is wrong with one field, as the end of a sentence."""


def new_bookmark(data: object) -> NewBookmark:
    """One bookmark from what a caller handed in: an object with a `url`, or the URL alone.

    Raises:
        InvalidUrl: the address cannot be used.
        InvalidInput: another field cannot be; the sentence names it, never repeats it.
    """
    return _read(data, where="")


def new_bookmarks(data: object) -> list[NewBookmark]:
    """One bookmark or a list of up to 1,000; a fault names the item it is in, and then none is accepted.

    Raises:
        InvalidUrl: an address cannot be used.
        InvalidInput: another field cannot be, or there are none or too many.
    """
    if not isinstance(data, list):
        return [new_bookmark(data)]
    if not 1 <= len(data) <= MOST_BOOKMARKS:
        raise InvalidInput(f"The list holds {len(data):,} bookmarks; it may hold 1 to {MOST_BOOKMARKS:,}.")
    return [_read(item, where=f" (item {place} of {len(data)})") for place, item in enumerate(data, start=1)]


def _read(data: object, *, where: str) -> NewBookmark:
    fields = {"url": data} if isinstance(data, str) else data
    if not isinstance(fields, Mapping):
        raise InvalidInput(f"A bookmark is an object with a `url`, or a URL alone{where}.")
    if unknown := sorted(str(name)[:50] for name in fields if name not in _READERS):
        raise InvalidInput(f"A bookmark has no field {unknown[0]!r}{where}; it has {', '.join(_READERS)}.")
    if fields.get("url") is None:
        raise InvalidUrl(f"the field `url` is missing{where}")
    return NewBookmark(**{name: _field(name, value, where) for name, value in fields.items() if value is not None})


def _field(name: str, value: object, where: str) -> Any:
    try:
        return _READERS[name](value)
    except _Fault as fault:
        if name == "url":
            raise InvalidUrl(f"it {fault}{where}") from fault
        raise InvalidInput(f"The field `{name}` {fault}{where}.") from fault


# ---- one reader a field ---------------------------------------------------------------------------


def _url(value: object) -> str:
    text = _text(value, longest=LONGEST_URL)
    if any(character.isspace() for character in text):
        raise _Fault("holds white space")
    begins = _AUTHORITY.match(text)
    if begins is None:
        raise _Fault("does not begin with http:// or https://")
    if "@" in begins["authority"]:
        raise _Fault("holds a user name or a password")
    if not begins["authority"]:
        raise _Fault("names no host")
    try:
        host = URL(text).raw_host or ""
    except (ValueError, UnicodeError) as error:
        raise _Fault("is malformed") from error
    if ":" not in host and not _HOST_NAME.fullmatch(host):
        raise _Fault("names a host that cannot exist")
    return text


def _title(value: object) -> str:
    return _text(value, longest=LONGEST_TITLE).strip()


def _excerpt(value: object) -> str:
    return _text(value, longest=LONGEST_EXCERPT, allowed=_LINE_BREAKS).strip()


def _external_id(value: object) -> str:
    return _text(value, longest=LONGEST_EXTERNAL_ID)


def _tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise _Fault("is not a list of texts")
    if len(value) > MOST_TAGS:
        raise _Fault(f"holds {len(value):,} tags; at most {MOST_TAGS} are allowed")
    tags = [_text(tag, longest=LONGEST_TAG).strip() for tag in value]
    if not all(tags):
        raise _Fault("holds an empty tag")
    return tuple(dict.fromkeys(tags))


def _time(value: object) -> datetime:
    """A moment in ISO 8601; without a zone it is taken as UTC."""
    try:
        time = datetime.fromisoformat(_text(value, longest=50))
        known = time if time.tzinfo else time.replace(tzinfo=UTC)
        moment = known.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Fault("is not a time in ISO 8601, like 2025-04-09T16:30:00Z") from error
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise _Fault(f"lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment


def _text(value: object, *, longest: int, allowed: frozenset[str] = frozenset()) -> str:
    if not isinstance(value, str):
        raise _Fault("is not a text")
    if len(value) > longest:
        raise _Fault(f"has {len(value):,} characters; at most {longest:,} are allowed")
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed for character in value):
        raise _Fault("holds a control character")
    return value


_READERS: Mapping[str, Callable[[object], Any]] = {
    "url": _url,
    "title": _title,
    "tags": _tags,
    "excerpt": _excerpt,
    "created_at": _time,
    "external_id": _external_id,
}
