"""How bookmark events are read: CloudEvents 1.0 over AMQP, in structured or binary mode, to what they ask for."""

import binascii
import json
import unicodedata
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, NoReturn

from shared.errors import InvalidInput
from shared.tracing import Trace
from shared.users import user_id
from shared.values import UserId

LARGEST = 256 * 1024
_LONGEST_NAME = 500  # bytes: source and id together are the key of an index
_PREFIXES = ("cloudEvents:", "cloudEvents_")
_STRUCTURED = "application/cloudevents"
_VERSION = "1.0"
_HIDDEN = frozenset({"Cc", "Cs"})


class EventType(StrEnum):
    """What upstream may tell us."""

    BOOKMARK_CREATED = "bookmark.created"
    BOOKMARK_UPDATED = "bookmark.updated"
    BOOKMARK_DELETED = "bookmark.deleted"
    USER_DELETED = "user.deleted"


class EventMalformed(InvalidInput):
    """A message is not a CloudEvent, or a part of it cannot be used."""

    code = "event_malformed"
    advice = "Send CloudEvents 1.0 in structured or binary mode, with id, source, type, subject and JSON data."


class EventUnknown(InvalidInput):
    """A CloudEvent has a type nobody here knows."""

    code = "event_unknown"
    advice = "Send one of bookmark.created, bookmark.updated, bookmark.deleted, user.deleted."

    def __init__(self) -> None:
        super().__init__("The event's type is not one that is understood here.")


class EventTooLarge(InvalidInput):
    """A message holds more than one bookmark can."""

    code = "event_too_large"
    advice = "Send one bookmark an event: its address, title, tags and excerpt, never the page itself."

    def __init__(self, size: int) -> None:
        super().__init__(f"The event has {size:,} bytes; at most {LARGEST:,} are read.")


@dataclass(frozen=True, slots=True)
class Event:
    """One event that was understood; `source` and `id` together name it, however often it comes.

    Attributes:
        trace: what it says it follows from, its extension `traceparent`.
    """

    id: str
    source: str
    type: EventType
    user: UserId
    data: object
    trace: Trace | None = None

    @property
    def digest(self) -> str:
        """What it says, so that two different events of one name are told apart."""
        said = [self.type, self.user, self.data]
        return sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def read_event(body: bytes, *, content_type: str | None, headers: Mapping[str, object]) -> Event:
    """The event a message carries.

    Args:
        body: the message's body.
        content_type: its content type; `application/cloudevents+json` means structured mode.
        headers: its application properties; attributes prefixed with `cloudEvents:` or `cloudEvents_` mean binary mode.

    Raises:
        EventTooLarge: the body has more than `LARGEST` bytes.
        EventMalformed: it is no CloudEvent, or one of its attributes cannot be used.
        EventUnknown: its type is unknown.
        InvalidUserId: its subject cannot be a user.
    """
    if len(body) > LARGEST:
        raise EventTooLarge(len(body))
    kind = _media_type(content_type)
    if kind.startswith(_STRUCTURED):
        attributes = _structured(body, kind)
        data = _data_within(attributes)
    else:
        attributes = _binary(headers)
        data = _json(body, "data") if _holds_json(kind) else _refuse("Its data is not JSON.")
    return _event(attributes, data)


def _event(attributes: Mapping[str, Any], data: object) -> Event:
    if attributes.get("specversion") != _VERSION:
        _refuse("Its specversion is not 1.0.")
    event_id, source, name = (_name(attributes, field) for field in ("id", "source", "type"))
    subject = attributes.get("subject")
    if not isinstance(subject, str | int):
        _refuse("Its subject, the user's id, is missing.")
    return Event(event_id, source, _type(name), user_id(subject), data, Trace.read(attributes.get("traceparent")))


def _type(name: str) -> EventType:
    try:
        return EventType(name)
    except ValueError as error:
        raise EventUnknown from error


def _structured(body: bytes, kind: str) -> Mapping[str, Any]:
    if kind != f"{_STRUCTURED}+json":
        _refuse("It is in a format other than JSON, or a batch.")
    event = _json(body, "body")
    if not isinstance(event, dict):
        _refuse("Its body is not a JSON object.")
    return event


def _data_within(event: Mapping[str, Any]) -> object:
    if not _holds_json(_media_type(event.get("datacontenttype"))):
        _refuse("Its data is not JSON.")
    if "data_base64" not in event:
        return event.get("data")
    try:
        return _json(b64decode(event["data_base64"], validate=True), "data_base64")
    except (binascii.Error, TypeError, ValueError) as error:
        raise EventMalformed("The event cannot be read. Its data_base64 is not Base64.") from error


def _binary(headers: Mapping[str, object]) -> dict[str, object]:
    attributes = {
        name.removeprefix(prefix): value
        for prefix in _PREFIXES
        for name, value in headers.items()
        if name.startswith(prefix)
    }
    if not attributes:
        _refuse("It has neither the content type nor the headers of a CloudEvent.")
    return attributes


def _json(text: bytes, what: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EventMalformed(f"The event cannot be read. Its {what} is not JSON.") from error


def _name(attributes: Mapping[str, Any], field: str) -> str:
    value = attributes.get(field)
    if not isinstance(value, str) or any(unicodedata.category(character) in _HIDDEN for character in value):
        _refuse(f"Its {field} is not a text, or holds a control character.")
    if not 1 <= len(value.encode()) <= _LONGEST_NAME:
        _refuse(f"Its {field} is empty or has more than {_LONGEST_NAME} bytes.")
    return value


def _media_type(content_type: object) -> str:
    return content_type.partition(";")[0].strip().lower() if isinstance(content_type, str) else ""


def _holds_json(kind: str) -> bool:
    return kind in {"", "application/json", "text/json"} or kind.endswith("+json")


def _refuse(why: str) -> NoReturn:
    raise EventMalformed(f"The event cannot be read. {why}")
