"""Promise 7 over a whole fleet: planted keys are looked for in every byte it keeps or shows, and are not there."""

import base64
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import requests
from psycopg import sql

from tests.gemini_emulator import Fault, GeminiEmulator
from tests.running_fleet import RunningFleet, Site, processes_of, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

GOOD = "AIzaSyPLANTED-good-0000000000000000000001"
NEXT = "AIzaSyPLANTED-next-0000000000000000000002"
REFUSED = "AIzaSyPLANTED-refused-000000000000000003"
REVOKED = "AIzaSyPLANTED-revoked-000000000000000004"
DEFAULT = "AIzaSyPLANTED-default-000000000000000005"
LATE = "AIzaSyPLANTED-servers-away-0000000000006"
MALFORMED = "AIzaSyPLANTED with a space 00000000000007"
SETTINGS = {
    "FLEET_LOG_LEVEL": "debug",
    "FLEET_VAULT_CACHE_S": "1",
    "FLEET_DEFAULT_KEY_POLICY": "fallback",
    "FLEET_KEY_TRIES_PER_HOUR": "100",
}
PLANTED = (GOOD, NEXT, REFUSED, REVOKED, DEFAULT, LATE, MALFORMED)


def traces_of(key: str) -> Iterator[bytes]:
    """How a key could stand somewhere: as it is, quoted for an address, or in base64 at any of its three offsets."""
    yield key.encode()
    yield urllib.parse.quote(key).encode()
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + key.encode())
        yield coded[4 : len(key) // 3 * 4 - 4]  # what stands before and after does not change these


TRACES = [trace for key in PLANTED for trace in traces_of(key)]


def shown_in(haystack: bytes) -> list[bytes]:
    return [trace for trace in TRACES if trace in haystack]


def files_with_a_key(folder: Path) -> list[str]:
    """Every file with a trace in it: databases, queues, logs, settings, the vault's own store."""
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    assert len(files) > 500, "the servers keep their data elsewhere; else the test shows nothing"
    return [str(file.relative_to(folder)) for file in files if shown_in(_bytes_of(file))]


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # a server dropped it meanwhile
        return b""


def tables_of(url: str) -> dict[str, bytes]:
    """Every row of every table as text; compressed columns are not what they seem in the files."""
    rows = sql.SQL("SELECT row::text FROM {} AS row")
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {
            name: b"\n".join(
                row.encode() for (row,) in connection.execute(rows.format(sql.Identifier(name))).fetchall()
            )
            for (name,) in names
        }


def values_of(url: str) -> bytes:
    """Everything Valkey holds."""
    with redis.Redis.from_url(url) as client:
        return b"\n".join(key + b" " + (client.dump(key) or b"") for key in client.scan_iter())


def metrics_of(fleet: RunningFleet) -> bytes:
    """The metrics of every process that has some."""
    ports = {process.environ().get("FLEET_METRICS_PORT") for process in processes_of(fleet.data)} - {None, "0"}
    assert len(ports) >= 3
    return b"\n".join(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).content for port in ports)


class Caller:
    """Asks the API and runs commands, and keeps every word they answer."""

    def __init__(self, fleet: RunningFleet) -> None:
        self.fleet = fleet
        self.address = f"http://127.0.0.1:{fleet.settings()['FLEET_API_PORT']}"
        self.token = fleet.run("token", "--service", "tester", "--scope", "admin").stdout.strip()
        self.told: list[bytes] = []
        self.saved: Counter[str] = Counter()

    def ask(self, method: str, path: str, body: object = None) -> int:
        signed = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, f"{self.address}{path}", json=body, headers=signed, timeout=60)
        self.told += [repr(answer.headers).encode(), answer.content]
        return answer.status_code

    def offer(self, user: str, key: object, **more: object) -> int:
        return self.ask("PUT", f"/v1/users/{user}/api-key", {"key": key, "name": "planted", **more})

    def run(self, *words: str, typed: str | None = None, fails: bool = False) -> None:
        done = self.fleet.run(*words, typed=typed, check=False)
        self.told.append(f"{done.args}{done.stdout}{done.stderr}".encode())
        assert (done.returncode != 0) is fails, done.stderr

    def save(self, user: str, urls: list[str], *, so_that: str) -> None:
        """Hand in bookmarks, and wait until all the user's are analysed so."""
        self.saved[user] += len(urls)
        self.run("submit", *urls, "--user", user)
        wait_until(lambda: self.results(user) == [so_that] * self.saved[user], what=f"{user}'s pages: {so_that}")

    def results(self, user: str) -> list[str]:
        return [result["analysed_by"] for result in self.fleet.json("results", "--user", user)]


