"""JSON Web Tokens: what one says of itself, and what it says once it was checked; what is wrong is one error."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt

from shared.errors import Unauthenticated

_LEEWAY = timedelta(seconds=10)  # clocks of two machines differ
_REQUIRED = ["exp", "iat", "sub", "iss", "aud"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a token says of itself, unchecked: good for choosing the key to check it with, and for nothing else.

    Attributes:
        issuer: who made it; None when it does not say.
        key_id: which of the issuer's keys signed it (`kid`); None when it does not say.
    """

    issuer: str | None
    key_id: str | None


def claimed(token: str) -> Claimed:
    """What a token says of itself.

    Raises:
        Unauthenticated: it is no token.
    """
    try:
        told = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise _invalid() from error
    return Claimed(issuer=_text(told["payload"].get("iss")), key_id=_text(told["header"].get("kid")))


def checked(token: str, key: Any, *, algorithm: str, issuer: str, audience: str) -> Mapping[str, Any]:
    """The claims of a token with this key's signature, from this issuer, for this audience, at this time.

    Args:
        token: what was sent.
        key: what it is checked with.
        algorithm: the one the key is for; a token that names another is refused.
        issuer: who must have made it.
        audience: for whom it must have been made.

    Raises:
        Unauthenticated: it is not such a token, or has expired; says which, never more.
    """
    try:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer,
            leeway=_LEEWAY,
            options={"require": _REQUIRED},
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated("The bearer token has expired.") from error
    except jwt.InvalidTokenError as error:
        raise _invalid() from error


def _invalid() -> Unauthenticated:
    return Unauthenticated("The bearer token is not valid here.")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
