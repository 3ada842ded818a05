"""Two users: whatever one of them tries with their own token and the other's names and numbers comes to nothing.

Every address of the real app, every command that takes a user and every type of event has an entry here; a new one
without an entry fails the test that counts them.
"""

import asyncio
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import jwt
import psycopg
import pytest
import redis as sync_redis
from click.testing import CliRunner
from fastapi import FastAPI
from psycopg import sql
from pydantic import SecretStr

from services.cli.main import main
from services.producer.api.app import create_app
from services.producer.domain.cloudevents import EventType, read_event
from services.producer.domain.taking_events import TakeEvent
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.audit import here
from shared.errors import FleetError
from shared.tokens import AUDIENCE as OUR_AUDIENCE
from shared.tokens import ISSUER as OUR_NAME
from shared.tokens import Scope, TokenIssuer, TokenReader
from tests import identity_provider as provider
from tests.conftest import Vault
from tests.integration.producer.conftest import SECRET, Api
from tests.integration.producer.problems import problem
from tests.integration.producer.traces import ADA, KEYS, LINUS, lived, mark, tables, value, vault_of

__all__ = ["lived"]

A_PAGE = "https://example.org/anew"
Address = tuple[str, str]

OF_A_USER: dict[Address, tuple[Any, Scope]] = {
    ("POST", "/v1/users/{user}/bookmarks"): (A_PAGE, Scope.WRITE),
    ("GET", "/v1/users/{user}/bookmarks"): (None, Scope.READ),
    ("GET", "/v1/users/{user}/bookmarks/{bookmark}"): (None, Scope.READ),
    ("GET", "/v1/users/{user}/bookmarks/{bookmark}/content"): (None, Scope.READ),
    ("DELETE", "/v1/users/{user}/bookmarks/{bookmark}"): (None, Scope.WRITE),
    ("PUT", "/v1/users/{user}/api-key"): ({"key": KEYS[LINUS]}, Scope.KEYS),
    ("GET", "/v1/users/{user}/api-key"): (None, Scope.READ),
    ("DELETE", "/v1/users/{user}/api-key"): (None, Scope.KEYS),
    ("POST", "/v1/users/{user}/imports"): (f"<a href={A_PAGE}>A page</a>", Scope.WRITE),
    ("GET", "/v1/users/{user}/export"): (None, Scope.READ),
    ("GET", "/v1/users/{user}/rate-limit"): (None, Scope.READ),
    ("GET", "/v1/users/{user}/stats"): (None, Scope.READ),
    ("GET", "/v1/users/{user}/progress"): (None, Scope.READ),
    ("GET", "/v1/users/{user}/preferences"): (None, Scope.READ),
    ("PUT", "/v1/users/{user}/preferences"): ({"language": "de"}, Scope.WRITE),
    ("POST", "/v1/users/{user}/process"): (None, Scope.WRITE),
    ("DELETE", "/v1/users/{user}"): (None, Scope.WRITE),
}
"""Addresses below a user: what is sent to them, and the scope a service needs."""

OF_OPERATORS: dict[Address, Any] = {
    ("GET", "/v1/admin/overview"): None,
    ("GET", "/v1/admin/progress"): None,
    ("GET", "/v1/admin/signals"): None,
    ("GET", "/v1/admin/failures"): None,
    ("GET", "/v1/admin/lanes"): None,
    ("GET", "/v1/admin/audit"): None,
    ("POST", "/v1/admin/retry"): {"user": ADA},
    ("POST", "/v1/admin/reanalyse"): {"user": ADA, "prompt_version": "9999"},
    ("POST", "/v1/admin/pause"): {"user": ADA},
    ("POST", "/v1/admin/resume"): {"user": ADA},
    ("GET", "/v1/admin/users/{user}/limits"): None,
    ("PUT", "/v1/admin/users/{user}/limits"): {"minute": 0},
    ("GET", "/v1/admin/default-key"): None,
    ("PUT", "/v1/admin/default-key"): {"key": KEYS[LINUS]},
    ("DELETE", "/v1/admin/default-key"): None,
}
"""Addresses of the whole fleet, for the scope `admin`: what is sent to them."""

