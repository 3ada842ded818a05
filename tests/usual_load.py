"""Bookmarks as users hand them in, one by one over HTTP and as events, and the site with their pages."""

import json
import threading
import time
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pika

from tests.bench.of_rendering import SCRIPT, SHELL
from tests.bench.of_scraping import page
from tests.gemini_emulator import GeminiEmulator
from tests.running_fleet import RunningFleet

PAGES_EACH = 40  # of a user
SCRIPTED = 10  # one page in so many is empty without its script


class Pages:
    """Usual pages, and at /scripted/ ones that are empty without their script."""

    def __init__(self) -> None:
        usual = page()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                kind, body, coding = "text/html", usual, "gzip"
                if self.path.startswith("/scripted/"):
                    body, coding = SHELL.encode(), "identity"
                elif self.path == "/app.js":
                    kind, body, coding = "text/javascript", SCRIPT.encode(), "identity"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Encoding", coding)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def handle(self) -> None:
                with suppress(ConnectionError):  # a client has seen enough
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, number: int) -> str:
        kind = "usual" if number % SCRIPTED else "scripted"
        return f"http://127.0.0.1:{self._server.server_address[1]}/{kind}/{number}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Load:
    """Bookmarks of some users, each handed in alone: the odd ones over HTTP, the even ones as events."""

    def __init__(self, fleet: RunningFleet, gemini: GeminiEmulator, pages: Pages, *, users: int) -> None:
        scopes = [word for scope in ("bookmarks:write", "keys:write", "admin") for word in ("--scope", scope)]
        self._token = fleet.run("token", "--service", "footprint", *scopes).stdout.strip()
        self._api = f"http://127.0.0.1:{fleet.settings()['FLEET_API_PORT']}"
        self._broker = fleet.settings()["FLEET_BROKER_URL"]
        self._pages = pages
        self._users = [f"user-{number}" for number in range(users)]
        self.bookmarks = users * PAGES_EACH
        for number, user in enumerate(self._users):
            key = gemini.add_key(f"AIzaSy{number:033}", per_minute=100_000, per_day=100_000)
            self._ask("PUT", f"/v1/users/{user}/api-key", {"key": key})

    def hand_in(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._broker)) as connection:
            channel = connection.channel()
            for number in range(self.bookmarks):
                user, url = self._users[number % len(self._users)], self._pages.url(number)
                if number % 2:
                    self._ask("POST", f"/v1/users/{user}/bookmarks", {"url": url})
                    continue
                event = {"specversion": "1.0", "id": str(number), "source": "footprint", "type": "bookmark.created"}
                body = json.dumps(event | {"subject": user, "data": {"url": url}}).encode()
                kind = pika.BasicProperties(content_type="application/cloudevents+json")
                channel.basic_publish("bookmark.events", "any.key", body, kind)

    def is_analysed(self) -> bool:
        stages = {each["stage"]: each for each in self._ask("GET", "/v1/admin/overview")["stages"]}
        time.sleep(2)
        return bool(stages["analyze"]["done"] == self.bookmarks)

    def pieces(self) -> dict[str, tuple[int, str]]:
        """How many of what each role has worked on in the end."""
        bookmarks, scripted = self.bookmarks, len(range(0, self.bookmarks, SCRIPTED))
        return {
            "api": (bookmarks // 2, "request"),
            "intake": (bookmarks // 2, "event"),
            "dispatch": (2 * bookmarks + scripted, "job let out"),
            "scrape": (bookmarks, "page"),
            "render": (scripted, "page"),
            "analyze": (bookmarks, "page"),
        }

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own API
            self._api + path, data=data, headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            return json.load(answer)
