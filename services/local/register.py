"""Writes down which process groups live, so that a fleet killed together with its warden is ended by the next one."""

import signal
from pathlib import Path

import psutil

from services.local import warden
from services.local.processes import Watch


class Register:
    """Tells the warden of every process group, and keeps a file about each while it lives.

    Args:
        folder: one file per living group, its name the group's number.
        then: who else is told.
    """

    def __init__(self, folder: Path, then: Watch) -> None:
        self._folder = folder
        self._then = then
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def watch(self, group: int, stop_signal: signal.Signals) -> None:
        """End this group, beginning with the signal, if we die."""
        self._then.watch(group, stop_signal)
        (self._folder / str(group)).write_text(f"{_born(group)} {int(stop_signal)}", encoding="ascii")

    def forget(self, group: int) -> None:
        """The group has ended."""
        (self._folder / str(group)).unlink(missing_ok=True)
        self._then.forget(group)


def end_leftovers(folder: Path) -> int:
    """End what an earlier fleet on this folder left running; how many process groups that were."""
    left = {}
    for file in folder.glob("[0-9]*"):
        born, _, number = file.read_text(encoding="ascii").partition(" ")
        if born and born == _born(int(file.name)):
            left[int(file.name)] = int(number)
    if left:
        warden.end(left)
    for file in folder.glob("[0-9]*"):
        file.unlink()
    return len(left)


def _born(pid: int) -> str:
    """When the process began: what tells it from a later one of the same number; empty when it has ended."""
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return ""
