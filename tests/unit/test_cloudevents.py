"""Reading events: both modes say the same, and what cannot be read is refused with a sentence."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.producer.domain.cloudevents import (
    LARGEST,
    Event,
    EventMalformed,
    EventTooLarge,
    EventType,
    EventUnknown,
    read_event,
)
from shared.errors import FleetError, InvalidUserId
from shared.values import UserId

DATA = {"url": "https://example.org/", "title": "Café"}
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/bookmarks",
    "type": "bookmark.created",
    "subject": "ada",
}
STRUCTURED = "application/cloudevents+json; charset=utf-8"
EVENT = Event("e-1", "/bookmarks", EventType.BOOKMARK_CREATED, UserId("ada"), DATA)


def structured(**changed: Any) -> Event:
    event = {**ATTRIBUTES, "data": DATA, **changed}
    body = {name: value for name, value in event.items() if value is not None}
    return read_event(json.dumps(body).encode(), content_type=STRUCTURED, headers={})


def binary(
    *,
    prefix: str = "cloudEvents:",
    content_type: str | None = "application/json",
    body: bytes | None = None,
    **changed: Any,
) -> Event:
    headers = {f"{prefix}{name}": value for name, value in {**ATTRIBUTES, **changed}.items() if value is not None}
    return read_event(json.dumps(DATA).encode() if body is None else body, content_type=content_type, headers=headers)


def test_structured_mode_is_read() -> None:
    assert structured() == EVENT


@pytest.mark.parametrize("prefix", ["cloudEvents:", "cloudEvents_"])
def test_binary_mode_is_read_with_either_prefix(prefix: str) -> None:
    assert binary(prefix=prefix) == EVENT


def test_data_may_come_as_base64() -> None:
    assert structured(data=None, data_base64=base64.b64encode(json.dumps(DATA).encode()).decode()) == EVENT


def test_other_attributes_are_no_fault() -> None:
    assert structured(traceparent="00-abc", time="2026-01-01T00:00:00Z", dataschema="urn:x") == EVENT


def test_a_users_number_is_a_users_id() -> None:
    assert structured(subject=42).user == "42"


def test_an_event_without_data_is_read() -> None:
    assert structured(type="user.deleted", data=None).data is None
    assert binary(type="user.deleted", body=b"", content_type=None).data is None


@pytest.mark.parametrize("field", ["specversion", "id", "source", "type", "subject"])
def test_a_missing_attribute_is_named(field: str) -> None:
    for read in (structured, binary):
        with pytest.raises(EventMalformed, match=field):
            read(**{field: None})


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"specversion": "0.3"}, EventMalformed),
        ({"id": ""}, EventMalformed),
        ({"id": "x" * 501}, EventMalformed),
        ({"id": "é" * 251}, EventMalformed),
        ({"source": "a\x00b"}, EventMalformed),
        ({"source": "a\ud800"}, EventMalformed),
        ({"id": 7}, EventMalformed),
        ({"type": "bookmark.exploded"}, EventUnknown),
        ({"subject": ""}, InvalidUserId),
        ({"subject": "../etc"}, InvalidUserId),
        ({"subject": True}, InvalidUserId),
        ({"subject": 1.5}, EventMalformed),
        ({"datacontenttype": "text/xml"}, EventMalformed),
        ({"data": None, "data_base64": "%%%"}, EventMalformed),
        ({"data": None, "data_base64": 7}, EventMalformed),
        ({"data": None, "data_base64": "e30x"}, EventMalformed),
    ],
)
def test_what_cannot_be_used_is_refused(changed: dict[str, Any], error: type[FleetError]) -> None:
    with pytest.raises(error):
        structured(**changed)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", STRUCTURED),
        (b"{", STRUCTURED),
        (b"[]", STRUCTURED),
        (b"\xff\xfe", STRUCTURED),
        (b"[" * 100_000, STRUCTURED),
        (b"[]", "application/cloudevents-batch+json"),
        (b"{}", "application/cloudevents+avro"),
        (b"{}", "application/json"),
        (b"{}", None),
    ],
)
def test_what_is_no_cloudevent_is_refused(body: bytes, content_type: str | None) -> None:
    with pytest.raises(EventMalformed):
        read_event(body, content_type=content_type, headers={})


def test_binary_data_has_to_be_json() -> None:
    with pytest.raises(EventMalformed, match="not JSON"):
        binary(content_type="text/plain")
    with pytest.raises(EventMalformed, match="not JSON"):
        binary(body=b"url=https://example.org")


def test_more_than_a_bookmark_can_hold_is_refused_unread() -> None:
    with pytest.raises(EventTooLarge, match="262,145 bytes"):
        read_event(b"x" * (LARGEST + 1), content_type=STRUCTURED, headers={})


def test_the_digest_tells_events_of_one_name_apart_and_not_their_spelling() -> None:
    assert structured().digest == structured(data=dict(reversed(DATA.items()))).digest
    assert structured().digest == binary().digest
    assert structured().digest != structured(data={"url": "https://example.org/2"}).digest
    assert structured().digest != structured(subject="bob").digest
    assert structured().digest != structured(type="bookmark.deleted").digest


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
_names = st.sampled_from([*ATTRIBUTES, "data", "data_base64", "datacontenttype"])


@given(
    body=st.binary() | st.dictionaries(_names, _json).map(lambda event: json.dumps({**ATTRIBUTES, **event}).encode()),
    content_type=st.none() | st.text() | st.sampled_from([STRUCTURED, "application/json"]),
    headers=st.dictionaries(_names.map("cloudEvents:{}".format), _json | st.binary()),
)
def test_whatever_comes_is_an_event_or_refused_with_a_sentence(
    body: bytes, content_type: str | None, headers: dict[str, object]
) -> None:
    try:
        said = read_event(body, content_type=content_type, headers=headers).digest
    except FleetError as error:
        said = error.sentence.removesuffix(".")

    assert said


@given(data=_json)
def test_both_modes_say_the_same(data: object) -> None:
    body = json.dumps(data).encode()
    headers = {f"cloudEvents:{name}": value for name, value in ATTRIBUTES.items()}

    in_binary = read_event(body, content_type="application/json", headers=headers)
    in_structured = read_event(json.dumps({**ATTRIBUTES, "data": data}).encode(), content_type=STRUCTURED, headers={})

    assert in_binary.digest == in_structured.digest
