"""An identity provider for tests: real keys, the key set it publishes, and tokens, good ones and forged ones."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://login.example.org/"
AUDIENCE = "bookmark-fleet-of-the-tests"
ALGORITHMS = {"rsa": "RS256", "ec": "ES256", "another": "RS256"}


@cache
def private_key(kid: str) -> Any:
    """The key of this id: `ec` on P-256, every other RSA with 2,048 bits."""
    if kid == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def public_pem(kid: str) -> bytes:
    key = private_key(kid).public_key()
    return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def jwk(kid: str, /, **changes: Any) -> dict[str, Any]:
    """A published key; a change to None leaves the field out."""
    algorithm = jwt.get_algorithm_by_name(ALGORITHMS.get(kid, "RS256"))
    entry = {**json.loads(algorithm.to_jwk(private_key(kid).public_key())), "kid": kid, "use": "sig", **changes}
    return {name: value for name, value in entry.items() if value is not None}


def jwks(*kids: str) -> str:
    return json.dumps({"keys": [jwk(kid) for kid in kids]})


def token(*, kid: str | None = "rsa", key: Any = None, algorithm: str | None = None, **claims: Any) -> str:
    """A token of this provider for ada, valid for an hour, but for what is said; a claim of None is left out."""
    now = datetime.now(UTC)
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + timedelta(hours=1)}
    return jwt.encode(
        {name: value for name, value in {**good, **claims}.items() if value is not None},
        private_key(kid or "rsa") if key is None else key,
        algorithm=algorithm or ALGORITHMS.get(kid or "rsa", "RS256"),
        headers={} if kid is None else {"kid": kid},
    )