OF_NOBODY: dict[Address, str] = {
    ("GET", "/"): "/",
    ("GET", "/page/{name}"): "/page/page.js",
    ("GET", "/healthz"): "/healthz",
    ("GET", "/readyz"): "/readyz",
    ("GET", "/metrics"): "/metrics",
    ("GET", "/openapi.json"): "/openapi.json",
}
"""Addresses that are open to all, and hold nothing of anybody."""

OF_WHOEVER_ASKS: set[Address] = {("GET", "/v1/caller")}

OTHER_WAYS_TO_WRITE = [
    "%61da-7f3a",
    "ADA-7F3A",
    "Ada-7f3a",
    "ada-7f3a%20",
    "%20ada-7f3a",
    "ada-7f3a%00",
    "ada-7f3a%0a",
    "ada-7f3a%09",
    "ada-7f3a;linus-91c2",
    "ada-7f3a%2C",
    "ada-7f3a%2F",
    "ada-7f3a%5C",
    "ada-7f3a%3Fuser=linus-91c2",
    "ada-7f3a%23",
    "linus-91c2%2F..%2Fada-7f3a",
    "linus-91c2/../ada-7f3a",
    "linus-91c2%2f%2e%2e%2fada-7f3a",
    "..%2Fusers%2Fada-7f3a",
    ".%2Fada-7f3a",
    "./ada-7f3a",
    "/ada-7f3a",
    "ada%E2%80%907f3a",
    "%C3%A0da-7f3a",
    "ada-7f3a%CC%81",
    "ada-7f3%",
    "%25",
    "*",
    "_deployment",
    "_erased",
    "_",
    "null",
]
"""Ways to write Ada's name, or to get beside it, that some server somewhere has fallen for."""


# ---- what is there, and what may not change --------------------------------------------------------


@dataclass
class House:
    """Ada and Linus on real servers, and a look at everything at once."""

    api: Api
    vault: Vault
    redis_url: str
    before: Any = None
    bookmark: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        [(self.bookmark,)] = self.api.rows("SELECT min(id) FROM bookmarks WHERE user_id LIKE 'ada%'")
        [(self.failed,)] = self.api.rows("SELECT min(id) FROM jobs WHERE user_id LIKE 'ada%' AND state = 'failed'")
        self.before = self.everything()

    def everything(self, of: str = "") -> Any:
        """Every row of every table, every counter and every version of every key that hold this text."""
        with psycopg.connect(self.api.database_url) as connection:
            rows = {table: connection.execute(_rows_of(table), [of]).fetchall() for table in tables(self.api)}
        with sync_redis.Redis.from_url(self.redis_url) as client:
            counters = {key: value(client, key) for key in client.scan_iter() if of.encode() in key}
        return rows, counters, [vault_of(self.vault, user) for user in (ADA, LINUS) if of in user]

    def nothing_changed(self) -> None:
        assert self.everything() == self.before


def _rows_of(table: str) -> sql.Composed:
    return sql.SQL("SELECT {0}::text FROM {0} WHERE strpos({0}::text, %s) > 0 ORDER BY 1").format(sql.Identifier(table))


@pytest.fixture
def house(lived: Api, vault: Vault, environment: dict[str, str]) -> House:
    return House(lived, vault, environment["FLEET_REDIS_URL"])


def addresses() -> set[Address]:
    """Every address of the app, those too that its description leaves out."""

    def routes(of: Any) -> Iterator[Any]:
        for route in of.routes:
            yield from routes(router) if (router := getattr(route, "original_router", None)) else [route]

    app = create_app(FrontDoorSettings.read(), tokens=TokenReader(SecretStr(SECRET)), max_body_bytes=1)
    assert isinstance(app, FastAPI)
    return {(method, route.path) for route in routes(app) for method in route.methods - {"HEAD"}}


