"""What can be wrong with a server on this machine."""

from shared.errors import Misconfigured


class ServerMissing(Misconfigured):
    """A server's program is not on this machine."""

    code = "server_missing"
    advice = "Install what the sentence names, or set the setting it names to a server of yours."

    def __init__(self, server: str, *, remedy: str, setting: str) -> None:
        super().__init__(f"{server} is not installed: {remedy}, or point {setting} at one that runs elsewhere.")


class ServerNotReady(Misconfigured):
    """A server was started and does not answer."""

    code = "server_not_ready"
    advice = "Read the log the sentence names; a full disk, little memory or an old data folder are usual causes."

    def __init__(self, server: str, *, why: str, log: object) -> None:
        super().__init__(f"{server} {why}; its log is {log}.")
