"""Keys as text: which texts can be one, how it is kept from showing, and how it is recognised without being known."""

import hashlib
import hmac
import re
from typing import Any, NoReturn, Self

from pydantic import SecretStr

from shared.errors import InvalidKey, InvalidKeyName
from shared.keys import ApiKey

_LENGTH = range(20, 513)
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_LONGEST_NAME = 100


class _Sealed(SecretStr):
    """A hidden text that cannot be pickled either: a pickle would carry it in the clear."""

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("an API key is not pickled: it would be written in the clear")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self


def api_key(text: object) -> ApiKey:
    """The key in a text; one line's end after it is dropped, as prompts and files add one.

    Raises:
        InvalidKey: the text cannot be a key; the sentence says why and does not hold the text.
    """
    key = _Sealed(_one_line(text))
    why = _unusable(key.get_secret_value()) if isinstance(text, str) else "it is not a text"
    del text  # an error that shows local variables must not show it
    if why is not None:
        raise InvalidKey(why)
    return ApiKey(key)


def _one_line(text: object) -> str:
    return text.removesuffix("\n").removesuffix("\r") if isinstance(text, str) else ""


def _unusable(key: str) -> str | None:
    """Why a text cannot be a key; None when it can."""
    if not key.strip():
        return "it is empty"
    if "\n" in key or "\r" in key:
        return "it has more than one line"
    if len(key) not in _LENGTH:
        return f"it has {len(key)} characters"
    if not _VISIBLE_ASCII.fullmatch(key):
        return "it holds a space or a character that is not visible ASCII"
    return None


def key_name(text: object) -> str:
    """The name a user gives a key: 1 to 100 printable characters; spaces around it are dropped.

    Raises:
        InvalidKeyName: the text cannot be one.
    """
    if not isinstance(text, str):
        raise InvalidKeyName
    name = text.strip(" ")
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidKeyName
    return name


def fingerprint(key: ApiKey, pepper: SecretStr) -> str:
    """What a key is recognised by: HMAC-SHA-256, hex; without the pepper it cannot even be guessed at."""
    return hmac.new(pepper.get_secret_value().encode(), key.get_secret_value().encode(), hashlib.sha256).hexdigest()