def ask_raw(api: Api, method: str, path: str, token: str | None, body: Any = None) -> tuple[int, str]:
    """Status and text of an answer; the path goes out as it is written, which friendlier clients do not let happen."""
    address = urlsplit(api.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    sent = None if body is None else json.dumps(body)
    if sent is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, body=sent, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def tells_nothing(text: str) -> None:
    for secret in (ADA, mark(ADA), KEYS[ADA], KEYS[LINUS]):
        assert secret not in text


def test_every_address_of_the_app_has_an_entry_here(environment: dict[str, str]) -> None:
    assert addresses() == {*OF_A_USER, *OF_OPERATORS, *OF_NOBODY, *OF_WHOEVER_ASKS}


def test_ada_herself_sees_what_nobody_else_does(house: House) -> None:
    for own in (house.api.token(ADA), provider.token(sub=ADA)):
        status, text = ask_raw(house.api, "GET", f"/v1/users/{ADA}/bookmarks", own)
        assert (status, mark(ADA) in text) == (200, True)


# ---- tokens ----------------------------------------------------------------------------------------


def _ours(**changes: Any) -> str:
    now = datetime.now(UTC)
    good = {"iss": OUR_NAME, "aud": OUR_AUDIENCE, "sub": f"user:{ADA}", "iat": now, "exp": now + timedelta(hours=1)}
    return jwt.encode({**good, **changes}, SECRET, algorithm="HS256")


def _with_claims_of(token: str, other: str) -> str:
    """A token whose claims were exchanged for another's, its signature left as it was."""
    head, _, signature = token.split(".")
    return ".".join([head, other.split(".")[1], signature])


AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
NO_TOKENS: dict[str, Callable[[Api], str | None]] = {
    "none": lambda _: None,
    "empty": lambda _: "",
    "nonsense": lambda _: "not.a.token",
    "Ada's name": lambda _: ADA,
    "expired": lambda _: _ours(exp=AN_HOUR_AGO),
    "not yet": lambda _: _ours(nbf=datetime.now(UTC) + timedelta(hours=1)),
    "another issuer's": lambda _: _ours(iss="https://elsewhere.example/"),
    "for another audience": lambda _: _ours(aud="another-api"),
    "of another secret": lambda _: TokenIssuer(SecretStr("x" * 40)).for_user(ADA, lifetime=timedelta(hours=1)),
    "tampered": lambda api: _with_claims_of(api.token(LINUS), _ours()),
    "cut": lambda _: _ours()[:-3],
    "unsigned": lambda _: jwt.encode({"iss": OUR_NAME, "aud": OUR_AUDIENCE, "sub": f"user:{ADA}"}, None, "none"),
    "neither a user's nor a service's": lambda _: _ours(sub=ADA),
    "the provider's, expired": lambda _: provider.token(sub=ADA, exp=AN_HOUR_AGO),
    "the provider's, for another": lambda _: provider.token(sub=ADA, aud="another-api"),
    "the provider's, of a key it does not have": lambda _: provider.token(sub=ADA, kid="another"),
    "the provider's, tampered": lambda _: _with_claims_of(provider.token(sub=LINUS), provider.token(sub=ADA)),
    "another provider's": lambda _: provider.token(sub=ADA, iss="https://elsewhere.example/"),
}
OTHERS_TOKENS: dict[str, Callable[[Api], str]] = {
    "Linus's": lambda api: api.token(LINUS),
    "Linus's, who claims scopes": lambda _: _ours(sub=f"user:{LINUS}", scope="admin keys:write"),
    "Linus's of the provider": lambda _: provider.token(sub=LINUS, scope="admin", user=ADA),
    "a user called like a service": lambda _: provider.token(sub="service:fleet-up", scope="admin"),
    "a user called like Ada's token": lambda _: provider.token(sub=f"user:{ADA}"),
    "Ada's in capitals": lambda api: api.token(ADA.upper()),
    "a service's without a scope": lambda _: _ours(sub="service:importer"),
    "a service's with scopes nobody knows": lambda _: _ours(sub="service:importer", scope="everything users:* ADMIN"),
}


def _filled(path: str, house: House, user: str = ADA) -> str:
    return path.replace("{user}", user).replace("{bookmark}", str(house.bookmark))


def test_nobody_gets_anywhere_without_a_token_that_is_valid_here(house: House) -> None:
    tokens = {name: make(house.api) for name, make in NO_TOKENS.items()}
    for (method, path), body in _all_closed().items():
        for name, token in tokens.items():
            status, text = ask_raw(house.api, method, _filled(path, house), token, body)
            assert (status, json.loads(text)["code"]) == (401, "unauthenticated"), (name, method, path)
            tells_nothing(text)
    house.nothing_changed()


def test_nobody_elses_token_reaches_anything_of_ada(house: House) -> None:
    tokens = {name: make(house.api) for name, make in OTHERS_TOKENS.items()}
    for (method, path), (body, _) in OF_A_USER.items():
        for name, token in tokens.items():
            status, text = ask_raw(house.api, method, _filled(path, house), token, body)
            assert (status, json.loads(text)["code"]) == (403, "forbidden"), (name, method, path)
            tells_nothing(text)
    house.nothing_changed()


def test_no_users_token_and_no_other_scope_operates_the_fleet(house: House) -> None:
    everything_else = house.api.service(Scope.READ, Scope.WRITE, Scope.KEYS)
    tokens = [everything_else, house.api.token(ADA), *(make(house.api) for make in OTHERS_TOKENS.values())]
    for (method, path), body in OF_OPERATORS.items():
        for token in tokens:
            status, text = ask_raw(house.api, method, _filled(path, house), token, body)
            assert (status, json.loads(text)["code"]) == (403, "forbidden"), (method, path)
            tells_nothing(text)
    house.nothing_changed()


def test_a_service_without_the_one_scope_an_address_needs_is_told_which(house: House) -> None:
    for (method, path), (body, needed) in OF_A_USER.items():
        others = house.api.service(*(scope for scope in Scope if scope not in {needed, Scope.ADMIN}))
        status, text = ask_raw(house.api, method, _filled(path, house), others, body)
        assert status == 403, (method, path)
        assert needed in json.loads(text)["detail"]
    only_writing = house.api.service(Scope.WRITE)
    problem(house.api.ask("DELETE", f"/v1/users/{ADA}", whose=only_writing), 403, "forbidden")  # keys go too
    house.nothing_changed()


def test_what_is_open_to_all_holds_nothing_of_anybody(house: House) -> None:
    for (method, _), path in OF_NOBODY.items():
        status, text = ask_raw(house.api, method, path, None)
        assert status == 200
        tells_nothing(text)
        assert LINUS not in text
    whose = house.api.ask("GET", "/v1/caller", whose=LINUS)
    assert (whose.json()["user"], whose.json()["scopes"]) == (
        LINUS,
        ["bookmarks:read", "bookmarks:write", "keys:write"],
    )
    tells_nothing(whose.text)
    house.nothing_changed()


def test_a_service_does_what_its_scopes_say(house: House) -> None:
    reading, erasing = house.api.service(Scope.READ), house.api.service(Scope.WRITE, Scope.KEYS)

    assert len(house.api.ask("GET", f"/v1/users/{ADA}/bookmarks", whose=reading).json()["bookmarks"]) == 3
    assert house.api.ask("DELETE", f"/v1/users/{ADA}", whose=erasing).json() == {"bookmarks": 3}
    admin = house.api.ask("GET", "/v1/caller", whose="*").json()
    assert admin == {"name": "service:admin", "user": None, "scopes": ["admin"]}


@pytest.mark.parametrize("scheme", ["Basic YWRhOmFkYQ==", "Bearer", "Bearer ada", "Token x", "bearer", ""])
def test_whoever_does_not_sign_in_is_told_how(api: Api, scheme: str) -> None:
    refused = api.ask("GET", "/v1/caller", whose=None, headers={"Authorization": scheme})

    assert problem(refused, 401, "unauthenticated")["advice"]
    assert refused.headers["www-authenticate"].startswith("Bearer")


def _all_closed() -> dict[Address, Any]:
    return {
        **{address: body for address, (body, _) in OF_A_USER.items()},
        **OF_OPERATORS,
        **dict.fromkeys(OF_WHOEVER_ASKS),
    }


# ---- names and numbers -----------------------------------------------------------------------------


def test_no_way_to_write_a_name_gets_linus_to_ada(house: House) -> None:
    token = house.api.token(LINUS)
    for written in OTHER_WAYS_TO_WRITE:
        for (method, path), (body, _) in OF_A_USER.items():
            status, text = ask_raw(house.api, method, _filled(path, house, written), token, body)
            assert status in {403, 404, 422}, (method, path, written)
            tells_nothing(text)
    house.nothing_changed()


def test_adas_bookmarks_are_not_found_below_linus(house: House) -> None:
    for method in ("GET", "DELETE"):
        for number in (str(house.bookmark), f"{house.bookmark}%20", f"+{house.bookmark}", f"{house.bookmark}.0"):
            status, text = ask_raw(house.api, method, f"/v1/users/{LINUS}/bookmarks/{number}", house.api.token(LINUS))
            assert status in {404, 422}
            tells_nothing(text)
    house.nothing_changed()


def test_cursors_and_filters_of_ada_show_linus_his_own_alone(house: House) -> None:
    whole = house.api.ask("GET", f"/v1/users/{LINUS}/bookmarks", whose=LINUS).json()["bookmarks"]
    for query in (
        f"cursor={house.bookmark}",
        "cursor=0",
        f"cursor={house.bookmark}&limit=200",
        f"user={ADA}",
        f"user_id={ADA}&state=done",
        f"cursor={house.bookmark}&user={ADA}",
    ):
        answer = house.api.ask("GET", f"/v1/users/{LINUS}/bookmarks?{query}", whose=LINUS)
        assert answer.status_code == 200
        assert {one["id"] for one in answer.json()["bookmarks"]} <= {one["id"] for one in whole}
        tells_nothing(answer.text)
    house.nothing_changed()


def test_adas_idempotency_key_answers_linus_nothing_of_hers(house: House) -> None:
    adas = house.everything(ADA)
    hers = {one["id"] for one in house.api.ask("GET", f"/v1/users/{ADA}/bookmarks", whose=ADA).json()["bookmarks"]}
    for body in (A_PAGE, [f"https://example.org/{mark(ADA)}/{n}" for n in range(3)]):
        answer = house.api.ask(
            "POST",
            f"/v1/users/{LINUS}/bookmarks",
            whose=LINUS,
            json=body,
            headers={"Idempotency-Key": f"{mark(ADA)}-{len(body)}" if body is A_PAGE else mark(ADA)},
        )
        assert answer.status_code == 202, answer.text
        assert not {one["id"] for one in answer.json()} & hers
        assert all(one["created"] for one in answer.json())
    assert {row for row in house.everything(ADA)[0]["bookmarks"] if f",{ADA}," in row[0]} == {
        row for row in adas[0]["bookmarks"] if f",{ADA}," in row[0]
    }


def test_what_linus_says_of_himself_in_a_body_or_a_header_counts_for_nothing(house: House) -> None:
    adas = {table: rows for table, rows in house.everything(ADA)[0].items() if table != "alembic_version"}
    for body in (
        {"url": A_PAGE, "user": ADA},
        {"url": A_PAGE, "user_id": ADA},
        {"url": A_PAGE, "id": house.bookmark},
    ):
        problem(house.api.ask("POST", f"/v1/users/{LINUS}/bookmarks", whose=LINUS, json=body), 422, "invalid_input")
    for name in ("X-User", "X-Forwarded-User", "X-User-Id", "X-HTTP-Method-Override", "X-Original-URL"):
        answer = house.api.ask(
            "GET", f"/v1/users/{LINUS}/bookmarks", whose=LINUS, headers={name: f"/v1/users/{ADA}/bookmarks"}
        )
        tells_nothing(answer.text)
    assert house.everything(ADA)[0] == {**adas, "alembic_version": []}
    house.nothing_changed()


NO_NAMES = [
    "linus/../ada-7f3a",
    "../ada-7f3a",
    "ada-7f3a ",
    " ada-7f3a",
    "ada-7f3a\n",
    "*",
    "#",
    "%",
    "_deployment",
    "",
]


# ---- commands --------------------------------------------------------------------------------------

COMMANDS: dict[str, list[list[str]]] = {
    "submit": [[f"https://example.org/{mark(ADA)}/0", "--user", LINUS]],
    "status": [["--user", LINUS]],
    "results": [["--user", LINUS]],
    "import": [["{file}", "--user", LINUS]],
    "export": [["--user", LINUS]],
    "read": [["{bookmark}", "--user", LINUS]],
    "key add": [["--user", LINUS]],
    "key show": [["--user", LINUS]],
    "key remove": [["--user", LINUS]],
    "key check": [["--user", LINUS]],
    "quota": [["--user", LINUS]],
    "signals": [["--user", LINUS]],
    "limits": [["--user", LINUS], ["--user", LINUS, "--minute", "1"]],
    "language": [["--user", LINUS], ["de", "--user", LINUS]],
    "failures": [["--user", LINUS]],
    "retry": [["{failed}", "--user", LINUS], ["--user", LINUS], ["--user", LINUS, "--code", "page_gone"]],
    "reanalyse": [["--user", LINUS, "--prompt-version", "9999"]],
    "pause": [["--user", LINUS]],
    "resume": [["--user", LINUS]],
    "erase": [["--user", LINUS, "--yes"]],
    "token": [["--user", LINUS]],
    "up": [],  # hands its --url in for --user over HTTP, as that user
}
"""Every command that takes a user: what Linus's things are tried with, Ada's numbers and addresses among it."""


def commands_with_a_user(group: click.Group, before: str = "") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_with_a_user(command, f"{before}{name} ")
        elif command is not None and any("user" in (parameter.name or "") for parameter in command.params):
            yield f"{before}{name}"


def test_every_command_that_takes_a_user_has_an_entry_here() -> None:
    assert set(commands_with_a_user(main)) == set(COMMANDS)


def test_commands_for_linus_neither_show_nor_change_anything_of_ada(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("services.cli.command.configure_logs", lambda *_, **__: None)
    file = tmp_path / "bookmarks.html"
    file.write_text(f"<a href=https://example.org/{mark(ADA)}/0>Linus's now</a>", encoding="utf-8")
    adas = of_ada_alone(house)
    for command, tries in COMMANDS.items():
        for arguments in tries:
            names = {"failed": house.failed, "bookmark": house.bookmark, "file": file}
            typed = [argument.format(**names) for argument in arguments]
            outcome = CliRunner().invoke(main, [*command.split(), *typed, "--json"], input=KEYS[LINUS])
            assert outcome.exit_code in {0, 1}, (command, outcome.output, outcome.exception)
            assert ADA not in outcome.output.replace(f"https://example.org/{mark(ADA)}/0", ""), command
            assert KEYS[ADA] not in outcome.output
            assert of_ada_alone(house) == adas, command


def test_no_command_takes_a_name_that_could_be_another_place(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.command.configure_logs", lambda *_, **__: None)
    for name in NO_NAMES:
        for command in COMMANDS:
            outcome = CliRunner().invoke(main, [*command.split(), "--user", name], input=KEYS[LINUS])
            assert outcome.exit_code == 2, (command, name, outcome.output)
    house.nothing_changed()


def of_ada_alone(house: House) -> Any:
    """Everything with Ada's name in it, but what Linus may say of his own accord."""
    rows, counters, keys = house.everything(ADA)
    return {table: [row for row in found if LINUS not in row[0]] for table, found in rows.items()}, counters, keys


# ---- events ----------------------------------------------------------------------------------------

EVENTS: dict[EventType, list[object]] = {
    EventType.BOOKMARK_CREATED: [
        {"url": f"https://example.org/{mark(ADA)}/0", "external_id": mark(ADA), "title": "Linus's now"},
        {"url": A_PAGE, "user": ADA},
    ],
    EventType.BOOKMARK_UPDATED: [{"url": f"https://example.org/{mark(ADA)}/0", "title": "Linus's now"}],
    EventType.BOOKMARK_DELETED: [
        {"url": f"https://example.org/{mark(ADA)}/0", "external_id": mark(ADA)},
        {"url": f"https://example.org/{mark(ADA)}/0", "user": ADA},
    ],
    EventType.USER_DELETED: [None, {"user": ADA}, {"user_id": ADA, "subject": ADA}],
}
"""Every type of event: what one of Linus's carries, with Ada's addresses and names in it."""


def test_every_type_of_event_has_an_entry_here() -> None:
    assert set(EVENTS) == set(EventType)


def test_events_of_linus_change_nothing_of_ada(house: House) -> None:
    adas = of_ada_alone(house)

    async def deliver() -> None:
        async with open_front_door(FrontDoorSettings.read()) as door:
            take = TakeEvent(door.ledger, door.bursts, partial(door.erase, by=here("process:intake")))
            for type_, carried in EVENTS.items():
                for number, data in enumerate(carried):
                    await _deliver(take, type_, LINUS, data, id_=f"{type_}-{number}")
                    assert of_ada_alone(house) == adas, (type_, data)

    asyncio.run(deliver())


def test_no_subject_of_an_event_is_ada_but_her_own_name(house: House) -> None:
    adas = of_ada_alone(house)

    async def deliver() -> None:
        async with open_front_door(FrontDoorSettings.read()) as door:
            take = TakeEvent(door.ledger, door.bursts, partial(door.erase, by=here("process:intake")))
            for subject in (*NO_NAMES, ADA.upper()):
                for type_, carried in EVENTS.items():
                    await _deliver(take, type_, subject, carried[0], id_=f"{type_}-{subject}")

    asyncio.run(deliver())
    assert of_ada_alone(house) == adas


def test_an_event_that_goes_by_the_name_of_one_of_adas_is_not_taken_for_it(house: House) -> None:
    async def deliver() -> None:
        async with open_front_door(FrontDoorSettings.read()) as door:
            take = TakeEvent(door.ledger, door.bursts, partial(door.erase, by=here("process:intake")))
            for user in (ADA, LINUS):
                await _deliver(take, EventType.BOOKMARK_CREATED, user, {"url": f"https://{user}.example/"}, id_="e-1")

    asyncio.run(deliver())
    rows = house.api.rows("SELECT user_id, url FROM bookmarks WHERE url LIKE '%.example/' ORDER BY 1")
    assert rows == [(ADA, f"https://{ADA}.example/"), (LINUS, f"https://{LINUS}.example/")]


async def _deliver(take: TakeEvent, type_: EventType, subject: str, data: object, *, id_: str) -> None:
    """What the intake does with a message; one that is refused is set aside there."""
    event = {"specversion": "1.0", "id": id_, "source": "/upstream", "type": type_.value, "subject": subject}
    body = json.dumps(event | ({} if data is None else {"data": data})).encode()
    try:
        await take(read_event(body, content_type="application/cloudevents+json", headers={}))
    except FleetError as error:
        tells_nothing(error.sentence)
