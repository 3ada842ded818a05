"""Serves the sample site on loopback: `python -m services.local.sample_site HOST PORT`, until SIGTERM."""

import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from services.local.sample import Answer, answers


class SampleSite(ThreadingHTTPServer):
    """The sample pages over HTTP/1.1; says nothing."""

    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), _Handler)
        self.answers = answers()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SampleSite
    timeout = 30

    def do_GET(self) -> None:
        nothing = Answer(HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"Not Found")
        answer = self.server.answers.get(urlsplit(self.path).path, nothing)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Say nothing."""


if __name__ == "__main__":
    SampleSite(sys.argv[1], int(sys.argv[2])).serve_forever()