@contextmanager
def watching_command_lines(seen: set[str]) -> Iterator[None]:
    """Collect the command line of every process on this machine while the block runs."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            for process in psutil.process_iter():
                try:
                    seen.add(" ".join(process.cmdline()))
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def on_good_days(caller: Caller, site: Site) -> None:
    """Keys are added, used and replaced."""
    assert caller.offer("ada", GOOD) == 200
    caller.save("ada", site.pages(3), so_that="gemini")
    caller.run("key", "add", "--user", "ada", typed=f"{NEXT}\n")
    caller.run("key", "add", "--default", typed=f"{DEFAULT}\n")
    caller.save("grace", site.pages(2, first=10), so_that="gemini")  # on the default key: she has none


def with_bad_input(caller: Caller) -> None:
    """What cannot be a key, in every place that could be echoed."""
    for key in (MALFORMED, f"{GOOD}\n{GOOD}", GOOD * 20, [GOOD], {"key": GOOD}, ""):
        assert caller.offer("ada", key) == 422
    for body in (GOOD, [{"key": GOOD}], {"key": GOOD, "other": GOOD}, {GOOD: GOOD}):
        assert caller.ask("PUT", "/v1/users/ada/api-key", body) == 422
    caller.run("key", "add", "--user", "ada", typed=f"{MALFORMED}\n", fails=True)
    caller.run("key", "check", typed=f"{REFUSED}\n", fails=True)


def on_bad_days(caller: Caller, site: Site, gemini: GeminiEmulator) -> None:
    """Keys that are refused, at once or later, and a provider that fails in every way."""
    assert caller.offer("linus", REFUSED) == 422
    assert caller.offer("linus", REVOKED) == 200
    gemini.refuse_key(REVOKED)
    caller.save("linus", site.pages(1, first=30), so_that="gemini")  # on the default key, after the refusal
    gemini.plan(Fault.INTERNAL, Fault.HTML, Fault.RESET, Fault.MALFORMED, Fault.REDIRECT)
    caller.save("ada", site.pages(2, first=20), so_that="gemini")


def with_servers_away(caller: Caller) -> None:
    """A key is on its way while the vault or Valkey does not answer, or PostgreSQL just died."""
    for server in ("bao", "valkey-server"):
        for process in caller.fleet.servers(server):
            process.suspend()
        answered = caller.offer("ada", LATE)
        for process in caller.fleet.servers(server):
            process.resume()
        assert answered == 503
    for process in caller.fleet.servers("postgres"):
        process.kill()  # it is started again
    assert caller.offer("ada", LATE) in {200, 503}
    wait_until(lambda: caller.offer("ada", LATE) == 200, what="the ledger is back")


def test_planted_keys_are_found_nowhere(start_fleet: Callable[..., RunningFleet], site: Site) -> None:
    command_lines: set[str] = set()
    with GeminiEmulator() as gemini, watching_command_lines(command_lines):
        for key in (GOOD, NEXT, REVOKED, DEFAULT, LATE):
            gemini.add_key(key)
        fleet = start_fleet(settings={"FLEET_GEMINI_BASE_URL": gemini.url, **SETTINGS}).ready()
        caller = Caller(fleet)

        on_good_days(caller, site)
        with_bad_input(caller)
        on_bad_days(caller, site, gemini)
        with_servers_away(caller)
        for path in ("/v1/users/ada/api-key", "/v1/users/ada/stats", "/v1/admin/overview", "/openapi.json", "/metrics"):
            assert caller.ask("GET", path) == 200
        for words in (["key", "show", "--user", "ada"], ["doctor"], ["status"], ["quota", "--user", "ada"]):
            caller.run(*words)

        tables = tables_of(fleet.superuser_url())
        assert len(tables["api_keys"].splitlines()) == 3, "the keys are known; else the test shows nothing"
        assert {name: shown_in(rows) for name, rows in tables.items() if shown_in(rows)} == {}
        assert shown_in(values_of(fleet.settings()["FLEET_REDIS_URL"])) == []
        assert shown_in(metrics_of(fleet)) == []
        assert [told for told in caller.told if shown_in(told)] == []
        fleet.stop()
    assert shown_in(fleet.output.encode()) == []
    assert files_with_a_key(fleet.data) == []
    assert any("fleet" in line for line in command_lines)
    assert [line for line in command_lines if shown_in(line.encode())] == []
    assert {request.key for request in gemini.requests} >= {GOOD, NEXT, REVOKED, DEFAULT}, "all keys were in use"


def test_the_search_finds_a_key_however_it_stands() -> None:
    for before in ("", "x", "xy"):
        assert shown_in(base64.b64encode(f"{before}{GOOD} and more".encode()))
    assert shown_in(f"GET /v1?key={urllib.parse.quote(MALFORMED)}".encode())
    assert shown_in(b"nothing of the kind") == []
