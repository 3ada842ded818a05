"""The servers a fleet stands on, each a child of ours: on loopback, with generated passwords, its data in a folder."""

from typing import Protocol

from services.local.processes import Command


class Server(Protocol):
    """A server that can be started on new or existing data, by any user, root included.

    Every method blocks. `prepare`, then the command is started, then `is_ready` until it says so, then `settle`;
    the same again each time it is started anew.
    """

    @property
    def name(self) -> str:
        """One word, for logs and messages."""

    @property
    def url(self) -> str:
        """Where clients find it, password included; never shown to anybody."""

    def prepare(self) -> None:
        """Write what it needs before it starts: folders, configuration, first data.

        Raises:
            ServerMissing: its program is not on this machine.
        """

    def command(self) -> Command:
        """How it is run in the foreground and stopped."""

    def is_ready(self) -> bool:
        """Whether it answers; never raises, takes two seconds at most."""

    def settle(self) -> None:
        """What must be done once it answers, each time: unseal, create the first account."""
