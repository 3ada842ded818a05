"""Key sets in memory: read from a JWKS document (RFC 7517), of which only keys we would trust are kept."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.errors import KeySetUnusable
from shared.identity import VerifyingKey

_SHORTEST_RSA_BITS = 2048


class InMemoryKeySet:
    """Keeps the promises of `shared.identity.KeySet` with keys that do not change."""

    def __init__(self, document: str | bytes) -> None:
        """Read the keys; those that do not sign, or not with RS256 or ES256, are passed over.

        Raises:
            KeySetUnusable: it is no JWKS, or has no key that could be used.
        """
        self._keys = dict(_usable(_entries(document)))
        if not self._keys:
            raise KeySetUnusable("it has no RSA key of at least 2,048 bits and no P-256 key that signs")

    async def find(self, key_id: str | None) -> VerifyingKey | None:
        """The key of this id, or the only one when none is named."""
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)


def _entries(document: str | bytes) -> Iterable[Mapping[str, Any]]:
    try:
        keys = json.loads(document)["keys"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise KeySetUnusable("it is not a JSON Web Key Set") from error
    return [entry for entry in keys if isinstance(entry, dict)] if isinstance(keys, list) else []


def _usable(entries: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str | None, VerifyingKey]]:
    for entry in entries:
        key = _public_key(entry)
        key_id = entry.get("kid")
        if key is not None and isinstance(key_id, str | None):
            yield key_id, key


def _public_key(entry: Mapping[str, Any]) -> VerifyingKey | None:
    """The key of an entry; its kind decides the algorithm, and an entry that says something else is not used."""
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(entry.get("kty")))
    if algorithm is None or entry.get("alg", algorithm) != algorithm or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(dict(entry), algorithm).key
    except (jwt.PyJWTError, LookupError):
        return None
    match key:
        case RSAPublicKey(key_size=bits) if bits >= _SHORTEST_RSA_BITS:
            return VerifyingKey(key, algorithm)
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return VerifyingKey(key, algorithm)
        case _:
            return None  # too short, another curve, or a private key that should not have been published
