"""One program as a child in a session of its own: started, watched by the warden, and ended with all it started."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.local.accounts import Account

_LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Command:
    """What to run and how to end it.

    Attributes:
        argv: program and arguments; anybody on the machine can read them, so no secret may be among them.
        environment: the whole environment; nothing is inherited.
        stop_signal: what the program takes as "end in good order".
        grace_s: how long it may take to do so before it is killed.
        account: the system account to run as; ours when None.
        folder: where it runs, and leaves what it drops when it crashes; where we run when None.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    grace_s: float = 10.0
    account: Account | None = None
    folder: Path | None = None


class Watch(Protocol):
    """Whoever ends a process group when we cannot any more."""

    def watch(self, group: int, stop_signal: signal.Signals) -> None:
        """End this group, beginning with the signal, if we die."""

    def forget(self, group: int) -> None:
        """The group has ended."""


class Process:
    """A command that can be started, asked about and stopped, again and again."""

    def __init__(self, name: str, command: Command, *, log: Path, watch: Watch) -> None:
        self.name = name
        self.command = command
        self.log = log
        self._watch = watch
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process' id; None while there is none."""
        return self._child.pid if self._child is not None and self.is_running() else None

    def start(self) -> None:
        """Start it; what it prints goes to the end of its log."""
        account = self.command.account
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - the command is ours
                self.command.argv,
                env=dict(self.command.environment),
                cwd=self.command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=() if account else None,
                umask=0o077,
            )
        self._watch.watch(self._child.pid, self.command.stop_signal)

    def is_running(self) -> bool:
        """Whether it runs; the first look after its end also ends what it left in its session's group."""
        if self._child is None:
            return False
        if self._child.poll() is None:
            return True
        _signal_group(self._child.pid, signal.SIGKILL)
        self._watch.forget(self._child.pid)
        self._child = None
        return False

    def ask_to_stop(self) -> None:
        """Ask it to end in good order; returns at once."""
        if self._child is not None and self.is_running():
            self._child.send_signal(self.command.stop_signal)

    def stop(self) -> None:
        """End it: asked first, killed when its grace is over."""
        self.ask_to_stop()
        deadline = time.monotonic() + self.command.grace_s
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
        self.kill()

    def kill(self) -> None:
        """End it and its group now."""
        if self._child is not None and self.is_running():
            _signal_group(self._child.pid, signal.SIGKILL)
            self._child.wait()
            self.is_running()


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # the group is empty: what was wanted
