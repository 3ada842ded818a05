"""Pages that are not had at once, through a whole fleet: refused, behind a wall, or where nobody may go."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from tests.running_fleet import RunningFleet

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

CHALLENGE = "<title>Just a moment...</title><h1>Verify you are human</h1>"
LOG_IN = """<title>Log in | Garden</title><meta property="og:title" content="Growing lentils at home">
    <meta property="og:description" content="A year of lentils in pots."><form><input type="password"></form>"""
PAGE = f"<title>Lentils</title><article>{'<p>Lentils want sun, a little water and much patience.</p>' * 20}</article>"


class GuardedSite(BaseHTTPRequestHandler):
    """Refuses one page for ever, opens another to its third visitor, and asks for a log-in before a third."""

    visits: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.visits[self.path] += 1
        opens = self.path == "/opens-later" and self.visits[self.path] > 2
        status, body = (200, LOG_IN) if "members" in self.path else (200, PAGE) if opens else (403, CHALLENGE)
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<!doctype html><html>{body}</html>".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), GuardedSite)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_refused_page_is_tried_in_the_browser_and_later_again_and_never_done_for_having_been_tried(
    start_fleet: Callable[..., RunningFleet], site: str
) -> None:
    paths = ("/never-opens", "/opens-later", "/growing-lentils-for-members")
    urls = [f"{site}{path}" for path in paths] + ["http://169.254.169.254/latest/meta-data"]
    fleet = start_fleet(
        *("--once", "--json", "--user", "eve"),
        *(argument for url in urls for argument in ("--url", url)),
        settings={"FLEET_MAX_RETRIES": "1"},
    )

    assert fleet.process.wait(timeout=240) == 1, fleet.output

    fleet._reader.join(timeout=10)
    never, later, walled, forbidden = (
        next(result for result in json.loads(fleet.printed[-1])["results"] if result["url"] == url) for url in urls
    )
    assert (later["state"], later["strategy"], later["title"]) == ("done", "browser", "Lentils")
    assert (never["error"]["code"], never["title"]) == ("page_blocked", "never opens")
    assert GuardedSite.visits["/never-opens"] == 3  # one static, two in the browser
    assert (walled["error"]["code"], walled["title"]) == ("page_refused", "Growing lentils at home")
    assert forbidden["error"]["code"] == "address_refused"
    assert "169.254" not in forbidden["error"]["sentence"]
    for result in (never, walled, forbidden):
        assert (result["state"], result["strategy"], result["analysed_by"]) == ("failed", "fallback", "heuristic")
        assert result["error"]["advice"]
