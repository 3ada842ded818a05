"""Finds ports on the loopback address that nobody listens on."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = "127.0.0.1"
_OWN_RANGE = range(20_000, 32_000)  # below the ports systems lend to outgoing connections, which come and go
_TRIES = 200
_handed_out: set[int] = set()


def is_free(port: int) -> bool:
    """Whether somebody could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A loopback port nobody listens on, never the same twice, and picked by chance, for others look too."""
    for _ in range(_TRIES):
        port = random.choice(_OWN_RANGE)  # noqa: S311 - spreads callers, guards nothing
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        lent: int = probe.getsockname()[1]
        return lent


@contextmanager
def claimed(port: int) -> Iterator[bool]:
    """Whether no other fleet of this account claims the port; while the block runs, it is ours.

    Looking whether a port is free says nothing about the moments until somebody listens on it.
    """
    with (Path(tempfile.gettempdir()) / f"bookmark-fleet-{os.geteuid()}-port-{port}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield is_free(port)


def kept_port(file: Path) -> int:
    """The port noted in this file while it is free, so that addresses stay the same; else a free one, noted there."""
    noted = file.read_text(encoding="ascii") if file.exists() else ""
    if noted.isdigit() and is_free(int(noted)):
        return int(noted)
    port = free_port()
    file.write_text(str(port), encoding="ascii")
    return port
