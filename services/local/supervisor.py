"""Runs servers and roles until told to stop: starts them in order, keeps them up, ends them the other way round."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from services.local.keeper import Keeper
from services.local.processes import Command, Process, Watch
from services.local.servers import Server
from services.local.servers.starting import bring_up, bring_up_all, process_of

_ROLE_GRACE_S = 20.0  # a worker puts its jobs back before it ends


@dataclass(frozen=True, slots=True)
class Role:
    """One process of the fleet.

    Attributes:
        name: for its log and messages.
        argv: what runs it.
        environment: its whole environment, secrets included.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


class Supervisor:
    """Everything a fleet runs on one machine; `with` ends it all, whatever happened inside.

    Args:
        logs: the folder of the processes' logs; one file each.
        watch: who ends the processes should we be killed.
    """

    def __init__(self, *, logs: Path, watch: Watch) -> None:
        self._logs = logs
        self._watch = watch
        self._letting_go = threading.Event()
        self._servers: list[Process] = []
        self._roles: list[Process] = []
        self._keepers: list[Keeper] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def restarts(self) -> int:
        """How often something died and was started again."""
        return sum(keeper.restarts for keeper in self._keepers)

    @property
    def hopeless(self) -> list[Process]:
        """What dies again and again, each time soon after its start."""
        return [keeper.process for keeper in self._keepers if keeper.is_hopeless]

    def start_servers(self, *servers: Server) -> None:
        """Start servers that do not need each other side by side; come back when all can be used.

        Raises:
            ServerMissing: a program is not on this machine.
            ServerNotReady: one does not come up, or `give_up` was called.
        """
        for server in servers:
            server.prepare()
        started = [(server, process_of(server, logs=self._logs, watch=self._watch)) for server in servers]
        self._servers += [process for _, process in started]
        bring_up_all(started, given_up=self._letting_go.is_set)
        for server, process in started:
            self._keep(process, partial(bring_up, server, process, given_up=self._letting_go.is_set))

    def start_roles(self, roles: Sequence[Role]) -> None:
        """Start a process per role; comes back at once."""
        for role in roles:
            command = Command(role.argv, role.environment, grace_s=_ROLE_GRACE_S)
            process = Process(role.name, command, log=self._logs / f"{role.name}.log", watch=self._watch)
            self._roles.append(process)
            process.start()
            self._keep(process, process.start)

    def _keep(self, process: Process, start: Callable[[], None]) -> None:
        keeper = Keeper(process, start, letting_go=self._letting_go)
        self._keepers.append(keeper)
        keeper.begin()

    def give_up(self) -> None:
        """Start nothing any more; for a signal handler: returns at once."""
        self._letting_go.set()

    def stop(self) -> None:
        """End the roles, then the servers; each asked first and killed when its grace is over."""
        self.give_up()
        for keeper in self._keepers:
            keeper.end()
        _stop_all(self._roles)
        _stop_all(self._servers)


def _stop_all(processes: Sequence[Process]) -> None:
    if processes:
        with ThreadPoolExecutor(len(processes), thread_name_prefix="stop") as pool:
            for stopped in [pool.submit(process.stop) for process in processes]:
                stopped.result()
