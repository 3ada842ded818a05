"""The identity provider: who it says is asking, by tokens checked with the keys it publishes (RS256 and ES256).

It speaks for users alone. Whatever its tokens claim of services or scopes counts for nothing here.
"""

from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.errors import InvalidUserId, Unauthenticated
from shared.jwts import checked, claimed
from shared.users import user_id
from shared.values import UserId


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key, and the one algorithm it is for, whatever a token says."""

    key: RSAPublicKey | EllipticCurvePublicKey
    algorithm: str


class KeySet(Protocol):
    """The public keys of an identity provider."""

    async def find(self, key_id: str | None) -> VerifyingKey | None:
        """The key of this id, or the only one there is when a token names none; None when there is no such key.

        Raises:
            IdentityProviderAway: nobody can say, as the keys cannot be had.
        """
        ...


class IdentityProvider:
    """Checks the tokens of one issuer."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        """Keep where the keys are.

        Args:
            keys: what its tokens are checked with.
            issuer: as its tokens name it (`iss`).
            audience: as its tokens name this deployment (`aud`).
        """
        self.issuer = issuer
        self._keys = keys
        self._audience = audience

    async def reach(self) -> None:
        """Come back when its keys are at hand.

        Raises:
            IdentityProviderAway: they cannot be had.
        """
        await self._keys.find(None)

    async def user_of(self, token: str) -> UserId:
        """The user whom a token speaks for.

        Raises:
            Unauthenticated: it is none of this provider's for us, was changed, has expired, or names nobody.
            IdentityProviderAway: the keys cannot be had, so nobody can say.
        """
        key = await self._keys.find(claimed(token).key_id)
        if key is None:
            raise Unauthenticated("The bearer token is signed with a key its issuer does not have.")
        claims = checked(token, key.key, algorithm=key.algorithm, issuer=self.issuer, audience=self._audience)
        try:
            return user_id(claims["sub"])
        except InvalidUserId as error:
            raise Unauthenticated("The bearer token names nobody.") from error
