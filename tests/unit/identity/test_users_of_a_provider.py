"""Tokens of an identity provider: whom they speak for, how little that is, and every way to be refused."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr

from shared.errors import Forbidden, Misconfigured, Unauthenticated
from shared.identity import IdentityProvider
from shared.identity.in_memory import InMemoryKeySet
from shared.identity.making import make_identity_provider
from shared.settings import IdentitySettings
from shared.tokens import ISSUER as OURS
from shared.tokens import Caller, Scope, TokenIssuer, TokenReader
from shared.users import user_id
from tests.identity_provider import AUDIENCE, ISSUER, jwk, jwks, private_key, public_pem, token

SECRET = SecretStr("a secret of the tests, long enough for HS256")
ADA = user_id("ada")
AN_HOUR = timedelta(hours=1)
USERS_SCOPES = frozenset({Scope.READ, Scope.WRITE, Scope.KEYS})


def reader_of(document: str) -> TokenReader:
    return TokenReader(SECRET, IdentityProvider(InMemoryKeySet(document), issuer=ISSUER, audience=AUDIENCE))


reader = reader_of(jwks("rsa", "ec"))


def from_now(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_as_hs256(secret: bytes, *, header: dict[str, Any]) -> str:
    """An HS256 token made by hand: the library would not sign with a public key."""
    now = datetime.now(UTC).timestamp()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": int(now), "exp": int(now) + 3_600}
    said = f"{part(header)}.{part(claims)}"
    return f"{said}.{urlsafe_b64encode(hmac.digest(secret, said.encode(), 'sha256')).rstrip(b'=').decode()}"


@pytest.mark.parametrize("kid", ["rsa", "ec"])
async def test_a_users_token_reaches_that_user_alone(kid: str) -> None:
    caller = await reader.read(token(kid=kid))

    assert caller == Caller(name="user:ada", user=ADA, scopes=USERS_SCOPES)
    with pytest.raises(Forbidden):
        caller.require(Scope.READ, of=user_id("linus"))


async def test_our_own_tokens_are_read_beside_the_providers() -> None:
    issuer = TokenIssuer(SECRET)

    assert (await reader.read(issuer.for_user(ADA, lifetime=AN_HOUR))).user == ADA
    assert (await reader.read(issuer.for_service("importer", [Scope.WRITE], lifetime=AN_HOUR))).user is None


@pytest.mark.parametrize("name", ["service:fleet-up", "user:linus", "operator:root", "process:analyzer"])
async def test_a_user_at_the_provider_with_the_name_of_somebody_greater_gains_nothing(name: str) -> None:
    caller = await reader.read(token(sub=name, scope="admin bookmarks:read", scopes=["admin"], roles=["admin"]))

    assert caller == Caller(name=f"user:{name}", user=user_id(name), scopes=USERS_SCOPES)
    for wanted in Scope:
        with pytest.raises(Forbidden):
            caller.require(wanted)
        with pytest.raises(Forbidden):
            caller.require(wanted, of=user_id("linus"))


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "iss", "aud"])
async def test_a_token_that_leaves_out_what_is_needed_is_refused(claim: str) -> None:
    with pytest.raises(Unauthenticated):
        await reader.read(token(**{claim: None}))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://login.example.org"},
        {"iss": OURS},
        {"aud": "another-api"},
        {"aud": ["another-api", "a-third"]},
        {"aud": ISSUER},
        {"nbf": from_now(hours=1)},
        {"iat": from_now(hours=1)},
        {"sub": ""},
        {"sub": "../linus"},
        {"sub": "_deployment"},
        {"sub": "ada/../linus"},
        {"sub": "ada\n"},
        {"sub": "x" * 129},
        {"exp": "soon"},
    ],
)
async def test_a_token_that_is_not_meant_for_us_now_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await reader.read(token(**claims))

    assert all(str(value) not in refused.value.sentence for value in claims.values() if value)


async def test_an_expired_token_is_refused_and_says_so() -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        await reader.read(token(exp=from_now(seconds=-11)))


async def test_clocks_may_differ_by_a_few_seconds() -> None:
    await reader.read(token(exp=from_now(seconds=-5)))
    await reader.read(token(nbf=from_now(seconds=5), iat=from_now(seconds=5)))


@pytest.mark.parametrize(
    "forge",
    [
        lambda: jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada"}, None, algorithm="none"),
        lambda: f"{part({'alg': 'none', 'kid': 'rsa'})}.{token().split('.')[1]}.",
        lambda: f"{part({'alg': 'None', 'kid': 'ec'})}.{token().split('.')[1]}.",
        lambda: signed_as_hs256(public_pem("rsa"), header={"alg": "HS256", "kid": "rsa"}),
        lambda: signed_as_hs256(public_pem("rsa"), header={"alg": "HS256"}),
        lambda: signed_as_hs256(public_pem("rsa"), header={"alg": "RS256", "kid": "rsa"}),
        lambda: signed_as_hs256(json.dumps(jwk("rsa")).encode(), header={"alg": "HS256", "kid": "rsa"}),
        lambda: signed_as_hs256(SECRET.get_secret_value().encode(), header={"alg": "HS256", "kid": "rsa"}),
        lambda: token(kid="rsa", key=private_key("another")),
        lambda: token(kid="another"),
        lambda: token(kid=None),
        lambda: token(kid="rsa", algorithm="RS512"),
        lambda: token(kid="rsa", algorithm="PS256"),
        lambda: token(kid="rsa", key=private_key("ec"), algorithm="ES256"),
        lambda: token(kid="ec", key=private_key("rsa"), algorithm="RS256"),
        lambda: token()[:-8] + "AAAAAAAA",
        lambda: token().rsplit(".", 1)[0] + ".",
        lambda: ".".join([token().split(".")[0], part({"iss": ISSUER, "sub": "linus"}), token().split(".")[2]]),
        lambda: f"{part({'alg': 'RS256', 'kid': ['rsa']})}.{token().split('.')[1]}.AAAA",
        lambda: f"{part({'alg': 'RS256', 'kid': 'rsa'})}.{'W1' * 40_000}.AAAA",
    ],
    ids=lambda _: "",
)
async def test_a_forged_token_is_refused(forge: Callable[[], str]) -> None:
    forged = forge()

    with pytest.raises(Unauthenticated) as refused:
        await reader.read(forged)

    assert forged not in str(refused.value)


async def test_a_key_a_token_brings_along_is_not_used() -> None:
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    entry = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(stranger.public_key()))
    now = datetime.now(UTC)
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + AN_HOUR}
    header = {"kid": "rsa", "jwk": entry, "jku": "https://attacker.example/keys", "x5u": "https://attacker.example/x"}

    with pytest.raises(Unauthenticated):
        await reader.read(jwt.encode(claims, stranger, algorithm="RS256", headers=header))


async def test_a_token_that_names_no_key_is_checked_with_the_only_one_there_is() -> None:
    assert (await reader_of(jwks("ec")).read(token(kid=None, key=private_key("ec"), algorithm="ES256"))).user == ADA


async def test_without_a_provider_its_tokens_are_refused() -> None:
    with pytest.raises(Unauthenticated):
        await TokenReader(SECRET).read(token())


@pytest.mark.parametrize(
    "changes",
    [{"alg": "RS512"}, {"alg": "HS256"}, {"use": "enc"}, {"kty": "oct", "k": "c2VjcmV0"}, {"n": None}, {"kid": 7}],
)
async def test_keys_that_are_not_for_such_tokens_are_passed_over(changes: dict[str, Any]) -> None:
    entries = [jwk("rsa", **changes), jwk("ec"), "no key at all"]

    with pytest.raises(Unauthenticated):
        await reader_of(json.dumps({"keys": entries})).read(token(kid="rsa"))


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not JSON",
        "[]",
        "7",
        "{}",
        '{"keys": 5}',
        '{"keys": []}',
        "[" * 100_000,
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "rsa"}]}),
    ],
    ids=lambda _: "",
)
def test_what_holds_no_usable_key_is_no_key_set(document: str) -> None:
    with pytest.raises(Misconfigured, match="key set"):
        InMemoryKeySet(document)


@pytest.mark.parametrize(
    "private",
    [
        lambda: rsa.generate_private_key(public_exponent=65_537, key_size=1_024),  # noqa: S505 - that is the point
        lambda: ec.generate_private_key(ec.SECP384R1()),
    ],
    ids=["short", "another curve"],
)
def test_weak_and_foreign_keys_make_no_key_set(private: Callable[[], Any]) -> None:
    key = private()
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES384"
    entry = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())) | {"kid": "k"}
    entry.pop("alg", None)

    with pytest.raises(Misconfigured):
        InMemoryKeySet(json.dumps({"keys": [entry]}))


def test_a_published_private_key_is_not_believed() -> None:
    entry = json.loads(jwt.get_algorithm_by_name("RS256").to_jwk(private_key("rsa")))

    with pytest.raises(Misconfigured):
        InMemoryKeySet(json.dumps({"keys": [entry]}))


def test_a_provider_that_goes_by_our_own_name_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match="FLEET_IDENTITY_ISSUER"):
        TokenReader(SECRET, IdentityProvider(InMemoryKeySet(jwks("ec")), issuer=OURS, audience=AUDIENCE))


# ---- settings --------------------------------------------------------------------------------------

WHOLE = {"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS_URL": "https://login.example.org/keys"}


def put(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"FLEET_IDENTITY_{name}", value)


def test_without_settings_there_is_no_provider() -> None:
    assert make_identity_provider(IdentitySettings.read()) is None


async def test_the_key_set_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "jwks.json").write_text(jwks("ec") + "\n")
    put(monkeypatch, {"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS_FILE": str(tmp_path / "jwks.json")})

    provider = make_identity_provider(IdentitySettings.read())

    assert await provider.user_of(token(kid="ec")) == ADA


@pytest.mark.parametrize(
    "settings",
    [
        {"ISSUER": ISSUER},
        {"JWKS_URL": WHOLE["JWKS_URL"]},
        {"ISSUER": ISSUER, "AUDIENCE": AUDIENCE},
        {"ISSUER": ISSUER, "JWKS_URL": WHOLE["JWKS_URL"]},
        WHOLE | {"JWKS": jwks("ec")},
        WHOLE | {"JWKS_URL": "http://login.example.org/keys"},
        WHOLE | {"JWKS_URL": "http://localhost.example.org/keys"},
        WHOLE | {"JWKS_URL": "file:///etc/passwd"},
        WHOLE | {"ISSUER": ""},
        {"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "JWKS": "nonsense"},
    ],
    ids=lambda _: "",
)
def test_settings_that_are_not_whole_stop_the_start(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    put(monkeypatch, settings)

    with pytest.raises(Misconfigured, match=r"FLEET_IDENTITY_|key set"):
        make_identity_provider(IdentitySettings.read())
