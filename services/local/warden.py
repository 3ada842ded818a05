"""Ends what the fleet left behind: reads which process groups live, and when the fleet is gone, ends them.

Run as a program of its own, in its own session, by `Warden`: nothing that ends the fleet (Ctrl-C, SIGKILL, a closed
terminal) ends it too. The lines on its input are `+GROUP SIGNAL` and `-GROUP`; the input's end is the fleet's.
It imports nothing of ours, so that it starts at once and needs no environment.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

GRACE_S = 8.0
_LOOK_EVERY_S = 0.05


class HasFileno(Protocol):
    """An open file."""

    def fileno(self) -> int:
        """Its number."""


class Warden:
    """The fleet's side: tells the guardian what to end, and starts another if somebody kills it.

    Args:
        hold: an open file the guardian keeps open until everything has ended: a lock, say.
    """

    def __init__(self, *, hold: HasFileno | None = None) -> None:
        self._hold = hold
        self._groups: dict[int, signal.Signals] = {}
        self._lock = threading.Lock()
        self._guardian = self._start_guardian()

    def watch(self, group: int, stop_signal: signal.Signals) -> None:
        """End this group, beginning with the signal, if we die."""
        with self._lock:
            self._groups[group] = stop_signal
            self._tell(f"+{group} {int(stop_signal)}\n")

    def forget(self, group: int) -> None:
        """The group has ended."""
        with self._lock:
            self._groups.pop(group, None)
            self._tell(f"-{group}\n")

    def check(self) -> None:
        """Start another guardian if ours is gone."""
        with self._lock:
            if self._guardian.poll() is not None:
                self._start_anew()

    def close(self) -> None:
        """Dismiss the guardian; what is still watched is ended."""
        with self._lock:
            _close_input(self._guardian)
        self._guardian.wait()

    def _tell(self, line: str) -> None:
        assert self._guardian.stdin is not None  # noqa: S101 - it was started with one
        try:
            self._guardian.stdin.write(line.encode())
        except BrokenPipeError:
            self._start_anew()

    def _start_anew(self) -> None:
        _close_input(self._guardian)
        self._guardian = self._start_guardian()
        assert self._guardian.stdin is not None  # noqa: S101 - it was started with one
        for group, stop_signal in self._groups.items():
            self._guardian.stdin.write(f"+{group} {int(stop_signal)}\n".encode())

    def _start_guardian(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - this file
            [sys.executable, "-I", "-S", __file__],
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            pass_fds=() if self._hold is None else (self._hold.fileno(),),
        )


def _close_input(guardian: subprocess.Popen[bytes]) -> None:
    assert guardian.stdin is not None  # noqa: S101 - it was started with one
    guardian.stdin.close()


def guard(lines: Iterable[str]) -> None:
    """Follow what lives until the lines end; then end it."""
    groups: dict[int, int] = {}
    for line in lines:
        if line.startswith("+"):
            group, number = line[1:].split()
            groups[int(group)] = int(number)
        else:
            groups.pop(int(line[1:]), None)
    end(groups)


def end(groups: dict[int, int]) -> None:
    """Ask every group to end with its signal; kill those still there when the grace is over."""
    for group, number in groups.items():
        _send(group, number)
    deadline = time.monotonic() + GRACE_S
    while any(_lives(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    for group in groups:
        _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _lives(group: int) -> bool:
    """Whether anybody in the group runs; ended ones nobody has reaped yet do not count, where that can be seen."""
    if not _send(group, 0):
        return False
    states = [state for state, its_group in _processes() if its_group == group]
    return not states or any(state not in "ZX" for state in states)


def _processes() -> Iterator[tuple[str, int]]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything; what follows it is: state, parent, group.
            state, _, group = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue  # it ended while we looked
        yield state, int(group)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    guard(sys.stdin)
