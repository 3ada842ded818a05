"""Servers that are not what a client takes them for: one that stays silent, and ones that answer as a test wants."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answer = Callable[[str, bytes], tuple[int, bytes]]
"""From a request's path and body to a status and a JSON text."""


@contextmanager
def silent_server() -> Iterator[str]:
    """`host:port` of a server to which one can connect, and that never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def answering_server(answer: Answer) -> Iterator[str]:
    """`http://host:port` of a server that answers every request so."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            status, text = answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _reply  # noqa: N815 - the names http.server calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
