"""Starts servers side by side and waits until each can be used."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.local.processes import Process, Watch
from services.local.servers import Server
from services.local.servers.errors import ServerNotReady

START_WITHIN_S = 90.0  # RabbitMQ on a busy machine
_LOOK_EVERY_S = 0.05


def process_of(server: Server, *, logs: Path, watch: Watch) -> Process:
    """The process that will run this server."""
    return Process(server.name, server.command(), log=logs / f"{server.name}.log", watch=watch)


def bring_up(server: Server, process: Process, *, given_up: Callable[[], bool] = lambda: False) -> None:
    """Start the server and come back when it can be used.

    Args:
        server: what to start.
        process: its process, not running.
        given_up: asked all the time; once true, waiting ends.

    Raises:
        ServerMissing: its program is not on this machine.
        ServerNotReady: it ended at once, or did not answer in time, or was given up.
    """
    server.prepare()
    process.start()
    deadline = time.monotonic() + START_WITHIN_S
    while not server.is_ready():
        if not process.is_running():
            raise ServerNotReady(server.name, why="ended right after its start", log=process.log)
        if given_up() or time.monotonic() > deadline:
            raise ServerNotReady(server.name, why="did not answer in time", log=process.log)
        time.sleep(_LOOK_EVERY_S)
    try:
        server.settle()
    except Exception as error:
        # Each server has a library of its own for this; here it only matters that it did not work.
        why = f"started and could not be set up ({type(error).__name__})"
        raise ServerNotReady(server.name, why=why, log=process.log) from error


def bring_up_all(servers: Sequence[tuple[Server, Process]], *, given_up: Callable[[], bool] = lambda: False) -> None:
    """Start servers that do not need each other side by side; come back when all can be used, or raise for one."""
    if not servers:
        return
    with ThreadPoolExecutor(len(servers), thread_name_prefix="server") as pool:
        started = [pool.submit(bring_up, server, process, given_up=given_up) for server, process in servers]
    for start in started:
        start.result()
