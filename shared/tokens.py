"""Bearer tokens: who is asking, and what they may do.

The deployment makes tokens of its own (HS256): for services, and for users where no identity provider is. An identity
provider speaks for users alone. Whose token it claims to be decides what it is checked with, and that decides the
algorithm: nothing a token says of its algorithm is ever followed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt
from pydantic import SecretStr

from shared.errors import Forbidden, InvalidUserId, Misconfigured, Unauthenticated
from shared.identity import IdentityProvider
from shared.jwts import checked, claimed
from shared.users import user_id
from shared.values import UserId

ALGORITHM = "HS256"
ISSUER = "bookmark-fleet"
AUDIENCE = "bookmark-fleet"
SHORTEST_SECRET_BYTES = 32


class Scope(StrEnum):
    """What a service's token may do, for every user."""

    READ = "bookmarks:read"
    WRITE = "bookmarks:write"
    KEYS = "keys:write"
    ADMIN = "admin"


_OF_A_USER = frozenset({Scope.READ, Scope.WRITE, Scope.KEYS})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking.

    Attributes:
        name: as audit and logs say it: `user:ada`, `service:importer`.
        user: the one user the caller may touch; None for a service, which may touch all.
        scopes: what it may do there.
    """

    name: str
    user: UserId | None
    scopes: frozenset[Scope]

    def require(self, scope: Scope, *, of: UserId | None = None) -> None:
        """Let the caller pass, or not; `of` is the user whose things are asked for, None for everybody's.

        Raises:
            Forbidden: another user's things, or a scope the token does not have.
        """
        if self.user is not None and self.user != of:
            raise Forbidden("This token reaches its own user alone.")
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise Forbidden(f"This token does not have the scope {scope}.")


class TokenIssuer:
    """Makes tokens."""

    def __init__(self, secret: SecretStr) -> None:
        self._secret = _long_enough(secret)

    def for_user(self, user: UserId, *, lifetime: timedelta) -> str:
        """A token that reaches one user's things and nobody else's."""
        return self._signed(f"user:{user}", scopes=(), lifetime=lifetime)

    def for_service(self, name: str, scopes: Iterable[Scope], *, lifetime: timedelta) -> str:
        """A token that reaches all users' things, within its scopes."""
        return self._signed(f"service:{user_id(name)}", scopes=scopes, lifetime=lifetime)

    def _signed(self, subject: str, *, scopes: Iterable[Scope], lifetime: timedelta) -> str:
        now = datetime.now(UTC)
        claims: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + lifetime}
        if scope := " ".join(sorted(scopes)):
            claims["scope"] = scope
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)


class TokenReader:
    """Checks tokens: signature, algorithm, issuer, audience and expiry."""

    def __init__(self, secret: SecretStr, provider: IdentityProvider | None = None) -> None:
        """Keep what tokens are checked with; without a provider, the deployment's own are the only ones.

        Raises:
            Misconfigured: the secret is too short, or the provider goes by the deployment's own name.
        """
        self._secret = _long_enough(secret)
        self._provider = provider
        if provider and provider.issuer == ISSUER:
            raise Misconfigured(f"FLEET_IDENTITY_ISSUER is {ISSUER}, the name of the deployment's own tokens.")

    async def read(self, token: str) -> Caller:
        """Who holds this token.

        Raises:
            Unauthenticated: it is not one of ours, was changed, or has expired; says which, never more.
            IdentityProviderAway: it says to be the provider's, whose keys cannot be had.
        """
        if self._provider and claimed(token).issuer == self._provider.issuer:
            return _user(await self._provider.user_of(token))
        claims = checked(token, self._secret, algorithm=ALGORITHM, issuer=ISSUER, audience=AUDIENCE)
        return _caller(claims["sub"], claims.get("scope", ""))


def _user(user: UserId) -> Caller:
    return Caller(name=f"user:{user}", user=user, scopes=_OF_A_USER)


def _caller(subject: str, scope: object) -> Caller:
    kind, _, name = subject.partition(":")
    try:
        named = user_id(name)
    except InvalidUserId as error:
        raise Unauthenticated("The bearer token names nobody.") from error
    match kind:
        case "user":
            return _user(named)
        case "service":
            asked = set(str(scope).split())
            return Caller(name=subject, user=None, scopes=frozenset(known for known in Scope if known in asked))
        case _:
            raise Unauthenticated("The bearer token names neither a user nor a service.")


def _long_enough(secret: SecretStr) -> str:
    text = secret.get_secret_value()
    if len(text.encode()) < SHORTEST_SECRET_BYTES:
        raise Misconfigured(f"FLEET_TOKEN_SECRET is shorter than {SHORTEST_SECRET_BYTES} bytes.")
    return text
