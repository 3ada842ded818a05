"""Which texts can be a key or its name, and that a key never shows."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.errors import InvalidKey, InvalidKeyName
from shared.keys import StoredKey
from shared.keys.plaintext import api_key, fingerprint, key_name

PLANTED = "AIzaPLANTED0123456789abcdef"
INVISIBLE = "it holds a space or a character that is not visible ASCII"
PEPPER = SecretStr("pepper")
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=20, max_size=512)


@given(text=VISIBLE, end=st.sampled_from(["", "\n", "\r\n"]))
def test_any_visible_ascii_of_20_to_512_characters_is_a_key_and_one_lines_end_is_dropped(text: str, end: str) -> None:
    assert api_key(text + end).get_secret_value() == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("\n", "it is empty"),
        ("x" * 19, "it has 19 characters"),
        ("x" * 513, "it has 513 characters"),
        (f"{PLANTED}\n\n", "it has more than one line"),
        (f"{PLANTED}\n{PLANTED}", "it has more than one line"),
        (f"{PLANTED}\r{PLANTED}", "it has more than one line"),
        (f"\n{PLANTED}", "it has more than one line"),
        (f" {PLANTED}", INVISIBLE),
        (f"{PLANTED} ", INVISIBLE),
        (f"{PLANTED[:10]}\t{PLANTED[10:]}", INVISIBLE),
        (f"{PLANTED}\x00", INVISIBLE),
        (f"{PLANTED}ü", INVISIBLE),
        (f"{PLANTED}\u200b", INVISIBLE),
        (f"{PLANTED}\x7f", INVISIBLE),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_the_reason_and_without_the_text(text: str, why: str) -> None:
    with pytest.raises(InvalidKey) as refused:
        api_key(text)

    assert str(refused.value) == f"The API key cannot be used: {why}."
    assert PLANTED not in str(refused.value)
    assert PLANTED not in repr(refused.value)


def test_a_refusal_does_not_carry_the_text_on_to_who_prints_local_variables() -> None:
    # What a caller holds is the caller's; from the refusal's own frames nothing may show.
    try:
        api_key(f"{PLANTED}ü")
    except InvalidKey as error:
        own = error.__traceback__.tb_next
        shown = "".join(traceback.TracebackException(type(error), error, own, capture_locals=True).format(chain=True))

    assert PLANTED not in shown


@pytest.mark.parametrize("thing", [None, 7, PLANTED.encode(), [PLANTED], SecretStr(PLANTED)])
def test_what_is_no_text_is_neither_key_nor_name(thing: Any) -> None:
    with pytest.raises(InvalidKey) as refused:
        api_key(thing)
    assert str(refused.value) == "The API key cannot be used: it is not a text."
    with pytest.raises(InvalidKeyName):
        key_name(thing)


@pytest.mark.parametrize("thing", [PLANTED.encode(), [PLANTED], SecretStr(PLANTED)])
def test_what_is_no_text_does_not_show(thing: Any) -> None:
    try:
        api_key(thing)
    except InvalidKey as error:
        own = error.__traceback__.tb_next
        shown = "".join(traceback.TracebackException(type(error), error, own, capture_locals=True).format(chain=True))
    assert PLANTED not in shown


@pytest.mark.parametrize("text", ["", "   ", "x" * 101, "two\nlines", "bell\a", "\ud800", "a\u202eb", "\xa0", "a\n"])
def test_what_cannot_be_shown_is_no_name(text: str) -> None:
    with pytest.raises(InvalidKeyName):
        key_name(text)


@pytest.mark.parametrize("text", ["x", "Xavier's X", "Ada's key (work), № 1", "x" * 100])
def test_printable_names_are_taken_without_the_spaces_around_them(text: str) -> None:
    assert key_name(f"  {text} ") == text


def test_a_fingerprint_recognises_the_key_and_needs_the_pepper() -> None:
    first, second = api_key(PLANTED), api_key(PLANTED + "x")

    assert fingerprint(first, PEPPER) == fingerprint(api_key(PLANTED), PEPPER)
    assert fingerprint(first, PEPPER) != fingerprint(second, PEPPER)
    assert fingerprint(first, PEPPER) != fingerprint(first, SecretStr("another"))
    assert len(fingerprint(first, PEPPER)) == 64


def test_a_fingerprint_is_the_standard_hmac() -> None:
    # As `printf what-do-ya-want-for-nothing? | openssl dgst -sha256 -hmac Jefe` says.
    assert (
        fingerprint(api_key("what-do-ya-want-for-nothing?"), SecretStr("Jefe"))
        == "5a009baf454799a316a08e0261c4c31a58f951f1436904b5a7a883706501d927"
    )


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        lambda key: f"{key} {key!r} {key!s}",
        lambda key: str([key, {"key": key}]),
        lambda key: str(StoredKey(key, 1)),
        lambda key: str(asdict(StoredKey(key, 1))),
        lambda key: json.dumps({"key": key}, default=str),
        lambda key: str(copy.deepcopy(key)),
        lambda key: str(ValueError(key, StoredKey(key, 1))),
    ],
)
def test_a_key_does_not_show(show: Callable[[object], str]) -> None:
    assert PLANTED not in show(api_key(PLANTED))


def test_a_key_does_not_show_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").error("key %s of %r", api_key(PLANTED), StoredKey(api_key(PLANTED), 1))

    assert caplog.text
    assert PLANTED not in caplog.text


def test_a_copy_of_a_key_is_the_key() -> None:
    key = api_key(PLANTED)

    assert copy.copy(key) is key
    assert copy.deepcopy(key) is key


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_is_not_pickled(protocol: int) -> None:
    for holder in (api_key(PLANTED), StoredKey(api_key(PLANTED), 1)):
        with pytest.raises(TypeError, match=r"^an API key is not pickled: it would be written in the clear$"):
            pickle.dumps(holder, protocol)
