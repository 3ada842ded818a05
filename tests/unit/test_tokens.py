"""Bearer tokens: whose they are, what they may do, and which are refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from shared.errors import Forbidden, Misconfigured, Unauthenticated
from shared.tokens import AUDIENCE, ISSUER, Caller, Scope, TokenIssuer, TokenReader
from shared.users import user_id

SECRET = SecretStr("a secret of the tests, long enough for HS256")
ADA, LINUS = user_id("ada"), user_id("linus")
AN_HOUR = timedelta(hours=1)

issuer, reader = TokenIssuer(SECRET), TokenReader(SECRET)


def claims(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user:ada", "iat": now, "exp": now + AN_HOUR}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


async def test_a_users_token_reaches_that_user_alone() -> None:
    caller = await reader.read(issuer.for_user(ADA, lifetime=AN_HOUR))

    for scope in (Scope.READ, Scope.WRITE, Scope.KEYS):
        caller.require(scope, of=ADA)
        with pytest.raises(Forbidden):
            caller.require(scope, of=LINUS)
    for scope in Scope:
        with pytest.raises(Forbidden):
            caller.require(scope)


async def test_a_services_token_reaches_all_users_within_its_scopes() -> None:
    caller = await reader.read(issuer.for_service("importer", [Scope.WRITE], lifetime=AN_HOUR))

    assert caller == Caller(name="service:importer", user=None, scopes=frozenset({Scope.WRITE}))
    caller.require(Scope.WRITE, of=ADA)
    caller.require(Scope.WRITE, of=LINUS)
    for scope in (Scope.READ, Scope.KEYS, Scope.ADMIN):
        with pytest.raises(Forbidden, match=scope):
            caller.require(scope, of=ADA)


async def test_an_admin_may_do_everything() -> None:
    caller = await reader.read(issuer.for_service("dashboard", [Scope.ADMIN], lifetime=AN_HOUR))

    for scope in Scope:
        caller.require(scope, of=ADA)
        caller.require(scope)


async def test_a_users_token_gains_nothing_by_claiming_scopes() -> None:
    caller = await reader.read(jwt.encode(claims(scope="admin"), SECRET.get_secret_value(), algorithm="HS256"))

    with pytest.raises(Forbidden):
        caller.require(Scope.ADMIN)


async def test_an_expired_token_is_refused_and_says_so() -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        await reader.read(issuer.for_user(ADA, lifetime=timedelta(seconds=-11)))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody-else"},
        {"aud": "another-api"},
        {"iss": None},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": "ada"},
        {"sub": "root:ada"},
        {"sub": "user:"},
        {"sub": "user:../ada"},
        {"nbf": datetime.now(UTC) + AN_HOUR},
    ],
)
async def test_a_token_that_is_not_meant_for_us_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await reader.read(jwt.encode(claims(**changes), SECRET.get_secret_value(), algorithm="HS256"))


@pytest.mark.parametrize(
    "forge",
    [
        lambda: jwt.encode(claims(), None, algorithm="none"),
        lambda: jwt.encode(claims(), "another secret, as long as the real one is", algorithm="HS256"),
        lambda: jwt.encode(claims(), SECRET.get_secret_value() * 2, algorithm="HS512"),
        lambda: jwt.encode(claims(), SECRET.get_secret_value() * 2, algorithm="HS384"),
        lambda: issuer.for_user(ADA, lifetime=AN_HOUR)[:-4] + "AAAA",
        lambda: issuer.for_user(ADA, lifetime=AN_HOUR).rsplit(".", 1)[0] + ".",
        lambda: "",
        lambda: "not.a.token",
        lambda: "ü.ü.ü",
    ],
)
async def test_a_forged_token_is_refused(forge: Callable[[], str]) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await reader.read(forge())

    assert forge() not in refused.value.sentence or not forge()


async def test_a_token_of_the_right_secret_and_another_algorithm_is_refused() -> None:
    same_secret = jwt.encode(claims(), SECRET.get_secret_value().ljust(64, "x"), algorithm="HS512")

    with pytest.raises(Unauthenticated):
        await TokenReader(SecretStr(SECRET.get_secret_value().ljust(64, "x"))).read(same_secret)


def test_a_short_secret_stops_the_start() -> None:
    for make in (TokenIssuer, TokenReader):
        with pytest.raises(Misconfigured, match="FLEET_TOKEN_SECRET"):
            make(SecretStr("x" * 31))


def test_a_secret_does_not_show() -> None:
    assert SECRET.get_secret_value() not in repr(issuer) + repr(reader)
